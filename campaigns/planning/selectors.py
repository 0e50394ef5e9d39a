"""Reads: windows of campaigns and stages, and what stands on the calendar."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from campaigns.planning import quiet
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.states import PublicationState as State
from core import clock
from core.models import Market

WAITING = frozenset({State.PLANNED, State.SUBMITTED, State.APPROVED, State.SCHEDULED})
"""States in which the moment is still to come: past it, the publication is late."""

GRACE = timedelta(minutes=2)
"""How long after its moment a scheduled publication is not called late yet."""


def campaign_window(campaign: Campaign) -> tuple[date | None, date | None]:
    """First and last day (inclusive): as entered, else from its stages; open ends are None.

    The anchor's day is always inside, whatever the stages are: the day of the sale belongs to the sale's campaign.
    """
    first, last, anchor = campaign.starts_on, campaign.ends_on, campaign.anchor_date
    if anchor is None:
        return first, last
    stages = [s for s in campaign.stages.all() if s.start_offset is not None]
    first = first or min((anchor + timedelta(days=s.start_offset or 0) for s in stages), default=anchor)
    last = last or max((anchor + timedelta(days=s.end_offset or 0) for s in stages), default=anchor)
    return min(first, anchor), max(last, anchor)


def stage_window(stage: Stage) -> tuple[date | None, date | None]:
    """First and last day (inclusive) of a stage: its offsets from the anchor, else the whole campaign."""
    anchor = stage.campaign.anchor_date
    if anchor is None or stage.start_offset is None or stage.end_offset is None:
        return campaign_window(stage.campaign)
    return anchor + timedelta(days=stage.start_offset), anchor + timedelta(days=stage.end_offset)


def default_market() -> Market:
    """The market that is meant when none is named. An installation without any gets one in US dollars and UTC."""
    market = Market.objects.order_by("-is_default", "pk").first()
    if market is None:
        market, _made = Market.objects.get_or_create(
            code="default",
            defaults={
                "name": "Default",
                "country": "US",
                "currency": "USD",
                "timezone": "UTC",
                "locales": ["en"],
                "is_default": True,
            },
        )
    return market


@dataclass(frozen=True, slots=True)
class Filters:
    """What the calendar is narrowed to. Empty means everything."""

    channels: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    owners: tuple[int, ...] = ()
    campaigns: tuple[UUID, ...] = ()
    states: tuple[str, ...] = ()

    def narrow(self, publications: QuerySet[Publication]) -> QuerySet[Publication]:
        """Everything but the states, which are judged by the clock in `calendar_items`."""
        if self.channels:
            publications = publications.filter(channel__in=self.channels)
        if self.markets:
            publications = publications.filter(stage__campaign__market__code__in=self.markets)
        if self.owners:
            publications = publications.filter(owner__in=self.owners)
        if self.campaigns:
            publications = publications.filter(stage__campaign__public_id__in=self.campaigns)
        return publications


LATE = "late"


@dataclass(frozen=True, slots=True)
class CalendarItem:
    """A publication as it stands on the calendar: on one day, perhaps at one time, of the clock that is shown.

    `status` is its state, or ``late`` when its moment has passed while it still waits.
    """

    publication: Publication
    day: date
    at: time | None
    status: str
    zone: str = field(default="")


def calendar_items(
    start: date, end: date, filters: Filters | None = None, *, zone: str = "", now: datetime | None = None
) -> list[CalendarItem]:
    """Every publication whose day is from `start` to before `end`, in one query, by day and time.

    With `zone`, fixed times are shown on that zone's clock (and may fall on another day); without, each as it was planned.
    Local-time publications stand at their wall-clock time always. What goes out "as soon as it is scheduled" stands on today
    until it has started.
    """
    filters = filters or Filters()
    now = now or clock.now()
    # Clocks of two zones differ by 26 hours at most.
    margin = timedelta(days=2) if zone else timedelta(0)
    dated = Q(moment_date__gte=start - margin, moment_date__lt=end + margin)
    immediate = Q(moment_kind=Publication.Moment.NOW)
    rows = filters.narrow(Publication.objects.filter(dated | immediate)).select_related(
        "stage__campaign__market", "account", "owner"
    )
    items = [item for row in rows if (item := _place(row, zone, now)) and start <= item.day < end]
    if filters.states:
        items = [item for item in items if item.status in filters.states]
    return sorted(items, key=lambda item: (item.day, item.at or time.min, item.publication.pk))


def calendar_item(publication: Publication, *, zone: str = "", now: datetime | None = None) -> CalendarItem | None:
    """One publication as it stands on the calendar; None while it has no day."""
    return _place(publication, zone, now or clock.now())


def status_of(publication: Publication, now: datetime | None = None) -> str:
    """Its state, or ``late`` when its moment has passed while it still waits.

    For the customers' local time that is when the last clock of the market's own zone has passed it.
    """
    now = now or clock.now()
    if publication.state not in WAITING or publication.moment_date is None:
        return publication.state
    if publication.moment_kind == Publication.Moment.NOW:
        return publication.state
    zone = publication.moment_zone or publication.stage.campaign.market.timezone
    moment = clock.instant(publication.moment_date, publication.moment_time or time.max, zone)
    if publication.moment_time is not None:
        # What waits for the end of the quiet hours is not late.
        moment = quiet.instant(publication, moment, zone if publication.moment_kind == Publication.Moment.LOCAL else "")
    return LATE if moment + GRACE < now else publication.state


def _place(publication: Publication, zone: str, now: datetime) -> CalendarItem | None:
    day, at = publication.moment_date, publication.moment_time
    own_zone = publication.moment_zone
    if publication.moment_kind == Publication.Moment.NOW:
        if day is None:
            market_zone = clock.zone(publication.stage.campaign.market.timezone)
            waiting = publication.state in WAITING
            day = (now if waiting else publication.created_at).astimezone(market_zone).date()
        own_zone = ""
    elif day is None:
        return None
    elif zone and own_zone and own_zone != zone and at is not None:
        there = clock.instant(day, at, own_zone).astimezone(clock.zone(zone))
        day, at, own_zone = there.date(), there.time(), zone
    return CalendarItem(publication, day, at, status_of(publication, now), own_zone)


def stages_between(start: date, end: date, filters: Filters | None = None) -> list[tuple[Stage, date, date]]:
    """Stages with at least one day from `start` to before `end`, each with its first and last day (inclusive)."""
    filters = filters or Filters()
    rows = Stage.objects.select_related("campaign__market", "campaign__owner").prefetch_related("campaign__stages")
    if filters.markets:
        rows = rows.filter(campaign__market__code__in=filters.markets)
    if filters.campaigns:
        rows = rows.filter(campaign__public_id__in=filters.campaigns)
    if filters.owners:
        rows = rows.filter(campaign__owner__in=filters.owners)
    found = []
    for stage in rows:
        first, last = stage_window(stage)
        if first and last and first < end and last >= start:
            found.append((stage, first, last))
    return sorted(found, key=lambda row: (row[1], row[0].pk))


def publications_of(campaign: Campaign) -> QuerySet[Publication]:
    """Every publication of a campaign, ready for display."""
    return Publication.objects.filter(stage__campaign=campaign).select_related(
        "stage__campaign__market", "account", "audience", "owner"
    )


def totals(campaign: Campaign) -> dict[str, Any]:
    """How many publications stand in which state."""
    counts: dict[str, int] = {}
    for publication in publications_of(campaign):
        status = status_of(publication)
        counts[status] = counts.get(status, 0) + 1
    return counts
