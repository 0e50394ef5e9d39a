"""Products, orders and redemptions of another system's past, many at once.

Same rows and same keys as the services for single ones, so an import and the shop's own messages never make two rows of one
fact. Each call is one transaction; what is there already is left as it is, so an import that was broken off is run again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from django.utils.translation import gettext as _

from campaigns.promotions.models import Order, OrderLine, Product, Redemption
from core import bulk, clock
from core.errors import Invalid
from core.ids import uuid7


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product to import."""

    sku: str
    name: str
    category: str


@dataclass(frozen=True, slots=True)
class OrderColumns:
    """Orders as columns. The lines of all orders stand one after another; `line_counts` says how many belong to each."""

    numbers: Sequence[str]
    contacts: Sequence[int | None]
    occurred: Sequence[datetime]
    totals_minor: Sequence[int]
    line_counts: Sequence[int]
    skus: Sequence[str]
    quantities: Sequence[int]
    amounts_minor: Sequence[int]
    discounts_minor: Sequence[int]


@dataclass(frozen=True, slots=True)
class RedemptionRow:
    """A redemption to import; `number` is unique in its source."""

    number: str
    offer: int
    contact: int | None
    coupon: str
    occurred: datetime


def products(rows: Iterable[ProductRow]) -> None:
    """Add the products whose SKU is not there yet."""
    with bulk.turn():
        bulk.insert(
            Product,
            ("public_id", "sku", "name", "category", "url"),
            ((uuid7(), row.sku[:100], row.name[:200], row.category[:200], "") for row in rows),
            unique=("sku",),
        )


def orders(source: str, currency: str, columns: OrderColumns) -> int:
    """Add the orders, with their lines, whose number is not there yet; answers how many that were.

    Raises `Invalid` when the lines of one do not add up to its total; then none is added.
    """
    ends = list(accumulate(columns.line_counts))
    _check_sums(columns, ends)
    with bulk.turn():
        of_source = Order.objects.filter(source=source, external_id__in=columns.numbers)
        there = set(of_source.values_list("external_id", flat=True))
        new = [place for place, number in enumerate(columns.numbers) if number not in there]
        if not new:
            return 0
        now = clock.now()
        bulk.insert(
            Order,
            (
                "public_id", "source", "external_id", "contact", "currency", "total_minor",
                "code", "click_token", "body_hash", "occurred_at", "recorded_at",
            ),
            (
                (
                    uuid7(), source, columns.numbers[place], columns.contacts[place], currency, columns.totals_minor[place],
                    "", "", "", columns.occurred[place], now,
                )
                for place in new
            ),
            unique=("source", "external_id"),
        )  # fmt: skip
        keys = dict(of_source.values_list("external_id", "pk"))
        bulk.insert(
            OrderLine,
            ("order", "number", "sku", "quantity", "amount_minor", "discount_minor"),
            (
                (
                    keys[columns.numbers[place]],
                    number,
                    columns.skus[line],
                    columns.quantities[line],
                    columns.amounts_minor[line],
                    columns.discounts_minor[line],
                )
                for place in new
                for number, line in enumerate(range(ends[place] - columns.line_counts[place], ends[place]), 1)
            ),
            unique=("order", "number"),
        )
    return len(new)


def _check_sums(columns: OrderColumns, ends: Sequence[int]) -> None:
    start = 0
    for place, end in enumerate(ends):
        if sum(columns.amounts_minor[start:end]) != columns.totals_minor[place]:
            raise Invalid(
                _("The lines of order %(number)s do not add up to its total.") % {"number": columns.numbers[place]}
            )
        start = end


def redemptions(source: str, rows: Iterable[RedemptionRow]) -> None:
    """Add the redemptions whose number is not there yet."""
    now = clock.now()
    with bulk.turn():
        bulk.insert(
            Redemption,
            ("offer", "contact", "source", "external_id", "coupon", "occurred_at", "recorded_at"),
            ((row.offer, row.contact, source, row.number, row.coupon, row.occurred, now) for row in rows),
            unique=("source", "external_id"),
        )
