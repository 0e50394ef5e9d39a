"""Closing addresses that a provider called dead: a second step, once the run's fuse could speak, and a way back.

What a slice or an event says is only noted (`note`). `close_due` closes what was noted once the run has as many outcomes as the
fuse wants, or is through, and the fuse does not blow. What it holds back waits for a person. Everything that one run closed can
be opened again (`reopen`), except for people who asked to be left alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from wagtail.log_actions import log

from campaigns.audiences.models import Suppression
from campaigns.audiences.services import endpoints, suppressions
from campaigns.planning.states import PublicationState
from campaigns.publishing.models import Closing, Delivery, RefusalTrail, Run
from campaigns.publishing.services import fuses
from campaigns.publishing.states import ClosingState, DeliveryState, RunState
from channels.base import Channel
from core import clock
from core.models import User

BATCH = 200
FEW = 10
"""A run with fewer outcomes than the fuse wants closes so many by itself, or half of what it sent to, whichever is more."""
ENDED = (RunState.DONE, RunState.CANCELLED, RunState.FAILED)
FUSES = ("fuse_bounces", "fuse_blocked")


@dataclass(frozen=True, slots=True)
class Dead:
    """One address that a provider called dead."""

    delivery_id: int
    recipient_key: str
    cause: Closing.Cause
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What came of it: how many addresses are open again, and how many stay closed because their people asked for it."""

    opened: int
    kept: int


def source_of(run: Run) -> str:
    """How a suppression names the run that closed it."""
    return f"run:{run.public_id}"


# --- Step one ---------------------------------------------------------------------------------------------------------


def note(run_id: int, channel: str, dead: Iterable[Dead]) -> int:
    """Note addresses to be closed; nobody is closed yet. Noting one twice changes nothing."""
    rows = [
        Closing(
            run_id=run_id,
            delivery_id=one.delivery_id,
            recipient_key=one.recipient_key,
            channel=channel,
            cause=one.cause,
            code=one.code[:60],
            detail=one.detail[:500],
        )
        for one in dead
    ]
    return len(Closing.objects.bulk_create(rows, ignore_conflicts=True)) if rows else 0


def forget(delivery_ids: Collection[int]) -> int:
    """These refusals turned out to be the account's: their addresses are not closed."""
    return Closing.objects.filter(delivery_id__in=delivery_ids, state=ClosingState.WAITING).delete()[0]


# --- Step two ---------------------------------------------------------------------------------------------------------


def close_due(run_ids: Collection[int] | None = None) -> int:
    """Close what was noted where the fuse has nothing against it; returns how many addresses."""
    waiting = Closing.objects.filter(state=ClosingState.WAITING)
    if run_ids is not None:
        waiting = waiting.filter(run_id__in=run_ids)
    closed = 0
    for run in Run.objects.filter(pk__in=waiting.values("run_id").distinct()).select_related("publication"):
        if may_close(run):
            closed += _close(run, _members_in_a_row(run))
    return closed


def may_close(run: Run) -> bool:
    """Whether the fuse could speak of this run, and is silent."""
    publication = run.publication
    if publication.state == PublicationState.HELD and publication.state_reason in FUSES:
        return False
    if run.fuse_off:  # a person looked at it and let it go on
        return True
    counts = Delivery.objects.filter(run=run).aggregate(
        outcomes=Count("pk", filter=Q(state__in=[DeliveryState.ACCEPTED, DeliveryState.REJECTED])),
        open=Count("pk", filter=Q(state__in=[DeliveryState.PENDING, DeliveryState.ATTEMPTING])),
    )
    few = counts["outcomes"] < fuses.FUSE_OUTCOMES
    if few and run.state not in ENDED and counts["open"]:
        return False
    if fuses.fuse_reason(publication) in FUSES:
        return False
    dead = run.closings.filter(state__in=[ClosingState.WAITING, ClosingState.CLOSED]).count()
    return not few or dead <= max(FEW, counts["outcomes"] // 2)


def _members_in_a_row(run: Run) -> list[int]:
    """Deliveries of a row of equal refusals that is not over: what they mean is not settled while the run goes on."""
    if run.state in ENDED:
        return []
    trail = RefusalTrail.objects.filter(run=run).first()
    return list(trail.members) if trail and len(trail.domains) > 1 else []


def _close(run: Run, except_for: Collection[int] = ()) -> int:
    closed = 0
    while True:
        with transaction.atomic():
            rows = Closing.objects.select_for_update().filter(run=run, state=ClosingState.WAITING)
            some = list(rows.exclude(delivery_id__in=except_for).order_by("pk")[:BATCH])
            for row in some:
                row.endpoints = endpoints.invalidate(row.recipient_key)
                if row.channel == Channel.EMAIL:
                    row.suppressed = suppressions.suppress(
                        row.recipient_key, row.channel, Suppression.Reason.BOUNCED, source=source_of(run)
                    )
                row.state, row.changed_at = ClosingState.CLOSED, clock.ledger_now()
            Closing.objects.bulk_update(some, ["endpoints", "suppressed", "state", "changed_at"])
        closed += len(some)
        if len(some) < BATCH:
            return closed


# --- What people do ---------------------------------------------------------------------------------------------------


def runs() -> QuerySet[Run]:
    """Runs that closed addresses or wait to, the newest first, with how many (`waiting`, `closed`, `reopened`)."""
    rows = Run.objects.filter(closings__isnull=False).select_related(
        "publication__stage__campaign", "publication__account"
    )
    counted = {
        name: Count("closings", filter=Q(closings__state=state))
        for name, state in (
            ("waiting", ClosingState.WAITING),
            ("closed", ClosingState.CLOSED),
            ("reopened", ClosingState.REOPENED),
        )
    }
    return rows.annotate(**counted).order_by("-pk")


def sentences(run: Run, most: int = 5) -> list[Mapping[str, object]]:
    """What was said, and how often: ``[{"code", "detail", "count"}]``, the most frequent first."""
    rows = run.closings.values("code", "detail").annotate(count=Count("pk")).order_by("-count", "detail")
    return [dict(row) for row in rows[:most]]


def held_back() -> int:
    """How many runs wait for a person to say what becomes of their addresses: what could close by itself has done so."""
    stuck = Q(state__in=ENDED) | Q(publication__state=PublicationState.HELD, publication__state_reason__in=FUSES)
    waiting = Closing.objects.filter(state=ClosingState.WAITING).values("run_id")
    return Run.objects.filter(stuck, pk__in=waiting).count()


def close_now(run: Run, by: User) -> int:
    """A person has looked: these addresses are dead. Returns how many were closed."""
    closed = _close(run)
    log(run.publication, "almanac.closings_closed", user=by, data={"run": str(run.public_id), "closed": closed})
    return closed


@transaction.atomic
def reopen(run: Run, by: User) -> Reopened:
    """Open again whatever this run closed, and close nothing more of what it noted.

    Who unsubscribed, complained, was erased or was closed by hand stays closed. An address that another run found dead too
    stays closed, as that one's.
    """
    now = clock.ledger_now()
    Closing.objects.filter(run=run, state=ClosingState.WAITING).update(state=ClosingState.LET_BE, changed_at=now)
    rows = list(Closing.objects.select_for_update().filter(run=run, state=ClosingState.CLOSED).order_by("pk"))
    opened = kept = 0
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        asked = suppressions.asked_for([row.recipient_key for row in some], run.publication.channel)
        for row in some:
            if row.recipient_key in asked or _handed_over(row, run):
                kept += 1
                continue
            endpoints.restore(row.endpoints)
            suppressions.lift_bounced(row.recipient_key, row.channel, source_of(run))
            row.state, row.changed_at = ClosingState.REOPENED, now
            opened += 1
        Closing.objects.bulk_update(some, ["endpoints", "suppressed", "state", "changed_at"])
    data = {"run": str(run.public_id), "opened": opened, "kept": kept}
    log(run.publication, "almanac.closings_reopened", user=by, data=data)
    return Reopened(opened, kept)


def _handed_over(row: Closing, run: Run) -> bool:
    """Whether another run found the address dead too: then it is closed as that one's from now on."""
    others = Closing.objects.filter(recipient_key=row.recipient_key, state=ClosingState.CLOSED).exclude(run=run)
    other = others.select_related("run").order_by("pk").first()
    if other is None:
        return False
    if row.endpoints or row.suppressed:
        Closing.objects.filter(pk=other.pk).update(
            endpoints=sorted({*other.endpoints, *row.endpoints}), suppressed=other.suppressed or row.suppressed
        )
        suppressions.hand_over_bounced(row.recipient_key, row.channel, source_of(run), source_of(other.run))
    row.endpoints, row.suppressed, row.state = [], False, ClosingState.LET_BE
    return True
