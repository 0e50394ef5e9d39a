"""One-click unsubscribe: the address closes and everyone behind it agrees no longer."""

from datetime import datetime

from django.db import transaction

from campaigns.audiences.models import MARKETING, Contact, Suppression
from campaigns.audiences.services import consents, suppressions


def by_recipient_key(
    recipient_key: str,
    channel: str,
    source: str,
    *,
    reason: str = Suppression.Reason.UNSUBSCRIBED,
    occurred_at: datetime | None = None,
) -> bool:
    """Close the address and withdraw the consent of its contacts; works after an erasure too. False when it was so."""
    with transaction.atomic():
        closed = suppressions.suppress(recipient_key, channel, reason, purpose=MARKETING)
        withdrawn = [
            consents.withdraw(contact, channel, source, occurred_at=occurred_at)
            for contact in Contact.objects.filter(endpoints__recipient_key=recipient_key).distinct()
        ]
    return closed or any(withdrawn)
