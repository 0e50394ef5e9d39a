"""A recipient's own word, through the link in a message: no more, or after all again."""

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.audiences.services import consents, unsubscribe
from campaigns.publishing.models import Delivery
from campaigns.publishing.states import Feedback

RISES_FROM = [value for value in Feedback.values if value not in (Feedback.UNSUBSCRIBED, Feedback.COMPLAINED)]


def source_of(delivery: Delivery) -> str:
    """What the proof of consent names as its source: the page, and the delivery that led there."""
    return f"unsubscribe page, delivery {delivery.pk}"


def stop(delivery: Delivery) -> bool:
    """Close the address this delivery went to, on its channel; counts from the commit. False when it was closed before."""
    with transaction.atomic():
        rows = Delivery.objects.filter(pk=delivery.pk, feedback__in=["", *RISES_FROM])
        rows.update(feedback=Feedback.UNSUBSCRIBED)
        return unsubscribe.by_recipient_key(delivery.recipient_key, delivery.publication.channel, source_of(delivery))


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
