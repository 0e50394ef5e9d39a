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

from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION, PublicationState
from campaigns.publishing.models import Run, Seal
from campaigns.publishing.services import freeze, holds, seals
from campaigns.publishing.states import RUN, RunState
from channels.base import Channel
from core import clock, failpoints, installation, releases
from core.errors import Conflict, Invalid

log = logging.getLogger(__name__)


def instants_of(publication: Publication, zones: Iterable[str]) -> dict[datetime, list[str]]:
    """The instants at which clocks show the local moment, each with the zone names (as stored) that see it then."""
    assert publication.moment_date is not None and publication.moment_time is not None
    market_zone = publication.stage.campaign.market.timezone
    found: defaultdict[datetime, list[str]] = defaultdict(list)
    for name in sorted(set(zones)):
        known = name if name in clock.known_zones() else market_zone
        found[clock.instant(publication.moment_date, publication.moment_time, known)].append(name)
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
        return [_make(publication, seal, now)]
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
    return [_make(publication, seal, due_at)]


def _make(publication: Publication, seal: Seal, due_at: datetime, zones: list[str] | None = None) -> Run:
    return Run.objects.create(
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
