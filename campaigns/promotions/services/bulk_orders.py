"""Orders, many at once: the same facts, the same answers to a number told twice, and the same links as one by one.

Committed in batches, so what was broken off is sent again without harm. A bad row stops no other.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from campaigns.promotions import selectors
from campaigns.promotions.models import Offer, Order, OrderLine, OrderReference, Redemption
from campaigns.promotions.services import customers, orders
from campaigns.promotions.services.customers import Customer
from campaigns.promotions.services.orders import Line
from core import bulk, clock, failpoints
from core.errors import AlmanacError, Invalid
from core.ids import uuid7

BATCH = 500


@dataclass(frozen=True, slots=True)
class Facts:
    """An order as it was told; see `orders.take`."""

    external_id: str
    currency: str
    lines: Sequence[Line]
    total_minor: int | None
    who: Customer
    code: str
    click_token: str
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was left out: its line, from 1, a code for machines, and what to change."""

    line: int
    code: str
    message: str


@dataclass(slots=True)
class Report:
    """What became of the rows; created + unchanged + refused = rows.

    `without_contact` and `without_offer` count the created orders whose customer we do not know yet, and whose code no offer
    has: they count all the same.
    """

    created: int = 0
    unchanged: int = 0
    refused: int = 0
    without_contact: int = 0
    without_offer: int = 0
    errors: list[RowError] = field(default_factory=list)

    def refuse(self, line: int, error: AlmanacError) -> None:
        """Note a row that was left out."""
        self.refused += 1
        self.errors.append(RowError(line, error.code, error.message))


@dataclass(slots=True)
class _Row:
    line: int
    facts: Facts
    total: int
    hash: str
    names: dict[str, str]
    at: datetime | None
    public_id: UUID = field(default_factory=uuid7)
    contact: int | None = None
    pk: int | None = None


def take_all(source: str, numbered: Iterable[tuple[int, "Facts | AlmanacError"]]) -> Report:
    """Take orders; each comes with its line. An error in the place of one is a row that could not be read."""
    report = Report()
    read = _read(numbered, report)
    while batch := list(islice(read, BATCH)):
        with bulk.turn():
            waiting = _take(source, batch, report)
            failpoints.reached("import")
        # A customer who arrived while these were written did not see them: both look again behind their commit.
        _link(waiting)
    return report


def _read(numbered: Iterable[tuple[int, "Facts | AlmanacError"]], report: Report) -> Iterator[_Row]:
    for line, facts in numbered:
        try:
            if isinstance(facts, AlmanacError):
                raise facts
            yield _row(line, facts)
        except AlmanacError as error:
            report.refuse(line, error)


def _row(line: int, facts: Facts) -> _Row:
    total = orders.checked_total(facts.external_id, facts.currency, facts.lines, facts.total_minor)
    at = facts.occurred_at.astimezone(UTC) if facts.occurred_at else None
    named = orders.name_of(facts.who, None)
    told = orders.hash_of(facts.currency, facts.lines, total, named, facts.code, facts.click_token, at)
    return _Row(line, facts, total, told, facts.who.keys(), at)


def _take(source: str, batch: Sequence[_Row], report: Report) -> list[_Row]:
    """Write the new ones; answers the rows whose order has no customer."""
    there = _there(source, [row.facts.external_id for row in batch])
    for row, contact in zip(batch, customers.find_all([row.facts.who for row in batch]), strict=True):
        row.contact = contact
    new: dict[str, _Row] = {}
    waiting: list[_Row] = []
    for row in batch:
        number = row.facts.external_id
        if number in there:
            row.pk, _public_id, told, has_contact = there[number]
            if _told_again(row, told, report) and not has_contact:
                waiting.append(row)
        elif number in new:
            _told_again(row, new[number].hash, report)
        else:
            new[number] = row
    offer_of = selectors.offers_by_code()
    _without_disputed(source, new, offer_of, report)
    waiting += _insert(source, new, offer_of, report)
    return [row for row in waiting if row.names]


def _there(source: str, numbers: Sequence[str]) -> dict[str, tuple[int, UUID, str, bool]]:
    rows = Order.objects.filter(source=source, external_id__in=numbers)
    return {
        number: (pk, public_id, told, contact is not None)
        for number, pk, public_id, told, contact in rows.values_list(
            "external_id", "pk", "public_id", "body_hash", "contact_id"
        )
    }


def _told_again(row: _Row, told: str, report: Report) -> bool:
    if row.hash != told:
        report.refuse(row.line, orders.told_otherwise(row.facts.external_id))
        return False
    report.unchanged += 1
    return True


def _without_disputed(
    source: str, new: dict[str, _Row], offer_of: Callable[[str, datetime], Offer | None], report: Report
) -> None:
    """Leave out orders whose redemption was noted before for another offer."""
    keys = {f"order:{number}": number for number, row in new.items() if row.facts.code}
    if not keys:
        return
    noted = Redemption.objects.filter(source=source, external_id__in=keys)
    for key, offer_id in noted.values_list("external_id", "offer_id"):
        row = new[keys[key]]
        offer = offer_of(row.facts.code, row.at or clock.now())
        if offer is not None and offer.pk != offer_id:
            words = f"Redemption {key} was noted before for another offer."
            report.refuse(row.line, Invalid(words, code="redemption_conflict"))
            del new[keys[key]]


def _insert(
    source: str, new: dict[str, _Row], offer_of: Callable[[str, datetime], Offer | None], report: Report
) -> list[_Row]:
    if not new:
        return []
    now = clock.now()
    bulk.insert(
        Order,
        (
            "public_id", "source", "external_id", "contact", "currency", "total_minor", "code", "click_token", "body_hash",
            "occurred_at", "recorded_at",
        ),
        (
            (
                row.public_id, source, number, row.contact, row.facts.currency, row.total, row.facts.code,
                row.facts.click_token, row.hash, row.at or now, now,
            )
            for number, row in sorted(new.items())  # so that two imports take their locks in the same order
        ),
        unique=("source", "external_id"),
    )  # fmt: skip
    written = []
    for number, (pk, public_id, told, _has_contact) in _there(source, list(new)).items():
        row = new[number]
        row.pk = pk
        if public_id == row.public_id:
            written.append(row)
        else:  # somebody else told of it at the same moment
            _told_again(row, told, report)
    _insert_lines(written)
    _insert_redemptions(source, written, offer_of, now, report)
    waiting = [row for row in written if row.contact is None]
    bulk.insert(
        OrderReference,
        ("order", "kind", "key"),
        ((row.pk, kind, key) for row in waiting for kind, key in row.names.items()),
        unique=("order", "kind"),
    )
    report.created += len(written)
    report.without_contact += sum(bool(row.names) for row in waiting)
    return waiting


def _insert_lines(written: Sequence[_Row]) -> None:
    bulk.insert(
        OrderLine,
        ("order", "number", "sku", "quantity", "amount_minor", "discount_minor"),
        (
            (row.pk, number, line.sku, line.quantity, line.amount_minor, line.discount_minor)
            for row in written
            for number, line in enumerate(row.facts.lines, 1)
        ),
    )


def _insert_redemptions(
    source: str,
    written: Sequence[_Row],
    offer_of: Callable[[str, datetime], Offer | None],
    now: datetime,
    report: Report,
) -> None:
    coded = [(row, offer_of(row.facts.code, row.at or now)) for row in written if row.facts.code]
    report.without_offer += sum(offer is None for _row, offer in coded)
    bulk.insert(
        Redemption,
        ("offer", "contact", "source", "external_id", "coupon", "occurred_at", "recorded_at"),
        (
            (offer.pk, row.contact, source, f"order:{row.facts.external_id}", row.facts.code, row.at or now, now)
            for row, offer in coded
            if offer is not None
        ),
        unique=("source", "external_id"),
    )


def _link(waiting: Sequence[_Row]) -> None:
    if not waiting:
        return
    found = customers.find_all([row.facts.who for row in waiting])
    customers.link_all(
        {row.pk: contact for row, contact in zip(waiting, found, strict=True) if contact and row.pk is not None}
    )
