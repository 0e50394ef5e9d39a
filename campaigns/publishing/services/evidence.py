"""Evidence that one message gives about another."""

from campaigns.publishing.models import Attempt, Delivery
from campaigns.publishing.services import pipeline, seals
from campaigns.publishing.services.weighing import DUPLICATE
from campaigns.publishing.states import DELIVERY, DeliveryState
from channels.base import Channel, PostPart, Result
from core import clock

MOST = 200


def from_duplicates() -> int:
    """Posts in doubt that the provider has: it refused the same text on the same account afterwards. Returns how many.

    X answers 403 “duplicate content” to a text that it shows already. The comparison is of the whole text as it is sent, with
    its tracked link where it has one.
    """
    doubts = Delivery.objects.filter(
        state__in=[DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED],
        publication__channel=Channel.SOCIAL,
        part__isnull=False,
    ).select_related("publication", "contact", "endpoint")
    proven = 0
    for doubt in doubts.order_by("pk")[:MOST]:
        if _was_refused_as_duplicate(doubt):
            row = Delivery.objects.filter(pk=doubt.pk)
            proven += DELIVERY.move_all(row, "prove_accepted", reason="duplicate", changed_at=clock.ledger_now())
    return proven


def _was_refused_as_duplicate(doubt: Delivery) -> bool:
    first = doubt.attempts.order_by("number").first()
    if first is None:
        return False
    later = Attempt.objects.filter(
        delivery__publication__account=doubt.publication.account_id,
        delivery__publication__channel=Channel.SOCIAL,
        code=DUPLICATE,
        outcome=Result.REJECTED,
        started_at__gt=first.started_at,
    ).select_related("delivery__contact", "delivery__endpoint")
    text = _text(doubt)
    return bool(text) and any(_text(attempt.delivery) == text for attempt in later[:MOST])


def _text(delivery: Delivery) -> str:
    if delivery.part_id is None:
        return ""
    part = pipeline.job_for(seals.load_part(delivery.part_id), pipeline.Row.of(delivery)).part
    return " ".join(part.text.split()) if isinstance(part, PostPart) else ""
