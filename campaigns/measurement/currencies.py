"""Orders in another currency than their market's: named beside the figures, or counted at the stored rate of their day.

An order is converted alone and rounded once, to a minor unit of the market's currency, so that parts still add up to the whole.
Its refunds are converted at the order's own rate: an order that is wholly refunded leaves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from core import clock, rates
from core.models import Market


@dataclass(slots=True)
class Other:
    """The orders of one other currency: those that are left out (in its minor units), and those counted all the same.

    `converted_minor` is in the market's currency; `sources` are who published the rates.
    """

    currency: str
    orders: int = 0
    amount_minor: int = 0
    converted: int = 0
    converted_minor: int = 0
    sources: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "sources": sorted(self.sources)}


class Converter:
    """Amounts at the rate of their day, by the market's clock, for the days and currencies of `orders`."""

    def __init__(self, market: Market, orders: Iterable[tuple[str, datetime]]) -> None:
        self.market = market
        self._zone = clock.zone(market.timezone)
        seen = {(currency, self._day(at)) for currency, at in orders} if market.converts else set()
        days = [day for _currency, day in seen]
        self._table = (
            rates.Table(market.currency, {currency for currency, _day in seen}, min(days), max(days)) if days else None
        )

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def rate(self, currency: str, at: datetime) -> rates.Rate | None:
        """The stored rate of the day of `at`; None where there is none, or where the market converts nothing."""
        return self._table.on(currency, self._day(at)) if self._table else None

    def convert(self, minor: int, currency: str, rate: rates.Rate) -> int:
        """`minor` in the market's minor units."""
        return rates.convert(minor, currency, self.market.currency, rate.value)


class Tally:
    """Orders in other currencies, added up as they come."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._others: dict[str, Other] = {}

    def add(self, currency: str, minor: int, at: datetime) -> int | None:
        """Count an order; what it is worth in the market's currency, or None where it is left out."""
        other = self._others.setdefault(currency, Other(currency))
        rate = self._converter.rate(currency, at)
        if rate is None:
            other.orders += 1
            other.amount_minor += minor
            return None
        worth = self._converter.convert(minor, currency, rate)
        other.converted += 1
        other.converted_minor += worth
        other.sources.add(rate.source)
        return worth

    @property
    def others(self) -> list[Other]:
        """By currency."""
        return [self._others[currency] for currency in sorted(self._others)]


def left_out(others: Iterable[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Currency, orders and amount of what is in no figure, of `Other.as_dict()` rows."""
    return [(one["currency"], one["orders"], one["amount_minor"]) for one in others if one["orders"]]
