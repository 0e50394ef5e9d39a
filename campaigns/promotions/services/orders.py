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
from campaigns.promotions.services import customers, redemptions
from campaigns.promotions.services.customers import Customer
from core import clock, money
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
    customer: str | Customer = "",
    contact: Contact | None = None,
    code: str = "",
    click_token: str = "",
    occurred_at: datetime | None = None,
) -> Order:
    """Take an order; the same number with the same body again answers the row that is there.

    `customer` is the shop's id of the customer, or an address or number of hers; one we do not know yet is an order without
    a contact, which is linked when the contact appears, or when the order is told again. Lines must add up to the total when
    both are given. A `code` that belongs to an offer is a redemption of it.

    Raises `Conflict` for the same number with another body, `Invalid` for a body that makes no sense.
    """
    who = customers.named(customer) if isinstance(customer, str) else customer
    references = who.keys()
    total = checked_total(external_id, currency, lines, total_minor)
    occurred_at = occurred_at.astimezone(UTC) if occurred_at else None
    body_hash = hash_of(currency, lines, total, name_of(who, contact), code, click_token, occurred_at)
    order = Order.objects.filter(source=source, external_id=external_id).first()
    if order is None:
        try:
            return _create(
                Order(
                    source=source,
                    external_id=external_id,
                    contact=contact or customers.find(who),
                    currency=currency,
                    total_minor=total,
                    code=code,
                    click_token=click_token,
                    body_hash=body_hash,
                    occurred_at=occurred_at or clock.now(),
                ),
                lines,
                who if references else None,
            )
        except IntegrityError:
            order = Order.objects.get(source=source, external_id=external_id)
    if order.body_hash != body_hash:
        raise told_otherwise(external_id)
    customers.link_if_known(order, who)
    return order


def told_otherwise(external_id: str) -> Conflict:
    """The same number with another body."""
    return Conflict(
        _("Order %(number)s was taken before with other facts. Send corrections as refunds.") % {"number": external_id},
        code="order_conflict",
    )


def _create(order: Order, lines: Sequence[Line], who: Customer | None) -> Order:
    with transaction.atomic():
        order.save(force_insert=True)
        if order.contact is None and who is not None:
            customers.keep(order, who)
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


def checked_total(external_id: str, currency: str, lines: Sequence[Line], total_minor: int | None) -> int:
    """What was paid; raises `Invalid` for an order that makes no sense."""
    if not external_id or len(external_id) > 200:
        raise Invalid(_("An order needs a number of at most 200 characters."))
    money.check(currency)
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


def name_of(who: Customer, contact: Contact | None) -> str:
    """How the customer was named, as the hash of the body has it."""
    if not who:
        return "" if contact is None else str(contact.public_id)
    if who.is_word or not (who.email or who.phone):
        return who.external_id
    return json.dumps([who.external_id, who.email, who.phone])


def hash_of(
    currency: str,
    lines: Sequence[Line],
    total: int,
    customer: str,
    code: str,
    click_token: str,
    occurred_at: datetime | None,
) -> str:
    """What tells whether an order is told again or told otherwise."""
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
