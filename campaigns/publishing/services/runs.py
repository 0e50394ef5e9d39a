"""Runs: from a scheduled publication to waves, and from a wave that is due to a frozen audience.

Rules of local-time waves. Everyone's zone is one name; a contact without one, or with one nobody knows, counts as living in
the market's zone. Zones whose clocks show the moment at the same instant are one run. A zone that turns up while waves are
still to come gets its own. A zone in which the moment passed more than ``ALMANAC_OVERDUE_SECONDS`` ago gets none: when the
last wave is frozen, everybody still without a row gets one that is skipped as ``wave_passed``. Nobody is left out silently.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.planning import quiet
from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION, PublicationState
from campaigns.publishing.models import Run, Seal
from campaigns.publishing.services import freeze, holds, seals
from campaigns.publishing.states import RUN, RunState
from channels.base import Channel
from core import clock, failpoints, installation, releases
from core.errors import Conflict, Invalid

log = logging.getLogger(__name__)

QUIET = "quiet"
"""The reason of a run that was put off to the end of the quiet hours, before and after it has gone."""


def instants_of(publication: Publication, zones: Iterable[str]) -> dict[datetime, list[str]]:
    """The instants at which clocks show the local moment, each with the zone names (as stored) that see it then."""
    assert publication.moment_date is not None and publication.moment_time is not None
    market_zone = publication.stage.campaign.market.timezone
    found: defaultdict[datetime, list[str]] = defaultdict(list)
    day, at = quiet.wall_clock(publication, publication.moment_date, publication.moment_time)
    for name in sorted(set(zones)):
        known = name if name in clock.known_zones() else market_zone
        found[clock.instant(day, at, known)].append(name)
    return dict(found)


def wave_name(instant: datetime) -> str:
    """The name of a wave: its instant."""
    return instant.isoformat()


def is_waves(publication: Publication) -> bool:
    """Whether it goes out wave by wave: local time, to people (a post has one moment, the market's)."""
    return publication.moment_kind == Publication.Moment.LOCAL and publication.channel != Channel.SOCIAL


def make(publication: Publication, seal: Seal) -> list[Run]:
    """The runs of a publication that is being scheduled. One whose moment passed long ago is held when it starts."""
    now = clock.schedule_now()
    oldest = now - settings.ALMANAC_OVERDUE_AFTER
    kind = publication.moment_kind
    if kind == Publication.Moment.NOW:
        return [_make_once(publication, seal, now)]
    if publication.moment_date is None or publication.moment_time is None:
        raise Invalid(_("Choose day and time before it can be scheduled."))
    if is_waves(publication):
        zones = freeze.audience_of(publication).order_by().values_list("timezone", flat=True).distinct()
        every = instants_of(publication, zones)
        # Passed in every zone: all of them are made, to be held for a person, as a fixed moment that passed is.
        waves = {instant: names for instant, names in every.items() if instant >= oldest} or every
        return [_make(publication, seal, instant, names) for instant, names in sorted(waves.items())]
    zone = publication.moment_zone if kind == Publication.Moment.AT else publication.stage.campaign.market.timezone
    due_at = clock.instant(publication.moment_date, publication.moment_time, zone)
    return [_make_once(publication, seal, due_at)]


def _make_once(publication: Publication, seal: Seal, due_at: datetime) -> Run:
    """One run for everybody, put off where `due_at` is in the market's quiet hours."""
    goes_at = quiet.instant(publication, due_at)
    return _make(publication, seal, goes_at, is_put_off=goes_at != due_at)


def _make(
    publication: Publication,
    seal: Seal,
    due_at: datetime,
    zones: list[str] | None = None,
    *,
    is_put_off: bool | None = None,
) -> Run:
    if is_put_off is None:
        is_put_off = quiet.put_off(publication) is not None
    return Run.objects.create(
        state_reason=QUIET if is_put_off else "",
        publication=publication,
        seal=seal,
        due_at=due_at,
        wave=wave_name(due_at) if zones is not None else "",
        zones=zones or [],
    )


def discover_zones(publication: Publication) -> None:
    """Give a wave of their own to zones that turned up in the audience after the waves were made."""
    runs = list(publication.runs.all())
    if not runs:
        return
    seal = runs[0].seal
    assert seal is not None
    known = {name for run in runs for name in run.zones}
    zones = set(freeze.audience_of(publication).order_by().values_list("timezone", flat=True).distinct()) - known
    now = clock.schedule_now()
    by_wave = {run.wave: run for run in runs}
    for instant, names in instants_of(publication, zones).items():
        existing = by_wave.get(wave_name(instant))
        if existing is not None and existing.state == RunState.WAITING:
            existing.zones = sorted({*existing.zones, *names})
            existing.save(update_fields=["zones"])
        elif existing is None and instant > now:
            _make(publication, seal, instant, names)


def start(run_id: int) -> bool:
    """Freeze and start a run that is due; False when it is not its turn, somebody else was faster, or it was held.

    One transaction from the check to the frozen audience. The publication's row is locked, so that of two waves one knows
    that it is the last.
    """
    try:
        with transaction.atomic():
            return _start(run_id)
    except Conflict as error:
        # What was approved is no longer what would be sent.
        log.warning("Run %s is held: %s", run_id, error.message)
        holds.hold(Run.objects.select_related("publication").get(pk=run_id).publication, "order")
    except Invalid as error:
        log.warning("Run %s is held: %s", run_id, error.message)
        reason = "seal" if error.code == "seal_broken" else "failed"
        holds.hold(Run.objects.select_related("publication").get(pk=run_id).publication, reason)
    return False


def _lateness(run: Run, now: datetime) -> timedelta:
    """Since its moment, which is the calendar's, or since a person let it go on, which is the ledger's (`now`)."""
    late = clock.schedule_now() - run.due_at
    return min(late, now - run.moved_at) if run.moved_at else late


def _waits_for_quiet(run: Run) -> bool:
    """Put a run off that would begin in quiet hours: they were set after it was scheduled, or it was released in them."""
    known = next((name for name in run.zones if name in clock.known_zones()), "")
    now = clock.schedule_now()
    goes_at = quiet.instant(run.publication, now, known)
    if goes_at == now:
        return False
    Run.objects.filter(pk=run.pk, state=RunState.WAITING).update(due_at=goes_at, state_reason=QUIET)
    log.info("Run %s waits for the end of the quiet hours.", run.pk)
    return True


def _start(run_id: int) -> bool:
    named = Run.objects.values_list("publication_id", flat=True).get(pk=run_id)
    publication = (
        Publication.objects.select_for_update(of=("self",)).select_related("stage__campaign__market").get(pk=named)
    )
    run = Run.objects.get(pk=run_id)
    ready = publication.state in {PublicationState.SCHEDULED, PublicationState.LIVE} and not releases.is_older()
    if run.state != RunState.WAITING or run.due_at > clock.schedule_now() or not ready:
        return False
    run.publication = publication
    allowed, _why = installation.may_send()
    if not allowed:
        holds.hold(publication, "installation")
        return False
    if clock.jump() and publication.moment_kind != Publication.Moment.NOW:
        holds.hold(publication, "clock")
        return False
    now = clock.ledger_now()
    if _lateness(run, now) > settings.ALMANAC_OVERDUE_AFTER:
        holds.hold(publication, "overdue")
        return False
    if _waits_for_quiet(run):
        return False
    seal = seals.valid_seal(publication)
    if seal.pk != run.seal_id:
        raise Conflict(_("This publication was approved anew after it was scheduled."))
    for part_id in seal.parts.values_list("pk", flat=True):
        seals.load_part(part_id)
    is_last = False
    if is_waves(publication):
        discover_zones(publication)
        run.refresh_from_db(fields=["zones"])
        is_last = not publication.runs.filter(state=RunState.WAITING).exclude(pk=run.pk).exists()
    if not RUN.move(run, "freeze"):
        return False
    freeze.freeze(run, seal, is_last_wave=is_last)
    failpoints.reached("freeze")
    RUN.move(run, "start", started_at=now, moved_at=now)
    if publication.state == PublicationState.SCHEDULED:
        PUBLICATION.move(publication, "start", state_reason="")
    return True
