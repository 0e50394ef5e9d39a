"""Refunds: money given back later, a restatement and never a change of the order."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from campaigns.promotions.models import Order, Refund
from core import clock
from core.errors import Conflict, Invalid


def record(order: Order, external_id: str, amount_minor: int, *, occurred_at: datetime | None = None) -> Refund:
    """Note a refund in the order's currency; told again it answers the row that is there.

    Raises `Conflict` for the same number with another amount, `Invalid` when more would go back than was paid.
    """
    if not external_id or len(external_id) > 200:
        raise Invalid(_("A refund needs a number of at most 200 characters."))
    if amount_minor <= 0:
        raise Invalid(_("A refund is an amount above zero."))
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        refund = order.refunds.filter(external_id=external_id).first()
        if refund is not None:
            if refund.amount_minor != amount_minor:
                raise Conflict(
                    _("Refund %(number)s was noted before with another amount.") % {"number": external_id},
                    code="refund_conflict",
                )
            return refund
        given = order.refunds.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        if given + amount_minor > order.total_minor:
            raise Invalid(_("More would be given back than was paid for this order."))
        order.touch()
        return Refund.objects.create(
            order=order, external_id=external_id, amount_minor=amount_minor, occurred_at=occurred_at or clock.now()
        )
