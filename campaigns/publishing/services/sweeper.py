"""The sweeper: finds what fell out of somebody's hands, and finishes what is through.

Everything here may run in any number of processes at once: each step wins a conditional update or does nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet

from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION, PublicationState
from campaigns.publishing import bells, journal, outcomes, sql
from campaigns.publishing.models import Attempt, Chunk, Delivery, Run
from campaigns.publishing.services import closings, holds, pipeline, publications, weighing
from campaigns.publishing.services.fuses import fuse, fuse_reason
from campaigns.publishing.states import RUN, ChunkState, DeliveryState, RunState
from channels import registry
from channels.base import Capabilities, Outcome
from core import clock, disk, installation

__all__ = ["fuse", "fuse_reason"]  # made in `fuses`; the scheduler and the command line look for them here

log = logging.getLogger(__name__)

RING_AGAIN = timedelta(seconds=5)
BELLS_AT_ONCE = 4
MUCH_IN_DOUBT = 0.05
"""Of what was handed over: so many lost answers, and at least `FEW_DOUBTS`, are for a person before it counts as done."""
FEW_DOUBTS = 5
MOST_IN_DOUBT = 0.5
"""However few they are: a post, or a letter to three people, of which nobody knows is not done."""
SOON = timedelta(seconds=1)
DOUBTFUL = (DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED)


# --- Leases ----------------------------------------------------------------------------------------------------------


def sweep_leases(*, expired: bool = True) -> int:
    """Take back the chunks of workers that are gone; returns how many. Without `expired` only of those that surely are.

    A worker that died on this machine gave up the lock on its journal with it: its chunk is free at once. Others are when
    their lease has run out.
    """
    swept = 0
    orphans = journal.orphans()
    for owner in orphans:
        for chunk in Chunk.objects.filter(lease_owner=owner, state=ChunkState.LEASED):
            swept += _take_back(chunk)
        _late_answers(owner)
        journal.discard(owner)
    if expired:
        for chunk in Chunk.objects.filter(state=ChunkState.LEASED, lease_until__lt=clock.ledger_now()):
            swept += _take_back(chunk)
    return swept


def capabilities_of(chunk: Chunk) -> Capabilities:
    """What the provider of the chunk's run can do."""
    account = chunk.run.publication.account
    assert account is not None
    return registry.provider_class(account.provider).capabilities


@transaction.atomic
def _take_back(chunk: Chunk) -> int:
    """End a lease: what was in the air is settled by the journal's evidence or falls into doubt."""
    now = clock.ledger_now()
    held = Chunk.objects.filter(pk=chunk.pk, epoch=chunk.epoch, state=ChunkState.LEASED, lease_owner=chunk.lease_owner)
    if not held.update(epoch=F("epoch") + 1, state=ChunkState.OPEN, lease_owner="", lease_until=None, silent=False):
        return 0
    evidence = journal.read(chunk.lease_owner)
    capabilities, publication = capabilities_of(chunk), chunk.run.publication
    assert publication.account_id is not None
    in_air = list(
        Attempt.objects.filter(chunk=chunk, epoch=chunk.epoch, outcome="").select_related("delivery__endpoint")
    )
    lost_before = pipeline.replays([attempt.delivery_id for attempt in in_air])
    weighed = _weigh(chunk, in_air, evidence.answers, now)
    waits_until = pipeline.account_waits(publication.account_id, weighed.values())
    settled, unstarted, replayed, lost = [], [], [], []
    for attempt in in_air:
        delivery_id, key = attempt.delivery_id, (attempt.delivery_id, attempt.number)
        times, first = lost_before.get(delivery_id, (0, attempt.started_at))
        if delivery_id in weighed:
            settled.append(
                outcomes.row_for(
                    delivery_id,
                    weighed[delivery_id],
                    deferrals=attempt.delivery.deferrals,
                    replays=times,
                    first_try_at=first,
                    capabilities=capabilities,
                    account_waits_until=waits_until,
                    now=now,
                )
            )
        elif evidence.complete and key not in evidence.started:
            unstarted.append(delivery_id)
        elif outcomes.may_replay(capabilities, times + 1, first, now):
            replayed.append(delivery_id)
        else:
            lost.append(delivery_id)
    sql.settle(settled, chunk.pk, chunk.epoch, now)
    sql.give_back(unstarted, chunk.pk, chunk.epoch, now, to_retries=chunk.is_retry)
    if suspects := {delivery_id for delivery_id, _number in evidence.suspects}.intersection(unstarted):
        Delivery.objects.filter(pk__in=suspects, state=DeliveryState.PENDING).update(suspects=min(suspects))
    sql.settle([_replay(delivery_id, now) for delivery_id in replayed], chunk.pk, chunk.epoch, now)
    sql.lose(lost, chunk.pk, chunk.epoch, "worker_lost", now)
    keys = {attempt.delivery_id: attempt.delivery.recipient_key for attempt in in_air}
    weighing.close_later(chunk.run_id, publication.channel, keys, weighed)
    Run.objects.filter(pk=chunk.run_id).update(rung_at=None)  # whoever could hear may be gone: ring at once
    if not chunk.is_retry:
        pending = Delivery.objects.filter(
            run=chunk.run_id,
            seq__gte=chunk.first_seq,
            seq__lte=chunk.last_seq,
            state=DeliveryState.PENDING,
            next_at=None,
        )
        first_pending = pending.aggregate(first=Min("seq"))["first"]
        Chunk.objects.filter(pk=chunk.pk, epoch=chunk.epoch + 1).update(next_seq=first_pending or chunk.last_seq + 1)
    elif chunk.waiting_since is not None:
        Chunk.objects.filter(pk=chunk.pk, epoch=chunk.epoch + 1).delete()
    log.warning(
        "Chunk %s taken back: %d answered, %d never started, %d again, %d in doubt.",
        chunk.pk,
        len(settled),
        len(unstarted),
        len(replayed),
        len(lost),
    )
    return 1


def _weigh(
    chunk: Chunk, in_air: Sequence[Attempt], answers: Mapping[journal.Key, Outcome], now: datetime
) -> weighing.Weighed:
    """What the journal says was answered, in the order of the answers, as it stands seen together with the run's others."""
    attempts = {(attempt.delivery_id, attempt.number): attempt for attempt in in_air}
    told = {key[0]: outcome for key, outcome in answers.items() if key in attempts}
    asked = {attempt.delivery_id: weighing.Asked.of(attempt.delivery) for attempt in in_air}
    return weighing.weigh(chunk.run_id, chunk.run.publication.channel, asked, told, now)


def _replay(delivery_id: int, now: object) -> dict[str, object]:
    return {
        "id": delivery_id,
        "outcome": "lost",
        "state": DeliveryState.PENDING.value,
        "reason": "later",
        "provider_id": "",
        "code": "worker_lost",
        "detail": "",
        "next_at": now,
        "deferrals": 0,
    }


def _late_answers(owner: str) -> None:
    """Answers in a journal whose lease somebody else had ended before: they still prove."""
    evidence = journal.read(owner)
    pipeline.apply_answers(evidence.answers)


# --- Bells -----------------------------------------------------------------------------------------------------------


def ring() -> int:
    """Ring for every run that has something to do; a run is rung for at most every few seconds. Returns how many.

    Nobody is rung for while there is no room on the disk: nothing could begin.
    """
    if disk.short():
        return 0
    now = clock.ledger_now()
    quiet = Q(rung_at=None) | Q(rung_at__lt=now - RING_AGAIN)
    due = Run.objects.filter(
        quiet,
        state=RunState.WAITING,
        due_at__lte=clock.schedule_now(),
        publication__state__in=[PublicationState.SCHEDULED, PublicationState.LIVE],
    ).order_by("due_at")
    rung = 0
    for run_id in due.values_list("pk", flat=True)[:200]:
        rung += _ring(run_id, 1)
    live = (
        Run.objects.filter(quiet, state=RunState.LIVE, publication__state=PublicationState.LIVE)
        .filter(
            Q(publication__account__blocked_until=None) | Q(publication__account__blocked_until__lte=now),
            chunks__state=ChunkState.OPEN,
        )
        .annotate(open_chunks=Count("chunks"))
    )
    for run_id, open_chunks in live.values_list("pk", "open_chunks"):
        rung += _ring(run_id, min(open_chunks, BELLS_AT_ONCE))
    return rung


def _ring(run_id: int, times: int) -> int:
    now = clock.ledger_now()
    quiet = Q(rung_at=None) | Q(rung_at__lt=now - RING_AGAIN)
    if not Run.objects.filter(quiet, pk=run_id).update(rung_at=now):
        return 0
    return int(bells.ring([run_id], times))


def open_retries() -> int:
    """Open the retry chunk of live runs in which something put off has come due."""
    now = clock.ledger_now()
    waiting = Delivery.objects.filter(
        run__state=RunState.LIVE, next_at__lte=now, state=DeliveryState.PENDING
    ).values_list("run_id", flat=True)
    return Chunk.objects.filter(run_id__in=waiting.distinct(), is_retry=True, state=ChunkState.DONE).update(
        state=ChunkState.OPEN
    )


# --- Ends ------------------------------------------------------------------------------------------------------------


def finish_all() -> int:
    """Finish runs and publications that are through; returns how many publications."""
    for run_id in Run.objects.filter(state=RunState.LIVE).values_list("pk", flat=True):
        finish(run_id)
    done = 0
    through = Publication.objects.filter(state=PublicationState.LIVE).exclude(
        runs__state__in=[
            RunState.WAITING,
            RunState.FREEZING,
            RunState.LIVE,
            RunState.PAUSED,
            RunState.HELD,
        ]
    )
    for publication in through.filter(runs__state=RunState.DONE).distinct():
        done += PUBLICATION.move(publication, "finish")
    return done


def finish(run_id: int) -> bool:
    """End a run of which nothing is left to send; only if its rows are as many as were targeted.

    Doubts do not keep a run open: what is `unknown` stays listed and can be resolved afterwards.
    """
    busy = Chunk.objects.filter(run_id=run_id, state__in=[ChunkState.OPEN, ChunkState.LEASED])
    if busy.exists():
        return False
    rows = Delivery.objects.filter(run_id=run_id)
    if rows.filter(next_at__isnull=False, state=DeliveryState.PENDING).exists():
        return False
    open_rows = rows.filter(state__in=[DeliveryState.PENDING, DeliveryState.ATTEMPTING])
    run = Run.objects.select_related("publication").filter(pk=run_id, state=RunState.LIVE).first()
    if run is None:
        return False
    if open_rows.exists():
        # Nobody's chunk covers it: put it back into one instead of leaving it.
        _reopen_chunks(run)
        return False
    if rows.count() != run.snapshot.targeted:
        log.error("The ledger of run %s does not add up.", run.public_id)
        holds.hold(run.publication, "reconcile")
        return False
    if not run.fuse_off and much_in_doubt(rows):
        holds.hold(run.publication, "doubts")
        return False
    if not RUN.move(run, "finish", finished_at=clock.ledger_now()):
        return False
    closings.close_due([run_id])
    if not run.publication.runs.exclude(state__in=[RunState.DONE, RunState.CANCELLED]).exists():
        PUBLICATION.move(run.publication, "finish")
    return True


def much_in_doubt(rows: QuerySet[Delivery]) -> bool:
    """Whether the provider left so many without an answer that “done” would be a lie. Who was left out was asked nothing."""
    doubts = rows.filter(state__in=DOUBTFUL, reason="no_answer").count()
    if not doubts:
        return False
    handed_over = rows.exclude(state__in=[DeliveryState.SKIPPED, DeliveryState.PENDING]).count()
    return doubts >= handed_over * (MUCH_IN_DOUBT if doubts >= FEW_DOUBTS else MOST_IN_DOUBT)


def release_resolved() -> int:
    """Let go on what was held because much was in doubt, once evidence or a person has cleared it; returns how many."""
    released = 0
    for publication in Publication.objects.filter(state=PublicationState.HELD, state_reason="doubts"):
        runs = publication.runs.filter(state=RunState.HELD)
        if not any(much_in_doubt(run.deliveries.all()) for run in runs):
            released += holds.let_go(publication)
    return released


def _reopen_chunks(run: Run) -> None:
    """Chunks that are marked done although a row in them is pending (a person or a replay put it back)."""
    rows = Delivery.objects.filter(run=run, state=DeliveryState.PENDING, next_at=None)
    first = rows.aggregate(first=Min("seq"))["first"]
    if first is not None:
        Chunk.objects.filter(
            run=run, is_retry=False, state=ChunkState.DONE, first_seq__lte=first, last_seq__gte=first
        ).update(state=ChunkState.OPEN, next_seq=first)


def settle_cancelled() -> None:
    """Skip what a cancelled publication had left pending (rows that came back after the cancelling)."""
    left = Publication.objects.filter(state=PublicationState.CANCELLED, deliveries__state=DeliveryState.PENDING)
    for publication in left.distinct()[:20]:
        publications.skip_cancelled(publication)


def hold_overdue() -> int:
    """Hold what is due for too long: nobody was there to send it, or the database was restored."""
    late = Run.objects.filter(
        Q(moved_at=None) | Q(moved_at__lt=clock.ledger_now() - settings.ALMANAC_OVERDUE_AFTER),
        state=RunState.WAITING,
        due_at__lt=clock.schedule_now() - settings.ALMANAC_OVERDUE_AFTER,
        publication__state__in=[PublicationState.SCHEDULED, PublicationState.LIVE],
    )
    return sum(holds.hold(run.publication, "overdue") for run in late.select_related("publication"))


def hold_leapt(before: datetime, after: datetime) -> int:
    """Hold what came due because the ledger's own clock leapt (the database server's was set); a person looks."""
    leapt = Run.objects.filter(
        state=RunState.WAITING,
        due_at__gt=before,
        due_at__lte=after,
        publication__state__in=[PublicationState.SCHEDULED, PublicationState.LIVE],
    )
    return sum(holds.hold(run.publication, "clock") for run in leapt.select_related("publication"))


def release_confirmed() -> int:
    """Let go on what was held because the installation looked like a copy, once a person has confirmed it."""
    held = Publication.objects.filter(state=PublicationState.HELD, state_reason="installation")
    if not held.exists() or not installation.may_send()[0]:
        return 0
    return sum(_release_if_timely(publication) for publication in held)


def _release_if_timely(publication: Publication) -> bool:
    oldest = clock.schedule_now() - settings.ALMANAC_OVERDUE_AFTER
    if publication.runs.filter(state=RunState.HELD, due_at__lt=oldest, started_at=None).exists():
        return bool(
            Publication.objects.filter(pk=publication.pk, state_reason="installation").update(state_reason="overdue")
        )
    return holds.let_go(publication)


def unconfirm() -> int:
    """Doubts without evidence after the provider's window stay as `unconfirmed`; a person may still resolve them."""
    given_up = 0
    rows = Delivery.objects.filter(state=DeliveryState.UNKNOWN)
    for slug in rows.values_list("publication__account__provider", flat=True).distinct():
        window = registry.provider_class(slug).capabilities.unconfirmed_after
        old = rows.filter(publication__account__provider=slug, changed_at__lt=clock.ledger_now() - window)
        ids = list(old.values_list("pk", flat=True)[:5_000])
        given_up += Delivery.objects.filter(pk__in=ids, state=DeliveryState.UNKNOWN).update(
            state=DeliveryState.UNCONFIRMED, changed_at=clock.ledger_now()
        )
    return given_up
