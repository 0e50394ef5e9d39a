"""Sending: slice after slice of a leased chunk, each committed as `attempting` before the provider hears of it.

One transaction closes the last slice and opens the next, and in it everything is asked again that could have changed: the
lease's epoch, pause and cancel, lateness, the seal, the installation, the account, consent and suppression. A slice is never
more than half a second of sending at the current rate, and a slice that turns out slower is cut short, so that whatever was
committed since (an unsubscription, a pause) holds within a second.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q

from campaigns.audiences import selectors as audiences
from campaigns.audiences.models import Endpoint, Suppression
from campaigns.audiences.services import endpoints, suppressions
from campaigns.links import services as links
from campaigns.links import tokens
from campaigns.planning.states import PublicationState
from campaigns.publishing import outcomes, refs, sql
from campaigns.publishing.compiler import Loaded
from campaigns.publishing.journal import Journal
from campaigns.publishing.models import Delivery, Run, SealPart
from campaigns.publishing.services import accounts, chunks, holds, seals
from campaigns.publishing.services.chunks import Lease, LostLease
from campaigns.publishing.states import ChunkState, DeliveryState, RunState
from channels import registry
from channels.base import Blame, Channel, Flight, Job, Outcome, Provider, Result
from channels.models import ChannelAccount
from core import clock, installation
from core.errors import AlmanacError, FixSettings, Invalid

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.5
CUT_AFTER = 0.7
"""A slice that is not through by then is cut: together with the transaction this stays below a second."""
FIRST_SLICE = 25
LARGEST_SLICE = 500
IDLE_TURNS = 2

stopping = threading.Event()
"""Set when this process was asked to end: no further slice begins, so that an orderly end leaves nothing in doubt."""


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery of a slice with what its message needs."""

    delivery_id: int
    seq: int
    recipient_key: str
    part_id: int
    tries: int
    address: str
    contact: Mapping[str, Any]

    @classmethod
    def of(cls, delivery: Delivery) -> "Row":
        """Of one delivery, by itself."""
        contact, endpoint = delivery.contact, delivery.endpoint
        assert delivery.part_id is not None
        return cls(
            delivery_id=delivery.pk,
            seq=delivery.seq,
            recipient_key=delivery.recipient_key,
            part_id=delivery.part_id,
            tries=delivery.attempts_made,
            address=endpoint.address if endpoint else "",
            contact={
                "first_name": contact.first_name if contact else "",
                "last_name": contact.last_name if contact else "",
                "locale": contact.locale if contact else "",
                "attributes": contact.attributes if contact else {},
            },
        )


@dataclass(slots=True)
class Slice:
    """What is in the air: rows that the database knows as `attempting`."""

    rows: Sequence[Row]
    began_at: datetime
    began: float
    answers: dict[int, Outcome] = field(default_factory=dict)
    unstarted: list[Row] = field(default_factory=list)
    seconds: float = 0.0


class SliceFlight(Flight):
    """Tells the journal, and tells the provider when to stop."""

    def __init__(self, journal: Journal, rows: Mapping[str, Row], began: float) -> None:
        self.journal = journal
        self.rows = rows
        self.began = began
        self.begun: set[str] = set()

    def started(self, refs: Sequence[str]) -> None:
        """Noted in the journal before this returns."""
        self.begun.update(refs)
        self.journal.started([self.key(ref) for ref in refs])

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """Noted in the journal."""
        self.journal.answered([(self.key(outcome.ref), outcome) for outcome in outcomes])

    def should_stop(self) -> bool:
        """True once this slice has taken too long, or this process is to end."""
        return stopping.is_set() or time.monotonic() - self.began > CUT_AFTER

    def key(self, ref: str) -> tuple[int, int]:
        """What the journal calls the job."""
        row = self.rows[ref]
        return row.delivery_id, row.tries


class Sender:
    """One worker's turn at one run."""

    def __init__(self, run: Run, journal: Journal) -> None:
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
                try:
                    opened = self.advance(
                        lease, closing, stop=stopping.is_set() or time.monotonic() > until or idle >= IDLE_TURNS
                    )
                except LostLease:
                    self.rescue(lease, closing)
                    return
                if opened is None:
                    return
                closing = self.fly(opened)
                idle = idle + 1 if not closing.answers else 0
        finally:
            self.keeper.hold(None)

    def advance(self, lease: Lease, closing: Slice | None, *, stop: bool) -> Slice | None:
        """The one transaction between two slices; None when the chunk is put back."""
        with transaction.atomic():
            now = clock.now()
            chunks.renew(lease)
            if closing is not None:
                self.settle(lease, closing, now)
            self.check_standing(now)
            if stop or self.stopped:
                chunks.finish(lease, ChunkState.OPEN)
                return None
            rows = self.next_rows(lease, now)
            wanted = self.weed_out(rows, now)
            if not rows:
                chunks.finish(lease, ChunkState.DONE)
                return None
            begun = sql.begin_attempts([row.delivery_id for row in wanted], lease.chunk_id, lease.epoch, now)
            if not lease.is_retry:
                lease.next_seq = rows[-1].seq + 1
            chunks.renew(lease, next_seq=lease.next_seq)
            # Last: it ends with the commit, and a restored backup that lacks this slice is found out by it.
            installation.about_to_send()
        return Slice([row for row in wanted if row.delivery_id in begun], clock.now(), time.monotonic())

    def settle(self, lease: Lease, closing: Slice, now: datetime) -> None:
        """Write what became of the last slice."""
        waits_until = self.note_health(closing.answers.values())
        first_tries = self.first_tries(closing)
        rows = [
            outcomes.row_for(
                row.delivery_id,
                closing.answers[row.delivery_id],
                tries=row.tries,
                first_try_at=first_tries.get(row.delivery_id, closing.began_at),
                capabilities=self.capabilities,
                account_waits_until=waits_until,
                now=now,
            )
            for row in closing.rows
            if row.delivery_id in closing.answers
        ]
        sql.settle(rows, lease.chunk_id, lease.epoch, now)
        if closing.unstarted:
            sql.give_back([row.delivery_id for row in closing.unstarted], lease.chunk_id, lease.epoch, now)
            if not lease.is_retry:
                lease.next_seq = min(lease.next_seq, *(row.seq for row in closing.unstarted))
        self.close_dead(closing)

    def first_tries(self, closing: Slice) -> dict[int, datetime]:
        """When messages of which the answer was lost were tried first: only replays ask."""
        lost = [
            row.delivery_id
            for row in closing.rows
            if row.tries > 1 and (answer := closing.answers.get(row.delivery_id)) and answer.result == Result.AMBIGUOUS
        ]
        return first_tries(lost)

    def note_health(self, answers: Iterable[Outcome]) -> datetime | None:
        """What the answers say about the account; returns until when it waits."""
        waits: datetime | None = None
        accepted = False
        for answer in answers:
            accepted = accepted or answer.result == Result.ACCEPTED
            if answer.result in {Result.RETRY, Result.REJECTED}:
                if answer.blame == Blame.ACCOUNT:
                    waits = accounts.broken(self.account_id, answer.detail or answer.code)
                    break
                if answer.blame == Blame.PROVIDER:
                    waits = accounts.waiting(self.account_id, answer.retry_at, answer.detail or answer.code)
                    break
        if waits is not None:
            self.stopped = True
        elif accepted and not self.healthy:
            accounts.fine(self.account_id)
            self.healthy = True
        return waits

    def close_dead(self, closing: Slice) -> None:
        """The provider says that an address does not exist: nobody writes there again."""
        for row in closing.rows:
            answer = closing.answers.get(row.delivery_id)
            if answer is None or answer.blame != Blame.ENDPOINT or answer.result != Result.REJECTED:
                continue
            endpoints.invalidate(row.recipient_key)
            if self.channel == Channel.EMAIL:
                suppressions.suppress(row.recipient_key, self.channel, Suppression.Reason.BOUNCED)

    def check_standing(self, now: datetime) -> None:
        """Whether the run may go on; otherwise `stopped` is set, and what needs a person is held."""
        run = Run.objects.select_related("publication__account").get(pk=self.run_id)
        account = run.publication.account
        if run.state != RunState.LIVE or run.publication.state != PublicationState.LIVE or account is None:
            self.stopped = True
            return
        since = max(filter(None, (run.due_at, run.started_at, run.moved_at)))
        allowed, _why = installation.may_send()
        if not allowed:
            self.hold(run, "installation")
        elif now - since > settings.ALMANAC_OVERDUE_AFTER:
            self.hold(run, "interrupted")
        elif dict(SealPart.objects.filter(seal=self.seal_id).values_list("pk", "sha256")) != {
            part_id: part.sha256 for part_id, part in self.parts.items()
        }:
            self.hold(run, "seal")
        elif account.blocked_until and account.blocked_until > now:
            self.stopped = True
        elif now - since > timedelta(seconds=2):
            Run.objects.filter(pk=run.pk).update(moved_at=now)

    def hold(self, run: Run, reason: str) -> None:
        """Stop everything of this publication until a person looks."""
        holds.hold(run.publication, reason)
        self.stopped = True

    # --- choosing the next rows ---

    def next_rows(self, lease: Lease, now: datetime) -> list[Row]:
        """The next pending rows of the chunk, at most a slice."""
        rows = Delivery.objects.filter(run_id=self.run_id, state=DeliveryState.PENDING)
        if lease.is_retry:
            rows = rows.filter(next_at__lte=now).order_by("next_at", "seq")
        else:
            rows = rows.filter(next_at=None, seq__gte=lease.next_seq, seq__lte=lease.last_seq).order_by("seq")
        size = 1 if not self.healthy else self.size
        return [
            Row(
                delivery_id=row[0],
                seq=row[1],
                recipient_key=row[2],
                part_id=row[3],
                tries=row[4] + 1,
                address=(row[5] or "") if row[6] == Endpoint.Status.ACTIVE else "",
                contact={
                    "id": row[7],
                    "first_name": row[8] or "",
                    "last_name": row[9] or "",
                    "locale": row[10] or "",
                    "attributes": row[11] or {},
                    "erased": row[12] is not None,
                    "endpoint": row[6],
                },
            )
            for row in rows.values_list(
                "pk",
                "seq",
                "recipient_key",
                "part_id",
                "attempts_made",
                "endpoint__address",
                "endpoint__status",
                "contact_id",
                "contact__first_name",
                "contact__last_name",
                "contact__locale",
                "contact__attributes",
                "contact__erased_at",
            )[:size]
        ]

    def weed_out(self, rows: Sequence[Row], now: datetime) -> list[Row]:
        """Skip, with the reason, whoever must not be written to any more; returns the others."""
        if self.channel == Channel.SOCIAL or not rows:
            return list(rows)
        closed = audiences.is_suppressed([row.recipient_key for row in rows], self.channel)
        people = [row.contact["id"] for row in rows if row.contact["id"] is not None]
        unwilling = audiences.withdrawn(people, self.channel)
        reasons: dict[int, str] = {}
        for row in rows:
            if row.contact["id"] is None or row.contact["erased"] or row.contact["endpoint"] is None:
                reasons[row.delivery_id] = "erased"
            elif row.recipient_key in closed:
                reasons[row.delivery_id] = "suppressed"
            elif row.contact["id"] in unwilling:
                reasons[row.delivery_id] = "no_consent"
            elif not row.address:
                reasons[row.delivery_id] = "invalid_address"
        sql.skip(reasons, now)
        return [row for row in rows if row.delivery_id not in reasons]

    # --- in the air ---

    def fly(self, opened: Slice) -> Slice:
        """Hand the slice to the provider and collect its answers; no exception leaves."""
        rows: dict[str, Row] = {}
        jobs: list[Job] = []
        for row in opened.rows:
            ref = refs.make(row.delivery_id)
            rows[ref] = row
            try:
                jobs.append(job_for(self.parts[row.part_id], row))
            except Invalid as error:
                opened.answers[row.delivery_id] = Outcome(
                    ref, Result.REJECTED, code="render", detail=error.message, blame=Blame.JOB
                )
        flight = SliceFlight(self.journal, rows, opened.began)
        began = time.monotonic()
        try:
            for outcome in self.provider.send(jobs, flight) if jobs else ():
                opened.answers[rows[outcome.ref].delivery_id] = outcome
        except AlmanacError as error:
            self.refused(opened, jobs, rows, flight, error)
        except Exception as error:
            log.exception("The provider of account %s broke its contract.", self.account_id)
            self.in_doubt(opened, rows, flight, type(error).__name__)
        self.in_doubt(opened, rows, flight, "unanswered")
        opened.unstarted = [row for row in opened.rows if row.delivery_id not in opened.answers]
        opened.seconds = time.monotonic() - began
        self.pace(len(opened.answers), opened.seconds)
        return opened

    def refused(
        self, opened: Slice, jobs: Sequence[Job], rows: Mapping[str, Row], flight: SliceFlight, error: AlmanacError
    ) -> None:
        """The provider gave up before it began: the account's settings, or the service."""
        broken = isinstance(error, FixSettings | Invalid)
        waiting = [job for job in jobs if job.ref not in flight.begun]
        for job in waiting[:1]:
            opened.answers[rows[job.ref].delivery_id] = Outcome(
                job.ref,
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
            apply_answers(
                {
                    (row.delivery_id, row.tries): closing.answers[row.delivery_id]
                    for row in closing.rows
                    if row.delivery_id in closing.answers
                }
            )


def job_for(loaded: Loaded, row: Row) -> Job:
    """The job of one row; raises `Invalid` when a field cannot be put into the message."""
    context: dict[str, Any] = {**row.contact, "contact": row.contact}
    if loaded.names & {"click_base", "open_url"}:
        click = tokens.make("click", row.delivery_id, loaded.link_set_id)
        context["click_base"] = links.click_url(click, 0)[:-1]
        context["open_url"] = links.open_url(click)
    if "unsubscribe_url" in loaded.names:
        token = tokens.make("unsubscribe", row.delivery_id, loaded.link_set_id)
        context["unsubscribe_url"] = links.unsubscribe_url(token)
    values = loaded.values(context)
    ref = refs.make(row.delivery_id)
    if loaded.post:
        return Job(ref=ref, address="", part=loaded.part_for(values))
    return Job(ref=ref, address=row.address, part=loaded.part, values=values)


def first_tries(delivery_ids: Sequence[int]) -> dict[int, datetime]:
    """When deliveries were tried first."""
    found = Delivery.objects.filter(pk__in=delivery_ids).annotate(first=Min("attempts__started_at"))
    return {pk: first for pk, first in found.values_list("pk", "first") if first}


def apply_answers(answers: Mapping[tuple[int, int], Outcome]) -> int:
    """Positive answers that come after their delivery fell into doubt; returns how many they settled."""
    proven = 0
    for (delivery_id, number), outcome in answers.items():
        doubt = Q(pk=delivery_id, attempts_made=number, state__in=[DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED])
        changes = {"changed_at": clock.now(), "reason": "journal"}
        if outcome.result == Result.ACCEPTED:
            changes |= {"state": DeliveryState.ACCEPTED, "provider_id": outcome.provider_id[:200]}
        elif outcome.result == Result.REJECTED and outcome.blame not in {Blame.ACCOUNT, Blame.PROVIDER}:
            changes |= {"state": DeliveryState.REJECTED, "reason": "refused"}
        else:
            continue
        proven += Delivery.objects.filter(doubt).update(**changes)
    return proven
