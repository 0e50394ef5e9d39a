"""Provider events, read by a cursor: they prove what was in doubt, close dead addresses, and only ever move things upward.

Any order and any number of repetitions of the same events gives the same state. An event that beats our own commit (the
delivery is still `attempting`) leaves its mark in `feedback`, which the sweeper asks before it puts anything into doubt.
"""

import logging

from django.db import transaction
from django.db.models import Q

from campaigns.audiences.models import Suppression
from campaigns.audiences.services import endpoints, suppressions, unsubscribe
from campaigns.publishing import refs
from campaigns.publishing.models import Delivery, EventCursor
from campaigns.publishing.states import DELIVERY, DeliveryState, Feedback
from channels.base import Channel, EventKind
from channels.models import ProviderEvent
from core import clock, failpoints

log = logging.getLogger(__name__)

CURSOR = "publishing.events"
BATCH = 2_000
OUT_OF_ORDER = 60.0
"""Seconds for which rows with lower ids may still be committed after higher ones (PostgreSQL gives ids out before)."""

FEEDBACK: dict[str, Feedback] = {
    EventKind.QUEUED: Feedback.SENT,
    EventKind.SENT: Feedback.SENT,
    EventKind.DEFERRED: Feedback.DEFERRED,
    EventKind.DELIVERED: Feedback.DELIVERED,
    EventKind.OPENED: Feedback.DELIVERED,
    EventKind.CLICKED: Feedback.DELIVERED,
    EventKind.BOUNCED: Feedback.BOUNCED,
    EventKind.REJECTED: Feedback.DROPPED,
    EventKind.FAILED: Feedback.DROPPED,
    EventKind.UNSUBSCRIBED: Feedback.UNSUBSCRIBED,
    EventKind.COMPLAINED: Feedback.COMPLAINED,
}
RANK = {feedback.value: rank for rank, feedback in enumerate(Feedback, start=1)} | {"": 0}

_done: dict[int, None] = {}
"""Ids above the cursor that this process has applied: they are not read again, though reading twice would not harm."""


def read(batch: int = BATCH) -> int:
    """Apply the events that have come since; returns how many."""
    cursor, _made = EventCursor.objects.get_or_create(name=CURSOR)
    fresh = ProviderEvent.objects.filter(pk__gt=cursor.position).order_by("pk")
    if _done:
        fresh = fresh.exclude(pk__in=[pk for pk in _done if pk > cursor.position][-5_000:])
    events = list(fresh.select_related("account")[:batch])
    if not events:
        _move_cursor(cursor)
        return 0
    for event in events:
        try:
            apply(event)
        except Exception:
            # A poisoned event must not keep the others from being read.
            log.exception("Event %s of account %s was left aside.", event.pk, event.account_id)
        _done[event.pk] = None
    _move_cursor(cursor)
    return len(events)


def _move_cursor(cursor: EventCursor) -> None:
    settled_before = clock.now().timestamp() - OUT_OF_ORDER
    old = (
        ProviderEvent.objects.filter(pk__gt=cursor.position)
        .order_by("pk")
        .values_list("pk", "recorded_at")[: BATCH * 4]
    )
    position = cursor.position
    for pk, recorded_at in old:
        if pk not in _done or recorded_at.timestamp() > settled_before:
            break
        position = pk
    if position > cursor.position:
        EventCursor.objects.filter(name=CURSOR, position=cursor.position).update(position=position)
        for pk in [pk for pk in _done if pk <= position]:
            del _done[pk]


@transaction.atomic
def apply(event: ProviderEvent) -> bool:
    """Apply one event; False when it is not about a delivery of ours."""
    delivery_id = refs.read(event.ref)
    if delivery_id is None:
        return False
    found = Delivery.objects.filter(pk=delivery_id).values_list("recipient_key", "publication__channel").first()
    if found is None:
        return False
    key, channel = found
    _mark(delivery_id, event)
    failpoints.reached("event")
    is_hard = event.kind == EventKind.BOUNCED and event.permanent
    if is_hard:
        endpoints.invalidate(key)
        if channel == Channel.EMAIL:
            suppressions.suppress(key, channel, Suppression.Reason.BOUNCED)
    elif event.kind == EventKind.COMPLAINED:
        unsubscribe.by_recipient_key(
            key,
            channel,
            f"complaint:{event.account.provider}",
            reason=Suppression.Reason.COMPLAINED,
            occurred_at=event.occurred_at,
        )
    elif event.kind == EventKind.UNSUBSCRIBED:
        unsubscribe.by_recipient_key(key, channel, f"provider:{event.account.provider}", occurred_at=event.occurred_at)
    return True


def _mark(delivery_id: int, event: ProviderEvent) -> None:
    """Raise the feedback, then the state: two conditional updates, each of which may find that it was done."""
    feedback = FEEDBACK[event.kind]
    lower = [name for name, rank in RANK.items() if rank < RANK[feedback.value]]
    rows = Delivery.objects.filter(pk=delivery_id)
    now = clock.now()
    changes = {"feedback": feedback.value, "changed_at": now}
    if event.kind == EventKind.BOUNCED and event.permanent:
        rows.filter(state=DeliveryState.ACCEPTED, reason="").update(reason="bounced")
    rows.filter(feedback__in=lower).update(**changes)
    if feedback == Feedback.DROPPED:
        doubtful = rows.exclude(state=DeliveryState.ATTEMPTING)
        DELIVERY.move_all(doubtful, "prove_rejected", reason="dropped", changed_at=now)
        return
    doubtful = rows.filter(Q(state=DeliveryState.UNKNOWN) | Q(state=DeliveryState.UNCONFIRMED))
    # What was dropped stays dropped, whichever news is first.
    reason = "bounced" if event.kind == EventKind.BOUNCED and event.permanent else "event"
    dropped = doubtful.filter(feedback=Feedback.DROPPED)
    DELIVERY.move_all(dropped, "prove_rejected", reason="dropped", changed_at=now)
    DELIVERY.move_all(doubtful, "prove_accepted", reason=reason, provider_id=event.provider_id, changed_at=now)
