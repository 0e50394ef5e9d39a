"""Provider events, read by a cursor: they prove what was in doubt, note dead addresses, and only ever move things upward.

A bounce is judged by whose fault it is (`channels.refusals`): only a mailbox's closes an address, and that in a second step,
`closings`. What a recipient had told the provider (an unsubscription, a complaint) is told us by a drop too.

Any order and any number of repetitions of the same events gives the same state. An event that beats our own commit (the
delivery is still `attempting`) leaves its mark in `feedback`, which the sweeper asks before it puts anything into doubt.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models import Q

from campaigns.audiences.models import Suppression
from campaigns.audiences.services import unsubscribe
from campaigns.publishing import refs
from campaigns.publishing.models import Closing, Delivery, EventCursor
from campaigns.publishing.services import closings
from campaigns.publishing.states import DELIVERY, DeliveryState, Feedback
from channels.base import COMPLAINED, UNSUBSCRIBED, EventKind
from channels.models import ChannelAccount, ProviderEvent
from channels.refusals import Fault
from channels.services import note_health
from core import clock, db, failpoints, webhooks

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
CAUSES: dict[str, Closing.Cause] = {
    EventKind.BOUNCED: Closing.Cause.BOUNCED,
    EventKind.REJECTED: Closing.Cause.DROPPED,
    EventKind.FAILED: Closing.Cause.DROPPED,
}
OF_THE_SENDER = frozenset({Fault.ACCOUNT.value, Fault.POLICY.value})
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
        except Exception as error:
            if db.passes(error):
                raise  # nothing is wrong with the event: the next pass reads it again
            # A poisoned event must not keep the others from being read.
            log.exception("Event %s of account %s was left aside.", event.pk, event.account_id)
        _done[event.pk] = None
    _move_cursor(cursor)
    closings.close_due()
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


def apply(event: ProviderEvent) -> bool:
    """Apply one event; False when it is not about a delivery of ours."""
    if not _apply(event):
        return False
    if event.fault == Fault.ACCOUNT and event.kind in CAUSES:
        # It was taken and came back because of us: a person has to see the sentence, and the next sends are tried singly.
        # Not before the commit: whoever settles a slice locks the account first and its deliveries then.
        note_health(event.account, ChannelAccount.Health.FIX_SETTINGS, detail=event.reason)
    return True


@transaction.atomic
def _apply(event: ProviderEvent) -> bool:
    delivery_id = refs.read(event.ref)
    if delivery_id is None:
        return False
    row = Delivery.objects.filter(pk=delivery_id).values("run_id", "recipient_key", "publication__channel").first()
    if row is None:
        return False
    key, channel = row["recipient_key"], row["publication__channel"]
    _mark(delivery_id, event)
    webhooks.announce(f"delivery.{event.kind}", lambda: _told(delivery_id, event), key=f"event-{event.pk}")
    failpoints.reached("event")
    if event.permanent and event.kind in CAUSES:
        dead = closings.Dead(delivery_id, key, CAUSES[event.kind], str(event.payload.get("status", "")), event.reason)
        closings.note(row["run_id"], channel, [dead])
    if event.kind == EventKind.COMPLAINED or event.fault == COMPLAINED:
        unsubscribe.by_recipient_key(
            key,
            channel,
            f"complaint:{event.account.provider}",
            reason=Suppression.Reason.COMPLAINED,
            occurred_at=event.occurred_at,
        )
    elif event.kind == EventKind.UNSUBSCRIBED or event.fault == UNSUBSCRIBED:
        unsubscribe.by_recipient_key(key, channel, f"provider:{event.account.provider}", occurred_at=event.occurred_at)
    return True


def _told(delivery_id: int, event: ProviderEvent) -> dict[str, Any]:
    """What an outgoing webhook says of the event."""
    row = Delivery.objects.select_related("contact", "publication").get(pk=delivery_id)
    return {
        "publication": str(row.publication.public_id),
        "external_id": row.contact.external_id if row.contact else None,
        "channel": row.publication.channel,
        "state": row.state,
        "reason": event.reason,
        "permanent": event.permanent,
        "occurred_at": event.occurred_at.isoformat(),
    }


def _mark(delivery_id: int, event: ProviderEvent) -> None:
    """Raise the feedback, then the state: two conditional updates, each of which may find that it was done."""
    feedback = FEEDBACK[event.kind]
    lower = [name for name, rank in RANK.items() if rank < RANK[feedback.value]]
    rows = Delivery.objects.filter(pk=delivery_id)
    now = clock.ledger_now()
    changes = {"feedback": feedback.value, "changed_at": now}
    bounced = _why_bounced(event)
    if bounced:
        rows.filter(state=DeliveryState.ACCEPTED, reason__in=["", "event"]).update(reason=bounced)
    rows.filter(feedback__in=lower).update(**changes)
    if feedback == Feedback.DROPPED:
        doubtful = rows.exclude(state=DeliveryState.ATTEMPTING)
        DELIVERY.move_all(doubtful, "prove_rejected", reason="dropped", changed_at=now)
        return
    doubtful = rows.filter(Q(state=DeliveryState.UNKNOWN) | Q(state=DeliveryState.UNCONFIRMED))
    # What was dropped stays dropped, whichever news is first.
    reason = bounced or "event"
    dropped = doubtful.filter(feedback=Feedback.DROPPED)
    DELIVERY.move_all(dropped, "prove_rejected", reason="dropped", changed_at=now)
    DELIVERY.move_all(doubtful, "prove_accepted", reason=reason, provider_id=event.provider_id, changed_at=now)


def _why_bounced(event: ProviderEvent) -> str:
    """The reason that a bounce gives the delivery: the address is dead, the sender is refused, or nothing of note."""
    if event.kind != EventKind.BOUNCED:
        return ""
    if event.permanent:
        return "bounced"
    return "blocked" if event.fault in OF_THE_SENDER else ""
