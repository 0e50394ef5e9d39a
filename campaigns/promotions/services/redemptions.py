"""Redemptions: a code or coupon was used, once per fact."""

from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.audiences.models import Contact
from campaigns.promotions.models import Offer, Redemption
from core import clock
from core.errors import Conflict


def record(
    offer: Offer,
    source: str,
    external_id: str,
    *,
    contact: Contact | None = None,
    coupon: str = "",
    occurred_at: datetime | None = None,
) -> Redemption:
    """Note a redemption; told again it answers the row that is there. Raises `Conflict` when it was of another offer."""
    redemption, _made = Redemption.objects.get_or_create(
        source=source,
        external_id=external_id,
        defaults={
            "offer": offer,
            "contact": contact,
            "coupon": coupon[:100],
            "occurred_at": occurred_at or clock.now(),
        },
    )
    if redemption.offer_id != offer.pk:
        raise Conflict(
            _("Redemption %(number)s was noted before for another offer.") % {"number": external_id},
            code="redemption_conflict",
        )
    return redemption
