"""The demo shop's past: its products, and a year of orders with a November one can see. Offers come with their pages (cms)."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Max

from campaigns.audiences.models import Contact
from campaigns.promotions.models import Order
from campaigns.promotions.services import imports
from core import clock
from core.models import Market

SOURCE = "demo"
SEED = 20261127
PRODUCTS: tuple[tuple[str, str, str, int], ...] = (
    ("HL-DUV-01", "Washed linen duvet cover", "Bedding", 14900),
    ("HL-SHT-02", "Linen sheet set", "Bedding", 11900),
    ("HL-THR-03", "Waffle throw", "Bedding", 5900),
    ("HL-LMP-04", "Paper-shade floor lamp", "Lighting", 18900),
    ("HL-PEN-05", "Pendant lamp, clay", "Lighting", 12900),
    ("HL-TBL-06", "Linen tablecloth, 250 cm", "Table", 7900),
    ("HL-NAP-07", "Linen napkins, set of four", "Table", 3200),
    ("HL-MUG-08", "Stoneware mug", "Kitchen", 1800),
    ("HL-BRD-09", "Oak bread board", "Kitchen", 4500),
    ("HL-CND-10", "Beeswax candles, pair", "Lighting", 1600),
    ("HL-RUG-11", "Wool rug, 160 × 230 cm", "Living", 32900),
    ("HL-CSH-12", "Linen cushion cover", "Living", 3900),
)
# Orders of a day compared with an ordinary one, by month: the shop's year.
SEASON = {1: 0.8, 2: 0.7, 3: 0.8, 4: 0.9, 5: 1.0, 6: 0.9, 7: 0.8, 8: 0.8, 9: 1.0, 10: 1.2, 11: 1.9, 12: 1.7}
ORDERS_A_DAY = 4.0
AT_ONCE = 500


def build(market: Market) -> dict[str, Any]:
    """Make products, and the orders of a year and of last November for the market's contacts; how many were added.

    Run again, it adds nothing: the past does not move on with the calendar.
    """
    imports.products(imports.ProductRow(sku, name, category) for sku, name, category, _price in PRODUCTS)
    if Order.objects.filter(source=SOURCE).exists():
        return {"orders": 0}
    customers = list(
        Contact.objects.filter(market=market, erased_at__isnull=True).order_by("pk").values_list("pk", flat=True)
    )
    if not customers:
        return {"orders": 0}
    told = _year(random.Random(SEED), customers, clock.now())  # noqa: S311 - an invented past, the same every time
    added = 0
    # The whole year is one transaction's worth in a demo; batches keep it as short as any import's.
    for start in range(0, len(told), AT_ONCE):
        added += imports.orders(SOURCE, market.currency, _columns(told[start : start + AT_ONCE], start))
    return {"orders": added, "until": Order.objects.filter(source=SOURCE).aggregate(last=Max("occurred_at"))["last"]}


_Told = tuple[int, datetime, list[tuple[str, int, int]]]


def _year(chance: random.Random, customers: list[int], now: datetime) -> list[_Told]:
    """Who ordered what and when: some customers come often, most seldom."""
    eagerness = [chance.paretovariate(1.6) for _customer in customers]
    told: list[_Told] = []
    since = max(365, (now.date() - date(now.year - 1, 11, 1)).days)
    for day in range(since, 0, -1):
        on = (now - timedelta(days=day)).date()
        for _number in range(_about(chance, ORDERS_A_DAY * SEASON[on.month])):
            moment = datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(seconds=chance.randrange(86_400))
            lines = []
            for sku, _name, _category, price in chance.sample(PRODUCTS, chance.choices((1, 2, 3), (55, 30, 15))[0]):
                quantity = 1 if price > 8000 else chance.randrange(1, 4)
                lines.append((sku, quantity, price * quantity))
            told.append((chance.choices(customers, eagerness)[0], moment, lines))
    return sorted(told, key=lambda order: order[1])


def _about(chance: random.Random, mean: float) -> int:
    """A whole number around `mean`."""
    return max(0, round(chance.gauss(mean, mean**0.5)))


def _columns(told: list[_Told], offset: int) -> imports.OrderColumns:
    lines = [line for _customer, _moment, of_order in told for line in of_order]
    return imports.OrderColumns(
        numbers=[f"HL-{offset + number:06}" for number in range(1, len(told) + 1)],
        contacts=[customer for customer, _moment, _lines in told],
        occurred=[moment for _customer, moment, _lines in told],
        totals_minor=[sum(amount for _sku, _quantity, amount in of_order) for _customer, _moment, of_order in told],
        line_counts=[len(of_order) for _customer, _moment, of_order in told],
        skus=[sku for sku, _quantity, _amount in lines],
        quantities=[quantity for _sku, quantity, _amount in lines],
        amounts_minor=[amount for _sku, _quantity, amount in lines],
        discounts_minor=[0] * len(lines),
    )
