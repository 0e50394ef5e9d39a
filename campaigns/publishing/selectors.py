"""Reads of the ledger."""

from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.links import tokens
from campaigns.planning.models import Publication
from campaigns.publishing.models import Attempt, Chunk, Delivery, Run, Seal, Snapshot
from campaigns.publishing.states import ChunkState, DeliveryState
from core.errors import Missing

COUNTS = ("targeted", *(state.value for state in DeliveryState))


def ledger(publication: Publication) -> dict[str, int]:
    """The counts of a publication: `targeted` and one per state. They add up at any instant."""
    return _ledger(Q(run__publication=publication), Q(publication=publication))


def run_ledger(run: Run) -> dict[str, int]:
    """The counts of one run."""
    return _ledger(Q(run=run), Q(run=run))


def _ledger(of_run: Q, of_delivery: Q) -> dict[str, int]:
    counts = dict.fromkeys(COUNTS, 0)
    counts |= dict(Delivery.objects.filter(of_delivery).order_by().values_list("state").annotate(count=Count("pk")))
    counts["targeted"] = Snapshot.objects.filter(of_run).aggregate(all=Coalesce(Sum("targeted"), 0))["all"]
    # `claimed` is what a leased chunk has not reached yet (docs/decisions/0002): no row is ever written as claimed.
    claimed = 0
    for run_id, first, last in Chunk.objects.filter(of_run, state=ChunkState.LEASED, is_retry=False).values_list(
        "run_id", "next_seq", "last_seq"
    ):
        claimed += Delivery.objects.filter(
            run=run_id, seq__gte=first, seq__lte=last, state=DeliveryState.PENDING, next_at=None
        ).count()
    claimed = min(claimed, counts["pending"])
    counts["claimed"] += claimed
    counts["pending"] -= claimed
    return counts


def deliveries(publication: Publication) -> QuerySet[Delivery]:
    """The rows of a publication's ledger, by primary key."""
    return Delivery.objects.filter(publication=publication).select_related("contact", "run").order_by("pk")


def delivery_for_token(token: str, purpose: str = "click") -> Delivery:
    """The delivery a public token names; raises `Missing` for a token we did not make."""
    try:
        ref = tokens.read("unsubscribe" if purpose == "unsubscribe" else "click", token)
    except tokens.BadToken as error:
        raise Missing("There is no such delivery.") from error
    found = Delivery.objects.filter(pk=ref.delivery_id).select_related("publication__stage__campaign").first()
    if found is None:
        raise Missing("There is no such delivery.")
    return found


def history(delivery: Delivery) -> list[dict[str, Any]]:
    """Why she did or did not get it: everything that happened to one delivery, in order."""
    from campaigns.publishing import refs
    from channels.models import ProviderEvent

    lines: list[dict[str, Any]] = [{"at": delivery.run.snapshot.frozen_at, "kind": "frozen", "detail": ""}]
    if delivery.state == DeliveryState.SKIPPED:
        lines.append({"at": delivery.changed_at, "kind": "skipped", "detail": delivery.reason})
    for attempt in Attempt.objects.filter(delivery=delivery).order_by("number"):
        lines.append({"at": attempt.started_at, "kind": "attempt", "detail": str(attempt.number)})
        if attempt.finished_at:
            detail = " ".join(filter(None, [attempt.code, attempt.detail]))
            lines.append({"at": attempt.finished_at, "kind": attempt.outcome, "detail": detail})
    for event in ProviderEvent.objects.filter(ref=refs.make(delivery.pk)).order_by("occurred_at", "pk"):
        lines.append({"at": event.occurred_at, "kind": event.kind, "detail": event.reason})
    return sorted(lines, key=lambda line: line["at"])


def valid_seal(publication: Publication) -> Seal | None:
    """The approval that holds, if any."""
    return Seal.objects.filter(publication=publication, superseded_at=None).select_related("sealed_by").first()


def next_due(publication: Publication) -> Any:
    """When the next run is due; None when there is none to come."""
    return publication.runs.filter(started_at=None).aggregate(due=Min("due_at"))["due"]
