"""Orders: taken once, however often and in whatever order the shop tells of them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns.audiences.models import Contact
from campaigns.promotions import selectors
from campaigns.promotions.models import Order, OrderLine
from campaigns.promotions.services import redemptions
from core import clock
from core.errors import Conflict, Invalid

MOST_LINES = 1000
MOST_MINOR = 10**15


@dataclass(frozen=True, slots=True)
class Line:
    """A line to take: `amount_minor` is what was paid for the whole line, after `discount_minor` came off."""

    sku: str
    quantity: Decimal
    amount_minor: int
    discount_minor: int = 0


def take(
    source: str,
    external_id: str,
    *,
    currency: str,
    lines: Sequence[Line] = (),
    total_minor: int | None = None,
    customer: str = "",
    contact: Contact | None = None,
    code: str = "",
    click_token: str = "",
    occurred_at: datetime | None = None,
) -> Order:
    """Take an order; the same number with the same body again answers the row that is there.

    `customer` is the shop's id of the customer; one we do not know is an order without a contact. Lines must add up to the
    total when both are given. A `code` that belongs to an offer is a redemption of it.

    Raises `Conflict` for the same number with another body, `Invalid` for a body that makes no sense.
    """
    total = _checked_total(external_id, currency, lines, total_minor)
    occurred_at = occurred_at.astimezone(UTC) if occurred_at else None
    body_hash = _hash(currency, lines, total, customer or _name_of(contact), code, click_token, occurred_at)
    order = Order.objects.filter(source=source, external_id=external_id).first()
    if order is None:
        try:
            return _create(
                Order(
                    source=source,
                    external_id=external_id,
                    contact=contact or _contact_of(customer),
                    currency=currency,
                    total_minor=total,
                    code=code,
                    click_token=click_token,
                    body_hash=body_hash,
                    occurred_at=occurred_at or clock.now(),
                ),
                lines,
            )
        except IntegrityError:
            order = Order.objects.get(source=source, external_id=external_id)
    if order.body_hash != body_hash:
        raise Conflict(
            _("Order %(number)s was taken before with other facts. Send corrections as refunds.")
            % {"number": external_id},
            code="order_conflict",
        )
    return order


def _create(order: Order, lines: Sequence[Line]) -> Order:
    with transaction.atomic():
        order.save(force_insert=True)
        OrderLine.objects.bulk_create(
            [
                OrderLine(
                    order=order,
                    number=number,
                    sku=line.sku,
                    quantity=line.quantity,
                    amount_minor=line.amount_minor,
                    discount_minor=line.discount_minor,
                )
                for number, line in enumerate(lines, 1)
            ]
        )
        offer = selectors.offer_of_code(order.code, order.occurred_at)
        if offer is not None:
            redemptions.record(
                offer,
                order.source,
                f"order:{order.external_id}",
                contact=order.contact,
                coupon=order.code,
                occurred_at=order.occurred_at,
            )
    return order


def _checked_total(external_id: str, currency: str, lines: Sequence[Line], total_minor: int | None) -> int:
    if not external_id or len(external_id) > 200:
        raise Invalid(_("An order needs a number of at most 200 characters."))
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise Invalid(_("“currency” must be an ISO 4217 code such as EUR."))
    if len(lines) > MOST_LINES:
        raise Invalid(_("An order has at most %(most)d lines.") % {"most": MOST_LINES})
    if not lines and total_minor is None:
        raise Invalid(_("An order needs lines or a total."))
    for line in lines:
        if not line.sku or len(line.sku) > 100:
            raise Invalid(_("Each line needs a SKU of at most 100 characters."))
        if not line.quantity.is_finite() or not 0 <= line.quantity < 10**9:
            raise Invalid(_("“quantity” must be a number from 0 up."))
        if line.quantity != line.quantity.quantize(Decimal("0.001")):
            raise Invalid(_("“quantity” has at most three decimal places."))
        if max(abs(line.amount_minor), abs(line.discount_minor)) > MOST_MINOR:
            raise Invalid(_("The amount is too large."))
    total = sum(line.amount_minor for line in lines) if total_minor is None else total_minor
    if not 0 <= total <= MOST_MINOR:
        raise Invalid(_("The total cannot be below zero, nor so large."))
    if lines and total != sum(line.amount_minor for line in lines):
        raise Invalid(_("The lines do not add up to the total. Send what was paid per line, discounts taken off."))
    return total


def _contact_of(customer: str) -> Contact | None:
    return Contact.objects.filter(external_id=customer).first() if customer else None


def _name_of(contact: Contact | None) -> str:
    return "" if contact is None else str(contact.public_id)


def _hash(
    currency: str,
    lines: Sequence[Line],
    total: int,
    customer: str,
    code: str,
    click_token: str,
    occurred_at: datetime | None,
) -> str:
    body = {
        "currency": currency,
        "total": total,
        "customer": customer,
        "code": code,
        "click_token": click_token,
        "occurred_at": occurred_at.isoformat() if occurred_at else None,
        "lines": [[line.sku, str(line.quantity.normalize()), line.amount_minor, line.discount_minor] for line in lines],
    }
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
