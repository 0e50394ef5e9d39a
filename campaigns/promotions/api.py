"""The HTTP edge: orders and refunds as the shop tells of them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema
from pydantic import AliasChoices, AwareDatetime, Field

from campaigns.promotions.models import Order, Refund
from campaigns.promotions.services import orders, refunds
from core import money
from core.api import Router, Status, bearer, idempotent
from core.errors import Invalid, Missing
from core.models import Market

router = Router(tags=["Orders"])
SOURCE = "api"
Number = Annotated[Decimal, Field(max_digits=20, allow_inf_nan=False)]


class LineIn(Schema):
    """A line: what was paid for the whole of it, in major units (`amount`) or in minor ones."""

    sku: str
    quantity: Number = Decimal(1)
    amount: Number | None = None
    amount_minor: int | None = None
    discount: Number | None = None
    discount_minor: int | None = None


class OrderIn(Schema):
    """An order. `contact` is your id of the customer; `click_token` is what our link added to the address as ``al``."""

    external_id: str = Field(validation_alias=AliasChoices("external_id", "number", "order_number"))
    contact: str | None = Field(None, validation_alias=AliasChoices("contact", "contact_external_id", "customer"))
    currency: str | None = None
    total: Number | None = None
    total_minor: int | None = None
    lines: list[LineIn] | None = None
    code: str | None = Field(None, max_length=60)
    click_token: str | None = Field(None, max_length=200)
    occurred_at: AwareDatetime | None = None


class OrderOut(Schema):
    """An order as it was taken. `contact` is null for a customer we do not know."""

    id: str
    external_id: str
    contact: str | None
    currency: str
    total_minor: int
    code: str
    occurred_at: datetime
    recorded_at: datetime


class RefundIn(Schema):
    """Money given back for an order, in its currency."""

    external_id: str = Field(validation_alias=AliasChoices("external_id", "number"))
    amount: Number | None = None
    amount_minor: int | None = None
    occurred_at: AwareDatetime | None = None


class RefundOut(Schema):
    """A refund as it was noted."""

    external_id: str
    order: str
    amount_minor: int
    currency: str
    occurred_at: datetime


@router.post("/orders", auth=bearer("orders:write"), response={201: OrderOut}, summary="Tell of an order")
@idempotent
def take_order(request: HttpRequest, payload: OrderIn) -> Status[Any]:
    """Told again, an order gets the same answer; with other facts under the same number it is a conflict (409)."""
    currency = (payload.currency or _default_currency()).upper()
    order = orders.take(
        SOURCE,
        payload.external_id.strip(),
        currency=currency,
        lines=[
            orders.Line(
                sku=line.sku,
                quantity=line.quantity,
                amount_minor=_needed(_minor("amount", line.amount, line.amount_minor, currency)),
                discount_minor=_minor("discount", line.discount, line.discount_minor, currency) or 0,
            )
            for line in payload.lines or []
        ],
        total_minor=_minor("total", payload.total, payload.total_minor, currency),
        customer=payload.contact or "",
        code=(payload.code or "").strip(),
        click_token=payload.click_token or "",
        occurred_at=payload.occurred_at,
    )
    return Status(201, _order(order))


@router.post(
    "/orders/{order_id}/refunds", auth=bearer("orders:write"), response={201: RefundOut}, summary="Tell of a refund"
)
@idempotent
def take_refund(request: HttpRequest, order_id: str, payload: RefundIn) -> Status[Any]:
    """`order_id` is our id of the order or your number of it. A refund leaves the order as it was."""
    order = _find(order_id)
    amount = _needed(_minor("amount", payload.amount, payload.amount_minor, order.currency))
    refund = refunds.record(order, payload.external_id.strip(), amount, occurred_at=payload.occurred_at)
    return Status(201, _refund(refund, order))


def _minor(name: str, major: Decimal | None, minor: int | None, currency: str) -> int | None:
    if major is None:
        return minor
    try:
        found = money.to_minor(major, currency)
    except ValueError as error:
        raise Invalid(f"“{name}” has more decimal places than {currency} knows.") from error
    if minor is not None and minor != found:
        raise Invalid(f"“{name}” and “{name}_minor” name two different amounts. Send one of them.")
    return found


def _needed(amount: int | None) -> int:
    if amount is None:
        raise Invalid("“amount” (or “amount_minor”) is missing: what was paid, or given back.")
    return amount


def _default_currency() -> str:
    market = Market.objects.filter(is_default=True).first()
    if market is None:
        raise Invalid("“currency” is missing, and there is no default market to take it from.")
    return market.currency


def _find(order_id: str) -> Order:
    try:
        order = Order.objects.filter(public_id=UUID(order_id)).first()
    except ValueError:
        order = None
    order = order or Order.objects.filter(source=SOURCE, external_id=order_id).first()
    if order is None:
        raise Missing("There is no order of that number. Send the order first.")
    return order


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": str(order.public_id),
        "external_id": order.external_id,
        "contact": order.contact.external_id if order.contact else None,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "code": order.code,
        "occurred_at": order.occurred_at,
        "recorded_at": order.recorded_at,
    }


def _refund(refund: Refund, order: Order) -> dict[str, Any]:
    return {
        "external_id": refund.external_id,
        "order": order.external_id,
        "amount_minor": refund.amount_minor,
        "currency": order.currency,
        "occurred_at": refund.occurred_at,
    }
