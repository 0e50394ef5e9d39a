"""The audit: every promise of the ledger as a query that finds what breaks it. The promise is none, always."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState
from campaigns.publishing import selectors
from campaigns.publishing.models import Attempt, Chunk, Delivery, Run, Seal, SealPart
from campaigns.publishing.services import seals
from campaigns.publishing.states import ChunkState, DeliveryState, RunState
from core import db

SENT = (DeliveryState.ATTEMPTING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED)
AT_MOST = 100
"""So many findings of one rule are listed; more of the same say nothing new."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    rule: str
    publication: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"rule": self.rule, "publication": self.publication, "detail": self.detail}


def audit(publication: Publication | None = None) -> list[Violation]:
    """Every violation there is, all seen at one instant."""
    found: list[Violation] = []
    with db.one_picture():
        for rule in RULES:
            only = Q(publication=publication) if publication else Q()
            for number, (owner, detail) in enumerate(rule(only)):
                if number == AT_MOST:
                    break
                found.append(Violation(rule.__name__, str(owner), detail))
    return found


Finding = tuple[Any, str]


def through(relation: str, only: Q) -> Q:
    """The condition of one publication, seen from a row that has it through `relation`."""
    return Q(**{f"{relation}__{key}": value for key, value in dict(only.deconstruct()[1]).items()})


def the_counts_add_up(only: Q) -> Iterator[Finding]:
    """Targeted = pending + claimed + attempting + accepted + rejected + skipped + unknown + unconfirmed."""
    for run in Run.objects.filter(only, snapshot__isnull=False).select_related("publication"):
        counts = selectors.run_ledger(run)
        total = sum(count for name, count in counts.items() if name != "targeted")
        if total != counts["targeted"] or min(counts.values()) < 0:
            yield (
                run.publication.public_id,
                f"run {run.public_id}: {counts['targeted']} targeted, {total} in the states",
            )


def rows_are_as_many_as_frozen(only: Q) -> Iterator[Finding]:
    """The snapshot's number is the number of rows, and they are numbered without a gap."""
    runs = Run.objects.filter(only, snapshot__isnull=False).annotate(
        rows=Count("deliveries"), first=Min("deliveries__seq"), last=Max("deliveries__seq")
    )
    for run in runs.select_related("publication", "snapshot"):
        gapless = run.rows == 0 or (run.first == 1 and run.last == run.rows)
        if run.rows != run.snapshot.targeted or not gapless:
            yield run.publication.public_id, f"run {run.public_id}: {run.snapshot.targeted} frozen, {run.rows} rows"


def nobody_twice(only: Q) -> Iterator[Finding]:
    """One row per recipient and occurrence (a constraint; this asks whether it is there and true)."""
    twice = Delivery.objects.filter(only).values("publication__public_id", "occurrence", "recipient_key")
    for row in twice.annotate(rows=Count("pk")).filter(rows__gt=1):
        yield row["publication__public_id"], f"{row['recipient_key'][:12]} has {row['rows']} rows"


def nobody_was_accepted_twice(only: Q) -> Iterator[Finding]:
    """A delivery has one accepted attempt at most, unless a person had it sent again after a doubt."""
    named = through("delivery", only)
    attempts = Attempt.objects.filter(named, outcome="accepted").values("delivery", "delivery__publication__public_id")
    for row in attempts.annotate(times=Count("pk")).filter(times__gt=1):
        yield row["delivery__publication__public_id"], f"delivery {row['delivery']} was accepted {row['times']} times"


def chunks_cover_the_run(only: Q) -> Iterator[Finding]:
    """Every row of a run lies in exactly one chunk."""
    for run in Run.objects.filter(only, snapshot__isnull=False).select_related("publication", "snapshot"):
        expected = 1
        for first, last in run.chunks.filter(is_retry=False).order_by("number").values_list("first_seq", "last_seq"):
            if first != expected:
                break
            expected = last + 1
        if expected != run.snapshot.targeted + 1:
            yield run.publication.public_id, f"run {run.public_id}: chunks cover up to {expected - 1}"


def attempts_tell_the_same_story(only: Q) -> Iterator[Finding]:
    """As many attempts as the row says; an open one exactly while it is in the air."""
    opened = Attempt.objects.filter(delivery=OuterRef("pk"), outcome="")
    rows = Delivery.objects.filter(only).annotate(rows=Count("attempts"), in_air=Exists(opened))
    wrong = rows.exclude(rows=F("attempts_made")) | rows.filter(
        Q(state=DeliveryState.ATTEMPTING, in_air=False) | Q(~Q(state=DeliveryState.ATTEMPTING), in_air=True)
    )
    for row in wrong.select_related("publication")[: AT_MOST + 1]:
        yield row.publication.public_id, f"delivery {row.pk} is {row.state} with {row.attempts_made} attempts"


def what_was_sent_has_an_attempt(only: Q) -> Iterator[Finding]:
    """Nothing is accepted, unknown or unconfirmed that was never attempted."""
    rows = Delivery.objects.filter(only, state__in=SENT, attempts_made=0)
    for row in rows.select_related("publication")[: AT_MOST + 1]:
        yield row.publication.public_id, f"delivery {row.pk} is {row.state} and was never attempted"


def skipped_and_rejected_say_why(only: Q) -> Iterator[Finding]:
    """A reason stands with everyone left out."""
    rows = Delivery.objects.filter(only, state__in=[DeliveryState.SKIPPED, DeliveryState.REJECTED], reason="")
    for row in rows.select_related("publication")[: AT_MOST + 1]:
        yield row.publication.public_id, f"delivery {row.pk} is {row.state} without a reason"


def what_is_in_the_air_is_held(only: Q) -> Iterator[Finding]:
    """A row is `attempting` only under a lease that holds it."""
    held = Attempt.objects.filter(
        delivery=OuterRef("pk"), outcome="", chunk__state=ChunkState.LEASED, epoch=F("chunk__epoch")
    )
    rows = Delivery.objects.filter(only, state=DeliveryState.ATTEMPTING).annotate(held=Exists(held))
    for row in rows.filter(held=False).select_related("publication")[: AT_MOST + 1]:
        yield row.publication.public_id, f"delivery {row.pk} is in the air and nobody holds it"


def done_means_done(only: Q) -> Iterator[Finding]:
    """Of a run that is done nothing is left to be sent; of a publication that is done every run is."""
    rows = Delivery.objects.filter(
        only, run__state=RunState.DONE, state__in=[DeliveryState.PENDING, DeliveryState.ATTEMPTING]
    )
    for row in rows.select_related("publication")[: AT_MOST + 1]:
        yield row.publication.public_id, f"delivery {row.pk} is {row.state} in a run that is done"
    runs = Run.objects.filter(only, publication__state=PublicationState.DONE)
    for run in runs.exclude(state__in=[RunState.DONE, RunState.CANCELLED]).select_related("publication"):
        yield run.publication.public_id, f"run {run.public_id} is {run.state} and the publication done"


def nothing_goes_out_after_the_end(only: Q) -> Iterator[Finding]:
    """No attempt begins in a run that was finished or cancelled before (5 s are allowed for what was in the air)."""
    named = through("delivery", only)
    late = Attempt.objects.filter(named, delivery__run__state=RunState.CANCELLED).annotate(
        ended=F("delivery__run__finished_at")
    )
    for attempt in late.filter(started_at__gt=F("ended")).select_related("delivery__publication", "delivery__run"):
        ended = attempt.delivery.run.finished_at
        if ended and (attempt.started_at - ended).total_seconds() > 5:
            yield attempt.delivery.publication.public_id, f"attempt {attempt.pk} began after the run was cancelled"


def what_was_approved_is_what_is_sent(only: Q) -> Iterator[Finding]:
    """The sealed bytes have their hashes, and every row of a run has a part of the run's seal."""
    named = through("seal", only)
    for part in SealPart.objects.filter(named).select_related("seal__publication"):
        if hashlib.sha256(bytes(part.compiled)).hexdigest() != part.sha256:
            yield part.seal.publication.public_id, f"part {part.pk} is not what was sealed"
    for seal in Seal.objects.filter(only).select_related("publication"):
        if seals.digest(seal.order) != seal.order_hash:
            yield seal.publication.public_id, f"the order of seal {seal.public_id} is not what was signed"
    rows = Delivery.objects.filter(only, part__isnull=False).exclude(part__seal=F("run__seal"))
    for row in rows.select_related("publication")[: AT_MOST + 1]:
        yield row.publication.public_id, f"delivery {row.pk} has a part of another seal"


def every_run_was_approved(only: Q) -> Iterator[Finding]:
    """Nothing started without a seal."""
    for run in Run.objects.filter(only, started_at__isnull=False, seal=None).select_related("publication"):
        yield run.publication.public_id, f"run {run.public_id} started without an approval"


def a_chunk_knows_where_it_is(only: Q) -> Iterator[Finding]:
    """Nothing pending lies before a chunk's place, except what was put off."""
    named = through("run", only)
    behind = Delivery.objects.filter(
        run=OuterRef("run"),
        seq__gte=OuterRef("first_seq"),
        seq__lt=OuterRef("next_seq"),
        state=DeliveryState.PENDING,
        next_at=None,
    )
    chunks = Chunk.objects.filter(named, is_retry=False).exclude(run__state=RunState.CANCELLED)
    for chunk in chunks.annotate(behind=Exists(behind)).filter(behind=True).select_related("run__publication"):
        yield chunk.run.publication.public_id, f"chunk {chunk.number} has passed a pending row"


RULES: tuple[Callable[[Q], Iterator[Finding]], ...] = (
    the_counts_add_up,
    rows_are_as_many_as_frozen,
    nobody_twice,
    nobody_was_accepted_twice,
    chunks_cover_the_run,
    attempts_tell_the_same_story,
    what_was_sent_has_an_attempt,
    skipped_and_rejected_say_why,
    what_is_in_the_air_is_held,
    done_means_done,
    nothing_goes_out_after_the_end,
    what_was_approved_is_what_is_sent,
    every_run_was_approved,
    a_chunk_knows_where_it_is,
)
