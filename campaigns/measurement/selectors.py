"""Reads: what a campaign has brought, from hourly counts, visits, touches and credits; never from raw hits."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.utils.translation import gettext as _

from campaigns.audiences.models import Contact, Suppression
from campaigns.audiences.selectors import condition_of, contacts_of
from campaigns.measurement.currencies import Converter, Other, Tally
from campaigns.measurement.figures import Bucket, Figures, Results, Row, Window
from campaigns.measurement.models import Credit, Hit, Rollup, Touch, Visit
from campaigns.measurement.targets import Span, TargetLine, pace_of
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.selectors import campaign_window, stage_window
from campaigns.promotions.models import Offer, Refund
from campaigns.promotions.selectors import orders_in_window, other_currencies, window_figures
from campaigns.publishing.models import Delivery
from campaigns.publishing.states import DeliveryState
from channels.base import Channel
from channels.models import CHANNEL_CHOICES
from core import clock

HOURLY_UP_TO = timedelta(days=4)
_WAITING = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.ATTEMPTING)


def campaign_results(campaign: Campaign, as_of: datetime | None = None) -> Results:
    """What `campaign` has brought until now; `as_of` dates figures that have been what they are since then."""
    as_of = as_of or clock.now()
    measured = _Measured(campaign)
    first, last = campaign_window(campaign)
    window = audience_window(campaign, as_of)
    step, timeline = _timeline(campaign, measured.converted)
    publications = measured.publications
    targets = measured.target_lines()
    return Results(
        slug=campaign.slug,
        name=campaign.name,
        currency=campaign.market.currency,
        zone=campaign.market.timezone,
        first_day=first,
        last_day=last,
        as_of=as_of,
        window=window,
        total=measured.figures(None),
        others=measured.others,
        ledger=measured.ledger(publications),
        stages=[
            measured.row(str(stage.public_id), stage.name, [p for p in publications if p.stage_id == stage.pk])
            for stage in campaign.stages.order_by("position", "pk")
        ],
        channels=measured.channel_rows(),
        publications=[
            measured.row(
                str(one.public_id),
                str(one),
                [one],
                stage=one.stage.name,
                channel=one.channel,
                state=one.state,
            )
            for one in publications
        ],
        targets=targets,
        step=step,
        timeline=timeline,
        pace=pace_of(targets, (window.start, window.end), _stage_spans(campaign), as_of) if last else None,
    )


def _stage_spans(campaign: Campaign) -> dict[str, Span]:
    """The days of the stages that targets can name, from 00:00 of the first to before 00:00 after the last."""
    days = {stage.name: stage_window(stage) for stage in campaign.stages.select_related("campaign")}
    zone = campaign.market.timezone
    return {name: _span(first, last, zone) for name, (first, last) in days.items() if first and last}


def _span(first: date, last: date, zone: str) -> Span:
    return clock.instant(first, time(0), zone), clock.instant(last + timedelta(days=1), time(0), zone)


def window_of(campaign: Campaign, now: datetime) -> tuple[datetime, datetime]:
    """From 00:00 of the campaign's first day to before 00:00 after its last one, by its market's clock.

    A campaign without days begins when it was made and has not ended.
    """
    zone = campaign.market.timezone
    first, last = campaign_window(campaign)
    start = clock.instant(first, time(0), zone) if first else campaign.created_at
    end = clock.instant(last + timedelta(days=1), time(0), zone) if last else max(now, start)
    return start, end


def audience_of(campaign: Campaign) -> QuerySet[Contact]:
    """The campaign's audience; without one of its own, everybody its publications were or would be sent to."""
    if campaign.audience is not None:
        return contacts_of(campaign.audience)
    sent = Delivery.objects.filter(publication__stage__campaign=campaign, contact=OuterRef("pk"))
    condition = Q(Exists(sent))
    planned = Publication.objects.filter(stage__campaign=campaign, audience__isnull=False, deliveries=None)
    for publication in planned.select_related("audience"):
        if publication.audience is not None:
            condition |= condition_of(publication.audience)
    return Contact.objects.filter(condition, erased_at__isnull=True).order_by("pk")


def audience_window(campaign: Campaign, now: datetime) -> Window:
    """What the campaign's audience did on the campaign's days."""
    start, end = window_of(campaign, now)
    contacts = audience_of(campaign)
    offers: list[Offer] = list(campaign.offers.all())
    currency = campaign.market.currency
    bought = window_figures(contacts, offers, start, end, currency)
    foreign = other_currencies(contacts, start, end, currency)
    tally = Tally(Converter(campaign.market, [(code, at) for _contact, code, _minor, at in foreign]))
    worth = [(contact, tally.add(code, minor, at)) for contact, code, minor, at in foreign]
    counted = [(contact, minor) for contact, minor in worth if minor is not None]
    buyers = {contact for contact, _minor in counted}
    if buyers:
        own = orders_in_window(contacts, start, end, currency)
        buyers -= set(own.order_by().values_list("contact", flat=True).distinct())
    return Window(
        start=start,
        end=end,
        audience=contacts.count(),
        redemptions=bought.redemptions,
        redeeming_contacts=bought.redeeming_contacts,
        buyers=bought.buyers + len(buyers),
        orders=bought.orders + len(counted),
        revenue_minor=bought.revenue_minor + sum(minor for _contact, minor in counted),
        others=tally.others,
    )


def arrivals(campaigns: Collection[Campaign]) -> Counter[int | None]:
    """Visitors by publication whom only their click tells of, as the page they came to has no beacon or may not know them."""
    seen: Counter[int | None] = Counter()
    touches = Touch.objects.filter(publication__stage__campaign__in=campaigns)
    with_page = Visit.objects.filter(campaign=OuterRef("publication__stage__campaign"), delivery=OuterRef("delivery"))
    direct = touches.exclude(publication__channel=Channel.SOCIAL).filter(~Exists(with_page))
    for row in direct.values("publication_id").annotate(n=Count("delivery", distinct=True)).order_by():
        seen[row["publication_id"]] = row["n"]
    posts = touches.filter(publication__channel=Channel.SOCIAL)
    identified = dict(
        Visit.objects.filter(campaign__in=campaigns, publication__channel=Channel.SOCIAL)
        .values("publication_id")
        .annotate(n=Count("visitor", distinct=True))
        .values_list("publication_id", "n")
    )
    for row in posts.values("publication_id").annotate(n=Count("pk")).order_by():
        seen[row["publication_id"]] = max(0, row["n"] - identified.get(row["publication_id"], 0))
    return seen


@dataclass(frozen=True, slots=True)
class _Converted:
    """A credited order in another currency, in minor units of the market's."""

    order_id: int
    contact_id: int | None
    publication_id: int
    currency: str
    at: datetime
    minor: int


class _Measured:
    """What was measured of a campaign, by publication, in a handful of queries; sums of it are asked in any grouping."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.publications = list(
            Publication.objects.filter(stage__campaign=campaign)
            .select_related("stage")
            .order_by("stage__position", "stage_id", "moment_date", "moment_time", "pk")
        )
        self.others: list[Other] = []
        self.converted: list[_Converted] = []
        self._converter = self._convert()
        self._counts = self._read_counts()
        self._credits = self._read_credits()
        self._refunds = self._read_refunds()
        self._arrivals = arrivals([campaign])
        self._unsubscribes = self._read_unsubscribes()
        self._deliveries = self._read_deliveries()

    def figures(self, publications: Collection[Publication] | None) -> Figures:
        """The figures of some publications together; None is the whole campaign, with visits by links of no publication."""
        ids: list[int | None] = [one.pk for one in (self.publications if publications is None else publications)]
        if publications is None:
            ids.append(None)
        counts: Counter[tuple[str, str]] = sum((self._counts[pk] for pk in ids), Counter())
        visits = Visit.objects.filter(campaign=self.campaign)
        if publications is not None:
            visits = visits.filter(publication__in=ids)
        credited = [self._credits[pk] for pk in ids if pk in self._credits]
        human, machine, unsure = Hit.Verdict.HUMAN, Hit.Verdict.MACHINE, Hit.Verdict.UNSURE
        return Figures(
            uv=visits.aggregate(n=Count("visitor", distinct=True))["n"] + sum(self._arrivals[pk] for pk in ids),
            pv=counts[Hit.Kind.PAGE, human],
            clicks=counts[Hit.Kind.CLICK, human],
            clicks_machine=counts[Hit.Kind.CLICK, machine],
            clicks_unsure=counts[Hit.Kind.CLICK, unsure],
            opens=counts[Hit.Kind.OPEN, human] + counts[Hit.Kind.OPEN, unsure],
            opens_machine=counts[Hit.Kind.OPEN, machine],
            orders=sum(row["orders"] for row in credited),
            buyers=self._buyers(ids) if credited else 0,
            gmv_minor=sum(row["gmv"] for row in credited),
            refunds_minor=sum(self._refunds[pk] for pk in ids),
            unsubscribes=sum(self._unsubscribes[pk] for pk in ids),
        )

    def ledger(self, publications: Iterable[Publication]) -> dict[str, int]:
        """What became of the copies of some publications."""
        states: Counter[str] = sum((self._deliveries[one.pk] for one in publications), Counter())
        return {
            "targeted": states.total(),
            **{
                state: states[state]
                for state in (
                    DeliveryState.ACCEPTED.value,
                    DeliveryState.REJECTED.value,
                    DeliveryState.SKIPPED.value,
                    DeliveryState.UNKNOWN.value,
                    DeliveryState.UNCONFIRMED.value,
                )
            },
            "waiting": sum(states[state] for state in _WAITING),
        }

    def row(self, key: str, label: str, publications: list[Publication], **words: str) -> Row:
        """One line of a table."""
        return Row(key, label, self.figures(publications), self.ledger(publications), **words)

    def channel_rows(self) -> list[Row]:
        """One line per channel in use, and one for visits that came by no publication."""
        rows = []
        for channel, label in CHANNEL_CHOICES:
            own = [one for one in self.publications if one.channel == channel]
            if own:
                rows.append(self.row(channel, str(label), own, channel=channel))
        visits = Visit.objects.filter(campaign=self.campaign, publication=None).values("visitor").distinct().count()
        views = self._counts[None][Hit.Kind.PAGE, Hit.Verdict.HUMAN]
        if views:
            rows.append(Row("", _("Other links"), Figures(uv=visits, pv=views)))
        return rows

    def of_target(self, stage_id: int | None, channel: str) -> Figures:
        """The figures that a target for a stage, a channel, both or neither is compared with."""
        if stage_id is None and not channel:
            return self.figures(None)
        return self.figures(
            [
                one
                for one in self.publications
                if (stage_id is None or one.stage_id == stage_id) and (not channel or one.channel == channel)
            ]
        )

    def target_lines(self) -> list[TargetLine]:
        """The campaign's targets, each with its figure."""
        return [
            TargetLine(
                metric=target.metric,
                stage=target.stage.name if target.stage else "",
                channel=target.channel,
                target=target.value,
                actual=self.of_target(target.stage_id, target.channel).of_metric(target.metric),
            )
            for target in self.campaign.targets.select_related("stage").order_by("stage__position", "channel", "pk")
        ]

    def _read_counts(self) -> Mapping[int | None, Counter[tuple[str, str]]]:
        found: dict[int | None, Counter[tuple[str, str]]] = defaultdict(Counter)
        rows = Rollup.objects.filter(campaign=self.campaign).values("publication_id", "kind", "verdict")
        for row in rows.annotate(total=Sum("count")).order_by():
            found[row["publication_id"]][row["kind"], row["verdict"]] = row["total"]
        return found

    def _all_credits(self) -> QuerySet[Credit]:
        return Credit.objects.filter(publication__stage__campaign=self.campaign)

    def _own_credits(self) -> QuerySet[Credit]:
        # Sums of two currencies mean nothing: an order in another one is converted first, or left out and named.
        return self._all_credits().filter(currency=self.campaign.market.currency)

    def _convert(self) -> Converter:
        """Look at the credits in other currencies: count those whose day has a rate, and name the others."""
        market = self.campaign.market
        rows = self._all_credits().exclude(currency=market.currency)
        found = list(
            rows.order_by("pk").values_list(
                "order_id", "order__contact_id", "publication_id", "currency", "occurred_at", "amount_minor"
            )
        )
        converter = Converter(market, [(row[3], row[4]) for row in found])
        tally = Tally(converter)
        for order, contact, publication, currency, at, amount in found:
            worth = tally.add(currency, amount, at)
            if worth is not None:
                self.converted.append(_Converted(order, contact, publication, currency, at, worth))
        self.others = tally.others
        return converter

    def _read_credits(self) -> Mapping[int | None, dict[str, Any]]:
        sums = self._own_credits().values("publication_id").annotate(orders=Count("pk"), gmv=Sum("amount_minor"))
        found: dict[int | None, dict[str, Any]] = {row["publication_id"]: dict(row) for row in sums.order_by()}
        for order in self.converted:
            row = found.setdefault(order.publication_id, {"orders": 0, "gmv": 0})
            row["orders"] += 1
            row["gmv"] += order.minor
        return found

    def _read_refunds(self) -> Mapping[int | None, int]:
        rows = Refund.objects.filter(order__in=self._own_credits().values("order_id"))
        by_order = dict(rows.values("order_id").annotate(total=Sum("amount_minor")).values_list("order_id", "total"))
        found: Counter[int | None] = Counter()
        for order_id, publication_id in (
            self._own_credits().filter(order__in=by_order).values_list("order_id", "publication_id")
        ):
            found[publication_id] += by_order[order_id]
        foreign = Refund.objects.filter(order__in=self._all_credits().values("order_id"))
        foreign = foreign.exclude(order__currency=self.campaign.market.currency).order_by()
        back = dict(foreign.values("order_id").annotate(total=Sum("amount_minor")).values_list("order_id", "total"))
        for order in self.converted:
            rate = self._converter.rate(order.currency, order.at)
            if rate is not None and order.order_id in back:
                found[order.publication_id] += self._converter.convert(back[order.order_id], order.currency, rate)
        return found

    def _buyers(self, ids: Collection[int | None]) -> int:
        """Different contacts among the credited orders; an order without a contact is a buyer of its own."""
        credits = self._own_credits().filter(publication__in=[pk for pk in ids if pk])
        known: int = credits.aggregate(n=Count("order__contact", distinct=True))["n"]
        converted = [order.contact_id for order in self.converted if order.publication_id in ids]
        more = {contact for contact in converted if contact}
        if more:
            more -= set(credits.values_list("order__contact", flat=True).distinct())
        return known + credits.filter(order__contact=None).count() + len(more) + converted.count(None)

    def _read_unsubscribes(self) -> Mapping[int | None, int]:
        """Addresses closed by their owner after a copy, told to the last copy before that."""
        found: Counter[int | None] = Counter()
        sent = Delivery.objects.filter(publication__in=self.publications, state=DeliveryState.ACCEPTED)
        closed = dict(
            Suppression.objects.filter(
                reason=Suppression.Reason.UNSUBSCRIBED, recipient_key__in=sent.values("recipient_key")
            ).values_list("recipient_key", "created_at")
        )
        last: dict[str, int] = {}
        copies = sent.filter(recipient_key__in=closed).order_by("changed_at", "pk")
        for key, at, publication_id in copies.values_list("recipient_key", "changed_at", "publication_id"):
            if at <= closed[key]:
                last[key] = publication_id
        found.update(last.values())
        return found

    def _read_deliveries(self) -> Mapping[int, Counter[str]]:
        found: dict[int, Counter[str]] = defaultdict(Counter)
        rows = Delivery.objects.filter(publication__in=self.publications).values("publication_id", "state")
        for row in rows.annotate(n=Count("pk")).order_by():
            found[row["publication_id"]][row["state"]] = row["n"]
        return found


def _timeline(campaign: Campaign, converted: Iterable[_Converted]) -> tuple[str, list[Bucket]]:
    """Counts by hour for a short span and by the market's day for a longer one, without gaps."""
    zone = clock.zone(campaign.market.timezone)
    sums: dict[datetime, Counter[str]] = defaultdict(Counter)
    rows = Rollup.objects.filter(campaign=campaign).exclude(verdict=Hit.Verdict.MACHINE)
    for row in rows.values("hour", "kind", "verdict").annotate(total=Sum("count")).order_by():
        word = {"page": "pv", "click": "clicks", "open": "opens"}[row["kind"]]
        if word == "opens" or row["verdict"] == Hit.Verdict.HUMAN:
            sums[row["hour"]][word] += row["total"]
    visits = Visit.objects.filter(campaign=campaign).annotate(at=TruncHour("first_at", tzinfo=UTC))
    for seen in visits.values("at").annotate(n=Count("visitor", distinct=True)).order_by():
        sums[seen["at"]]["uv"] += seen["n"]
    credits = Credit.objects.filter(publication__stage__campaign=campaign, currency=campaign.market.currency)
    bought = credits.annotate(at=TruncHour("occurred_at", tzinfo=UTC)).values("at")
    for sold in bought.annotate(n=Count("pk"), gmv=Sum("amount_minor")).order_by():
        sums[sold["at"]]["orders"] += sold["n"]
        sums[sold["at"]]["gmv_minor"] += sold["gmv"]
    for order in converted:
        hour = order.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        sums[hour].update(orders=1, gmv_minor=order.minor)
    if not sums:
        return "hour", []
    first, last = min(sums), max(sums)
    if last - first <= HOURLY_UP_TO:
        hours = int((last - first) / timedelta(hours=1)) + 1
        steps = [first + timedelta(hours=n) for n in range(hours)]
        return "hour", [Bucket(start, **sums[start]) for start in steps]
    days: dict[Any, Counter[str]] = defaultdict(Counter)
    for hour, counts in sums.items():
        days[hour.astimezone(zone).date()].update(counts)
    span = (max(days) - min(days)).days + 1
    dates = [min(days) + timedelta(days=n) for n in range(span)]
    return "day", [Bucket(clock.instant(day, time(0), campaign.market.timezone), **days[day]) for day in dates]
