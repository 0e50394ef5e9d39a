"""Sending: slice after slice of a leased chunk, each committed as `attempting` before the provider hears of it.

One transaction closes the last slice and opens the next, and in it everything is asked again that could have changed: the
lease's epoch, pause and cancel, lateness, the seal, the installation, the account, consent and suppression. A slice is never
more than half a second of sending at the current rate, and a slice that turns out slower is cut short, so that whatever was
committed since (an unsubscription, a pause) holds within a second.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _

from campaigns.planning.states import PublicationState
from campaigns.publishing import outcomes, refs, sql
from campaigns.publishing.compiler import Loaded
from campaigns.publishing.journal import Journal, Unwritable
from campaigns.publishing.models import Attempt, Delivery, Run, SealPart
from campaigns.publishing.services import chunks, holds, picking, seals, tower, weighing
from campaigns.publishing.services.chunks import Lease, LostLease
from campaigns.publishing.services.flights import Row, Slice, SliceFlight, TooLate, stopping
from campaigns.publishing.services.jobs import job_for
from campaigns.publishing.services.slots import Turn, slots
from campaigns.publishing.states import ChunkState, DeliveryState, RunState
from channels import registry
from channels.base import HOLDS_ACCOUNT, Blame, Job, Outcome, Provider, Result
from channels.models import ChannelAccount
from channels.services import health
from core import clock, db, disk, failpoints, installation, releases
from core.errors import AlmanacError, FixSettings, Invalid

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.5
FIRST_SLICE = 25
LARGEST_SLICE = 500
IDLE_TURNS = 2
PATIENCE = 3600.0
"""Seconds that answers are kept in memory while the database cannot take them."""
SILENT_MESSAGES = 5
"""So many messages in a row without an answer say that the provider is not well; of a call for many, one says it."""
OUR_OWN = frozenset({"render", "address", "part", "smtputf8"})
"""Codes of outcomes that no provider gave: they say nothing about it."""


_STANDING = (
    "state",
    "publication__state",
    "publication__account",
    "due_at",
    "started_at",
    "moved_at",
    "publication__account__unanswered",
    "publication__account__blocked_until",
    "seal__parts__pk",
    "seal__parts__sha256",
)


class _Told(NamedTuple):
    """A row of `_STANDING`: there is one for each part of the seal."""

    state: str
    publication_state: str
    account_id: int | None
    due_at: datetime
    started_at: datetime | None
    moved_at: datetime | None
    unanswered: int
    blocked_until: datetime | None
    part_id: int | None
    sha256: str | None


class Sender:
    """One worker's turn at one run."""

    def __init__(
        self, run: Run, journal: Journal, turn: Turn | None = None, *, probing: datetime | None = None
    ) -> None:
        account = run.publication.account
        assert account is not None and run.seal_id is not None
        self.run_id = run.pk
        self.seal_id = run.seal_id
        self.account_id = account.pk
        self.channel = run.publication.channel
        self.journal = journal
        self.provider: Provider = registry.open_provider(account)
        self.capabilities = self.provider.capabilities
        self.parts: dict[int, Loaded] = {
            part_id: seals.load_part(part_id)
            for part_id in SealPart.objects.filter(seal=run.seal_id).values_list("pk", flat=True)
        }
        self.keeper = chunks.Keeper()
        self.size = max(FIRST_SLICE, min(self.capabilities.batch_size, LARGEST_SLICE))
        self.healthy = account.health == ChannelAccount.Health.OK
        self.unanswered = account.unanswered
        self.probing = probing
        """Until when this worker, and no other, may try an account that is not well."""
        self.turn = turn or Turn(slots, run.pk, account.pk, 0, fresh=False)
        self.lease: Lease | None = None
        self.stopped = False

    def close(self) -> None:
        """Give back connections."""
        self.keeper.close()
        self.provider.close()

    # --- one chunk ---

    def send_chunk(self, lease: Lease, until: float) -> None:
        """Send what is left of the chunk; stops early when sending is not allowed or time is up."""
        self.keeper.hold(lease)
        closing: Slice | None = None
        idle = 0
        try:
            while True:
                stop = stopping.is_set() or time.monotonic() > until or idle >= IDLE_TURNS
                stop = stop or self.turn.should_yield() or not self.turn.come_back()
                try:
                    opened = self.patiently(lease, partial(self.advance, lease, closing, stop=stop))
                    if opened is None:
                        return
                    closing = self.fly(opened)
                    assert self.lease is not None
                    if self.lease.is_apart:
                        self.patiently(self.lease, partial(self.land, self.lease, closing))
                        return
                except LostLease:
                    self.rescue(lease, closing)
                    return
                idle = idle + 1 if not (closing.answers or closing.narrowed) else 0
        finally:
            self.keeper.hold(None)

    def patiently[Answer](self, lease: Lease, transaction_of: Callable[[], Answer]) -> Answer:
        """Again while the database is busy or its disk full: these answers are known nowhere else. What one transaction has
        changed in memory is forgotten with it."""
        came_to = lease.next_seq
        before = self.healthy, self.probing, self.unanswered, self.stopped

        def again() -> Answer:
            lease.next_seq = came_to
            self.healthy, self.probing, self.unanswered, self.stopped = before
            return transaction_of()

        return db.patiently(again, seconds=PATIENCE, enough=stopping.is_set)

    def advance(self, lease: Lease, closing: Slice | None, *, stop: bool) -> Slice | None:
        """The one transaction between two slices; None when the chunk is put back."""
        self.lease = lease
        failpoints.reached("claimed" if closing is None else "slice")
        with transaction.atomic():
            now = clock.ledger_now()
            chunks.renew(lease)
            if closing is not None:
                self.settle(lease, closing, now)
                failpoints.reached("commit")
            asked = self.check_standing(now)
            if stop or self.stopped or asked is None:
                chunks.finish(lease, ChunkState.OPEN)
                return None
            picked = picking.next_rows(lease, self.channel, now, self.size if self.healthy else 1)
            wanted = picking.weed_out(picked.rows, self.channel, now)
            if not picked.rows:
                chunks.finish(lease, ChunkState.DONE)
                return None
            begun = sql.begin_attempts([row.delivery_id for row in wanted], lease.chunk_id, lease.epoch, now)
            if not lease.is_retry:
                lease.next_seq = picked.rows[-1].seq + 1
            chunks.renew(lease, next_seq=lease.next_seq)
            # Last: it ends with the commit, and a restored backup that lacks this slice is found out by it.
            installation.about_to_send(asked)
        rows = [row for row in wanted if row.delivery_id in begun]
        return Slice(rows, clock.ledger_now(), time.monotonic(), suspects=picked.suspects)

    def land(self, lease: Lease, closing: Slice) -> None:
        """Settle what had to wait so long for its answers that the rest of its chunk went to others."""
        with transaction.atomic():
            chunks.renew(lease)
            self.settle(lease, closing, clock.ledger_now())
            chunks.end_apart(lease)

    def settle(self, lease: Lease, closing: Slice, now: datetime) -> None:
        """Write what became of the last slice."""
        weighed = self.weigh(closing, now)
        answers = [weighed[row.delivery_id] for row in closing.rows if row.delivery_id in weighed]
        waits_until = self.note_health(answers)
        self.note_silence(answers, closing)
        replays = self.replays(closing)
        rows = [
            outcomes.row_for(
                row.delivery_id,
                weighed[row.delivery_id],
                deferrals=row.deferrals,
                replays=replays.get(row.delivery_id, (0, closing.began_at))[0],
                first_try_at=replays.get(row.delivery_id, (0, closing.began_at))[1],
                capabilities=self.capabilities,
                account_waits_until=waits_until,
                now=now,
            )
            for row in closing.rows
            if row.delivery_id in weighed
        ]
        sql.settle(rows, lease.chunk_id, lease.epoch, now)
        if unstarted := closing.unstarted:
            ids = [row.delivery_id for row in unstarted]
            sql.give_back(ids, lease.chunk_id, lease.epoch, now, to_retries=lease.is_retry)
            if not lease.is_retry:
                lease.next_seq = min(lease.next_seq, *(row.seq for row in unstarted))
        self.note_suspects(closing, weighed)
        self.note_dead(closing, weighed)

    def note_suspects(self, closing: Slice, weighed: Mapping[int, Outcome]) -> None:
        """Keep how far the search for a bad message among many has come."""
        rows = Delivery.objects.filter(run=self.run_id, state=DeliveryState.PENDING)
        found = any(answer.result == Result.REJECTED for answer in weighed.values())
        if closing.suspects is not None and (found or closing.narrowed is not None):
            rows.filter(suspects=closing.suspects).update(suspects=None)
        if closing.narrowed:
            rows.filter(pk__in=closing.narrowed).update(suspects=min(closing.narrowed))

    def replays(self, closing: Slice) -> dict[int, tuple[int, datetime]]:
        """How often, and since when, messages may have been sent whose answers were lost: only replays ask."""
        lost = [
            row.delivery_id
            for row in closing.rows
            if row.number > 1 and (answer := closing.answers.get(row.delivery_id)) and answer.result == Result.AMBIGUOUS
        ]
        return replays(lost)

    def note_health(self, answers: Iterable[Outcome]) -> datetime | None:
        """What the answers say about the account; returns until when it waits."""
        waits = account_waits(self.account_id, answers)
        if waits is not None:
            self.stopped = True
        return waits

    def note_silence(self, answers: Sequence[Outcome], closing: Slice) -> None:
        """Messages that nobody answered are a sign of a sick provider, as an acceptance is one of a sound one."""
        in_a_row, longest, afresh = 0, 0, False
        for answer in answers:
            if answer.result == Result.AMBIGUOUS:
                in_a_row += 1
                longest = max(longest, in_a_row)
            elif answer.blame not in HOLDS_ACCOUNT and answer.code not in OUR_OWN:
                in_a_row, afresh = 0, True
        if self.stopped and not longest:
            return
        if any(answer.result == Result.ACCEPTED for answer in answers) and not in_a_row:
            if not self.healthy or self.unanswered or closing.judged:
                health.fine(self.account_id)
                self.healthy, self.probing = True, None
        elif (longest or (afresh and self.unanswered)) and not closing.judged:
            total = health.unanswered(self.account_id, in_a_row, afresh=afresh)
            limit = 1 if self.capabilities.batch_size > 1 or not self.healthy else SILENT_MESSAGES
            if longest and max(total, longest) >= limit:
                self.rest(total)

    def rest(self, count: int) -> None:
        """Nobody answers: the account rests, and one message tries it again."""
        said = _("No answer came to %(count)d messages in a row; they may have arrived. One message tries it again.")
        health.silent(self.account_id, said % {"count": count}, by_probe=self.probing is not None)
        self.stopped = True

    def weigh(self, closing: Slice, now: datetime) -> weighing.Weighed:
        """See the answers together before any of them is written. `closing` keeps what was said: a transaction that fails
        is done again, and weighs it again."""
        asked = {row.delivery_id: weighing.Asked(row.delivery_id, row.address, row.number) for row in closing.rows}
        return weighing.weigh(self.run_id, self.channel, asked, closing.answers, now)

    def note_dead(self, closing: Slice, weighed: weighing.Weighed) -> None:
        """The provider says that an address does not exist: it is closed once the run's fuse could speak."""
        keys = {row.delivery_id: row.recipient_key for row in closing.rows}
        weighing.close_later(self.run_id, self.channel, keys, weighed)

    def check_standing(self, now: datetime) -> installation.Standing | None:
        """Whether the run may go on; otherwise `stopped` is set, and what needs a person is held. What was found of the
        installation, if that was asked."""
        told = list(Run.objects.filter(pk=self.run_id).values_list(*_STANDING))
        run = _Told(*told[0])
        if run.state != RunState.LIVE or run.publication_state != PublicationState.LIVE or run.account_id is None:
            self.stopped = True
            return None
        self.unanswered = run.unanswered
        if releases.is_older():
            self.stopped = True  # the new release's workers go on: nobody has to look
            return None
        since = max(filter(None, (run.due_at, run.started_at, run.moved_at)))
        asked = installation.standing()
        if asked.reason:
            self.hold("installation")
        elif now - since > settings.ALMANAC_OVERDUE_AFTER:
            self.hold("interrupted")
        elif {one[-2]: one[-1] for one in told} != {part_id: part.sha256 for part_id, part in self.parts.items()}:
            self.hold("seal")
        elif (run.blocked_until and run.blocked_until > now and run.blocked_until != self.probing) or disk.short():
            self.stopped = True
        elif now - since > timedelta(seconds=2):
            Run.objects.filter(pk=self.run_id).update(moved_at=now)
        return asked

    def hold(self, reason: str) -> None:
        """Stop everything of this publication until a person looks."""
        holds.hold(Run.objects.select_related("publication").get(pk=self.run_id).publication, reason)
        self.stopped = True

    # --- in the air ---

    def fly(self, opened: Slice) -> Slice:
        """Hand the slice to the provider and collect its answers; no exception leaves."""
        rows = {refs.make(row.delivery_id): row for row in opened.rows}
        flight = SliceFlight(self.journal, rows, opened.began)
        began = time.monotonic()
        with self.watched(opened, flight, rows):
            try:
                for outcome in self.provider.send(self.jobs(opened, rows, flight), flight) if rows else ():
                    opened.answers[rows[outcome.ref].delivery_id] = outcome
            except TooLate:
                pass  # what it was about to start was given back
            except AlmanacError as error:
                self.refused(opened, rows, flight, error)
            except Unwritable as error:
                # What was to begin has not; what others of the slice have in the air may arrive.
                log.error("%s Nothing more is begun.", error)
                self.stopped = True
            except Exception as error:
                log.exception("The provider of account %s broke its contract.", self.account_id)
                self.in_doubt(opened, rows, flight, type(error).__name__)
        self.in_doubt(opened, rows, flight, "unanswered")
        opened.unstarted = [row for row in opened.rows if row.delivery_id not in opened.answers]
        if flight.suspects is not None:
            left = {row.delivery_id for row in opened.unstarted}
            opened.narrowed = frozenset(left) & {rows[ref].delivery_id for ref in flight.suspects}
        opened.seconds = time.monotonic() - began
        self.pace(len(opened.answers), opened.seconds)
        return opened

    def jobs(self, opened: Slice, rows: Mapping[str, Row], flight: SliceFlight) -> Iterator[Job]:
        """The jobs of a slice, each made when the provider asks for it: beside the wire, and none for what is cut off."""
        for ref, row in rows.items():
            if flight.is_apart:
                return  # what was not begun is others' by now
            try:
                yield job_for(self.parts[row.part_id], row, ref)
            except Invalid as error:
                opened.answers[row.delivery_id] = Outcome(
                    ref, Result.REJECTED, code="render", detail=error.message, blame=Blame.JOB
                )

    @contextmanager
    def watched(self, opened: Slice, flight: SliceFlight, rows: Mapping[str, Row]) -> Iterator[None]:
        """Let the tower watch over the slice while it is in the air."""
        assert self.lease is not None
        aloft = tower.Aloft(
            account_id=self.account_id,
            lease=self.lease,
            keeper=self.keeper,
            turn=self.turn,
            slice=opened,
            flight=flight,
            rows=rows,
            owner=self.journal.owner,
            by_probe=self.probing is not None,
        )
        with tower.watching(aloft):
            yield
        self.lease = aloft.lease
        if aloft.told_silent and not self.lease.is_apart:
            chunks.mark_silent(self.lease, False)

    def refused(self, opened: Slice, rows: Mapping[str, Row], flight: SliceFlight, error: AlmanacError) -> None:
        """The provider gave up before it began: the account's settings, or the service."""
        broken = isinstance(error, FixSettings | Invalid)
        waiting = (
            ref for ref, row in rows.items() if ref not in flight.begun and row.delivery_id not in opened.answers
        )
        for ref in islice(waiting, 1):
            opened.answers[rows[ref].delivery_id] = Outcome(
                ref,
                Result.RETRY,
                code=error.code,
                detail=error.message,
                blame=Blame.ACCOUNT if broken else Blame.PROVIDER,
                retry_at=getattr(error, "retry_at", None),
            )
        self.in_doubt(opened, rows, flight, error.code)

    def in_doubt(self, opened: Slice, rows: Mapping[str, Row], flight: SliceFlight, code: str) -> None:
        """What was started and not answered may have been sent."""
        for ref in flight.begun:
            opened.answers.setdefault(rows[ref].delivery_id, Outcome(ref, Result.AMBIGUOUS, code=code))

    def pace(self, sent: int, seconds: float) -> None:
        """Size the next slice to half a second at the rate of this one, growing no more than fourfold at once."""
        if not sent:
            return
        fitting = int(sent / max(seconds, 0.001) * SLICE_SECONDS)
        least = 1 if self.capabilities.batch_size == 1 else min(self.capabilities.batch_size, 50)
        self.size = max(least, min(fitting, self.size * 4, LARGEST_SLICE))

    def rescue(self, lease: Lease, closing: Slice | None) -> None:
        """The lease was lost while the slice was in the air: its rows are in doubt by now, and these answers prove."""
        if closing is not None:
            answers = {
                (row.delivery_id, row.number): closing.answers[row.delivery_id]
                for row in closing.rows
                if row.delivery_id in closing.answers
            }
            db.patiently(partial(apply_answers, answers), seconds=PATIENCE, enough=stopping.is_set)


def account_waits(account_id: int, answers: Iterable[Outcome]) -> datetime | None:
    """Tell the account what the first of `answers` that blames it or its service says; returns until when it waits."""
    for answer in answers:
        if answer.result in {Result.RETRY, Result.REJECTED}:
            if answer.blame == Blame.ACCOUNT:
                return health.broken(account_id, answer.detail or answer.code)
            if answer.blame == Blame.PROVIDER:
                return health.waiting(account_id, answer.retry_at, answer.detail or answer.code)
    return None


def replays(delivery_ids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """Of deliveries whose answers were lost before: how often, and when that was tried first. An outage is no such try."""
    lost = Attempt.objects.filter(delivery__in=delivery_ids, outcome__in=[Result.AMBIGUOUS.value, "lost"])
    found = lost.order_by().values_list("delivery").annotate(times=Count("pk"), first=Min("started_at"))
    return {pk: (times, first) for pk, times, first in found}


def apply_answers(answers: Mapping[tuple[int, int], Outcome]) -> int:
    """Answers that come after their delivery fell into doubt; returns how many they settled.

    A refusal is weighed with the others of its run first. One that is the account's leaves its delivery in doubt: nobody holds
    it by now, and what becomes of it is for a person to say.
    """
    rows = Delivery.objects.filter(
        pk__in={delivery_id for delivery_id, _number in answers},
        state__in=[DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED],
    ).select_related("publication", "endpoint")
    doubts = {(row.pk, row.attempts_made): row for row in rows}
    runs: dict[int, dict[int, Outcome]] = {}
    for key, outcome in answers.items():
        if key in doubts:
            runs.setdefault(doubts[key].run_id, {})[key[0]] = outcome
    return sum(_apply_late(run_id, told, {row.pk: row for row in doubts.values()}) for run_id, told in runs.items())


@transaction.atomic
def _apply_late(run_id: int, told: Mapping[int, Outcome], rows: Mapping[int, Delivery]) -> int:
    now = clock.ledger_now()
    channel = rows[next(iter(told))].publication.channel
    asked = {pk: weighing.Asked.of(rows[pk]) for pk in told}
    weighed = weighing.weigh(run_id, channel, asked, told, now, late=True)
    settled = []
    for delivery_id, outcome in weighed.items():
        changes = {"changed_at": now, "reason": "journal"}
        if outcome.result == Result.ACCEPTED:
            changes |= {"state": DeliveryState.ACCEPTED, "provider_id": outcome.provider_id[:200]}
        elif outcome.result == Result.REJECTED and outcome.blame not in HOLDS_ACCOUNT:
            reason = "endpoint" if outcome.blame == Blame.ENDPOINT else "refused"
            changes |= {"state": DeliveryState.REJECTED, "reason": reason}
        else:
            continue
        doubt = Q(pk=delivery_id, attempts_made=rows[delivery_id].attempts_made)
        doubt &= Q(state__in=[DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED])
        if Delivery.objects.filter(doubt).update(**changes):
            settled.append(delivery_id)
    keys = {pk: rows[pk].recipient_key for pk in told}
    weighing.close_later(run_id, channel, keys, weighed.only(settled))
    return len(settled)
