"""The HTTP edge: orders, refunds and redemptions, as the shop tells of them. Offers and products: `offers_api`."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from pydantic import (
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
)

from campaigns.audiences import keys
from campaigns.links import tokens
from campaigns.promotions import selectors
from campaigns.promotions.models import Order, Redemption, Refund
from campaigns.promotions.services import bulk_orders, customers, orders, refunds
from campaigns.promotions.services.bulk_orders import Facts
from campaigns.promotions.services.customers import Customer
from core import clock, money, ndjson
from core.api import In, Instant, Router, Schema, Status, Warned, as_row_id, bearer, idempotent
from core.api_lists import Filter, listing
from core.errors import AlmanacError, Invalid, Missing
from core.models import Market

router = Router(tags=["Orders"])
SOURCE = "api"
SKEW = timedelta(minutes=5)
"""Between the shop's clock and ours."""
Number = Annotated[Decimal, Field(max_digits=20, allow_inf_nan=False)]


def _plain_id(value: Any) -> Any:
    return str(value) if type(value) is int else value


Id = Annotated[
    str,
    BeforeValidator(_plain_id),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
]
"""An id of the shop's: a text, or a whole number, which is the same id (42 is "42")."""


class LineIn(In):
    """A line: what was paid for the whole of it, in major units (`amount`) or in minor ones."""

    sku: Id
    quantity: Number = Decimal(1)
    amount: Number | None = None
    amount_minor: int | None = None
    discount: Number | None = None
    discount_minor: int | None = None


class CustomerIn(In):
    """How you know a customer: your id, an address, a phone number with its country code. Any of them, or several."""

    external_id: Id | None = None
    email: str | None = Field(None, max_length=254)
    phone: str | None = Field(None, max_length=40)


def _kind_of_contact(value: Any) -> str:
    return "customer" if isinstance(value, Mapping | CustomerIn) else "id"


Contact = Annotated[
    Annotated[Id, Tag("id")] | Annotated[CustomerIn, Tag("customer")],
    Discriminator(_kind_of_contact),  # so that a mistake inside an object is told as that, not as “no text”
]


class OrderIn(In):
    """An order. `contact` is your id of the customer, or an address or phone number of hers, or an object with several of
    these; one we do not know yet is linked when we do. `click_token` is what our link added to the address as ``al``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "external_id": "o-1",
                    "contact": "42",
                    "currency": "EUR",
                    "total": "49.90",
                    "code": "BF26",
                    "occurred_at": "2026-11-27T15:04:05Z",
                }
            ]
        }
    )

    external_id: Id = Field(validation_alias=AliasChoices("external_id", "number", "order_number"))
    contact: Contact | None = Field(
        None, validation_alias=AliasChoices("contact", "contact_external_id", "customer"), examples=["42"]
    )
    currency: str | None = None
    total: Number | None = None
    total_minor: int | None = None
    lines: list[LineIn] | None = None
    code: Id | None = Field(None, max_length=60)
    click_token: str | None = Field(None, max_length=200)
    occurred_at: Instant | None = None


class OrderFactsOut(Schema):
    """An order as it was taken. `contact` is null for a customer we do not know, or who has no id of yours."""

    id: str
    external_id: str
    contact: str | None
    currency: str
    total_minor: int
    code: str
    occurred_at: datetime
    recorded_at: datetime


class RefusedOrder(Schema):
    """A row that was left out, and what to change in it. `code` is stable: `invalid`, `order_conflict` …"""

    line: int
    code: str
    message: str


class OrderOut(OrderFactsOut):
    """The answer to an order that was told.

    `warnings` names what was taken but cannot be used: an unreadable click token, a customer we do not know (yet), a code of
    no offer, a time that is yet to come.
    """

    warnings: list[Warned]


class LineOut(Schema):
    """A line of an order; what was paid for the whole of it."""

    sku: str
    quantity: Decimal
    amount_minor: int
    discount_minor: int


class RefundOut(Schema):
    """A refund as it was noted."""

    external_id: str
    order: str
    amount_minor: int
    currency: str
    occurred_at: datetime


class OrderReadOut(OrderFactsOut):
    """An order with its lines and what was given back for it. `source` is `api`, or what it was imported from."""

    source: str
    lines: list[LineOut]
    refunds: list[RefundOut]
    refunded_minor: int
    updated_at: datetime


class RefundIn(In):
    """Money given back for an order, in its currency."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"external_id": "r-1", "amount": "9.90"}]})

    external_id: Id = Field(validation_alias=AliasChoices("external_id", "number"))
    amount: Number | None = None
    amount_minor: int | None = None
    occurred_at: Instant | None = None


@router.post("/orders", auth=bearer("orders:write"), response={201: OrderOut}, summary="Tell of an order")
@idempotent
def take_order(request: HttpRequest, payload: OrderIn) -> Status[Any]:
    """Told again, an order gets the same answer; with other facts under the same number it is a conflict (409)."""
    facts = _facts(payload, _default_currency)
    order = orders.take(
        SOURCE,
        facts.external_id,
        currency=facts.currency,
        lines=facts.lines,
        total_minor=facts.total_minor,
        customer=facts.who,
        code=facts.code,
        click_token=facts.click_token,
        occurred_at=facts.occurred_at,
    )
    return Status(201, {**_order(order), "warnings": list(_warnings(order, payload))})


class OrdersBulkOut(Schema):
    """What became of the rows: created + unchanged + refused = rows.

    An order that waits for its customer, or whose code no offer has, counts all the same.
    """

    created: int
    unchanged: int = Field(description="Told before, with the same facts.")
    refused: int
    without_contact: int = Field(description="Created, and linked as soon as the customer is known.")
    without_offer: int = Field(description="Created, with a code that no offer has.")
    errors: list[RefusedOrder]


@router.post(
    "/orders/bulk",
    auth=bearer("orders:write"),
    response=OrdersBulkOut,
    summary="Tell of many orders",
    description=(
        "The body is NDJSON: one object per line, as POST orders takes it. Rows are committed in batches; a bad row stops no "
        "other and is named with its line. Told again, a row changes nothing; the same number with other facts is refused "
        "(`order_conflict`)."
    ),
    openapi_extra=ndjson.described('{"external_id": "o-1", "contact": "42", "currency": "EUR", "total": "49.90"}\n'),
)
@idempotent(atomic=False)
def take_orders(request: HttpRequest) -> Any:
    """Read the body as it comes in, never as a whole."""
    default = functools.cache(_default_currency)
    rows = ((number, _told(line, default)) for number, line in enumerate(ndjson.lines(request), 1) if line.strip())
    return asdict(bulk_orders.take_all(SOURCE, rows))


def _told(line: bytes, default_currency: Callable[[], str]) -> Facts | AlmanacError:
    """What a line says, or what is wrong with it."""
    if len(line) > ndjson.MOST_LINE_BYTES:
        return Invalid("The line is longer than 64 KB.")
    try:
        return _facts(OrderIn.model_validate_json(line), default_currency)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Invalid(": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]])))
    except AlmanacError as error:
        return error


def _facts(payload: OrderIn, default_currency: Callable[[], str]) -> Facts:
    currency = money.check((payload.currency or default_currency()).strip().upper())
    return Facts(
        payload.external_id.strip(),
        currency,
        [
            orders.Line(
                sku=line.sku,
                quantity=line.quantity,
                amount_minor=_needed(money.told("amount", line.amount, line.amount_minor, currency)),
                discount_minor=money.told("discount", line.discount, line.discount_minor, currency) or 0,
            )
            for line in payload.lines or []
        ],
        money.told("total", payload.total, payload.total_minor, currency),
        _customer(payload.contact),
        (payload.code or "").strip(),
        payload.click_token or "",
        payload.occurred_at,
    )


@router.post(
    "/orders/{order_id}/refunds", auth=bearer("orders:write"), response={201: RefundOut}, summary="Tell of a refund"
)
@idempotent
def take_refund(request: HttpRequest, order_id: str, payload: RefundIn) -> Status[Any]:
    """`order_id` is our id of the order or your number of it. A refund leaves the order as it was."""
    order = _find(order_id)
    amount = _needed(money.told("amount", payload.amount, payload.amount_minor, order.currency))
    refund = refunds.record(order, payload.external_id.strip(), amount, occurred_at=payload.occurred_at)
    return Status(201, _refund(refund, order))


def _customer(given: str | CustomerIn | None) -> Customer:
    if given is None:
        return Customer()
    if isinstance(given, str):
        return customers.named(given)
    try:
        return Customer(
            (given.external_id or "").strip(),
            keys.written(keys.EMAIL, given.email) if given.email else "",
            keys.written(keys.PHONE, given.phone) if given.phone else "",
        )
    except Invalid as error:
        raise Invalid(error.message, field="contact") from error


def _warnings(order: Order, payload: OrderIn) -> Iterator[dict[str, str]]:
    if payload.contact is not None and order.contact_id is None:
        yield {
            "field": "contact",
            "message": "No contact has this id, address or number yet, or several have it. The order counts, and is linked "
            "when the contact is there.",
        }
    if payload.click_token:
        try:
            tokens.read("click", payload.click_token)
        except tokens.BadToken:
            yield {
                "field": "click_token",
                "message": "This is no click token of ours, so it names no message. Pass the value of “al” as it arrived.",
            }
    if order.code and selectors.offer_of_code(order.code, order.occurred_at) is None:
        yield {"field": "code", "message": "No offer has this code, so the order redeems none. The order counts."}
    if order.occurred_at > clock.now() + SKEW:
        yield {
            "field": "occurred_at",
            "message": "This is yet to come. The order counts from then on; is the time zone right?",
        }


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


# --- Reads -----------------------------------------------------------------------------------------------------------


class RedemptionOut(Schema):
    """A code that was used. `order` is the number of the order it came with, if it did."""

    id: str
    offer: UUID
    contact: str | None
    coupon: str
    source: str
    external_id: str
    order: str | None
    occurred_at: datetime
    recorded_at: datetime
    updated_at: datetime


def _orders() -> QuerySet[Order]:
    return Order.objects.select_related("contact").prefetch_related("lines", "refunds")


def _read(order: Order) -> dict[str, Any]:
    given_back = list(order.refunds.all())
    return {
        **_order(order),
        "source": order.source,
        "lines": sorted(order.lines.all(), key=lambda line: line.number),
        "refunds": [_refund(refund, order) for refund in given_back],
        "refunded_minor": sum(refund.amount_minor for refund in given_back),
        "updated_at": order.updated_at,
    }


listing(
    router,
    "/orders",
    "orders:read",
    OrderReadOut,
    _orders,
    _read,
    filters={
        "external_id": Filter("external_id", "Your number of it."),
        "contact": Filter("contact__external_id", "Your id of the customer."),
        "currency": Filter("currency__iexact", "ISO 4217 code."),
        "code": Filter("code__iexact", "The code that was used, in either case."),
        "source": Filter("source", "`api`, or what it was imported from."),
        "occurred_from": Filter("occurred_at__gte", "Ordered at this instant or later.", Instant),
        "occurred_before": Filter("occurred_at__lt", "Ordered before this instant.", Instant),
    },
    search=("external_id", "code"),
)


@router.get("/orders/{order_id}", auth=bearer("orders:read"), response=OrderReadOut, summary="Read an order")
def read_order(request: HttpRequest, order_id: str) -> Any:
    """`order_id` is our id of the order or your number of it."""
    return _read(_find(order_id))


def _redemption(row: Redemption) -> dict[str, Any]:
    own = ("coupon", "source", "external_id", "occurred_at", "recorded_at", "updated_at")
    kind, _colon, number = row.external_id.partition(":")
    return {
        **{name: getattr(row, name) for name in own},
        "id": str(row.pk),
        "offer": row.offer.public_id,
        "contact": row.contact.external_id if row.contact else None,
        "order": number if kind == "order" else None,
    }


def _redemptions() -> QuerySet[Redemption]:
    return Redemption.objects.select_related("offer", "contact")


listing(
    router,
    "/redemptions",
    "redemptions:read",
    RedemptionOut,
    _redemptions,
    _redemption,
    filters={
        "offer": Filter("offer__public_id", "Id of an offer.", UUID),
        "contact": Filter("contact__external_id", "Your id of the customer."),
        "coupon": Filter("coupon__iexact", "The code, in either case."),
        "occurred_from": Filter("occurred_at__gte", "Used at this instant or later.", Instant),
        "occurred_before": Filter("occurred_at__lt", "Used before this instant.", Instant),
    },
)


@router.get("/redemptions/{id}", auth=bearer("redemptions:read"), response=RedemptionOut, summary="Read a redemption")
def read_redemption(request: HttpRequest, id: str) -> Any:
    """One redemption."""
    key = as_row_id(id)
    row = _redemptions().filter(pk=key).first() if key is not None else None
    if row is None:
        raise Missing(f"There is no redemption with the id {id[:60]}.")
    return _redemption(row)
