"""A recipient's own word, through the link in a message: no more, or after all again."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.audiences.services import consents, unsubscribe
from campaigns.publishing.models import Delivery
from campaigns.publishing.states import Feedback
from core import webhooks

RISES_FROM = [value for value in Feedback.values if value not in (Feedback.UNSUBSCRIBED, Feedback.COMPLAINED)]


def source_of(delivery: Delivery) -> str:
    """What the proof of consent names as its source: the page, and the delivery that led there."""
    return f"unsubscribe page, delivery {delivery.pk}"


def stop(delivery: Delivery) -> bool:
    """Close the address this delivery went to, on its channel; counts from the commit. False when it was closed before."""
    with transaction.atomic():
        rows = Delivery.objects.filter(pk=delivery.pk, feedback__in=["", *RISES_FROM])
        if rows.update(feedback=Feedback.UNSUBSCRIBED):
            webhooks.announce("delivery.unsubscribed", lambda: _told(delivery), key=f"delivery-{delivery.pk}")
        return unsubscribe.by_recipient_key(delivery.recipient_key, delivery.publication.channel, source_of(delivery))


def _told(delivery: Delivery) -> dict[str, Any]:
    """What an outgoing webhook says of it."""
    return {
        "publication": str(delivery.publication.public_id),
        "external_id": delivery.contact.external_id if delivery.contact else None,
        "channel": delivery.publication.channel,
    }


def start_again(delivery: Delivery) -> bool:
    """The recipient agrees anew; False when the contact is gone, or when the address is closed for another reason."""
    contact = delivery.contact
    if contact is None or contact.erased_at is not None:
        return False
    return consents.grant(
        contact,
        delivery.publication.channel,
        source_of(delivery),
        wording=_("Subscribe again"),
    )
