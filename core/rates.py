"""Exchange rates: stored by the shop, with their day and source; and what an amount is worth at the rate of a day.

A rate is written down as it was published. From the rates of one day follow its inverse and a cross rate over a currency that
both were quoted in (the ECB quotes all in euro); nothing is rounded on the way. Banks publish no rate on a weekend or a holiday:
then the last one before holds, for at most `KEEPS` days.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any, TextIO

from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from core import clock, money
from core.errors import Invalid
from core.models import ExchangeRate, User

KEEPS = 7
"""So many days after its own a rate still holds when no later one is stored."""

PLACES, DIGITS = 12, 24


@dataclass(frozen=True, slots=True)
class Given:
    """A rate to be stored: one `base` is `rate` `quote`."""

    day: date
    base: str
    quote: str
    rate: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth in another, exactly; the day it was published, and by whom."""

    value: Fraction
    day: date
    source: str


def convert(minor: int, source: str, target: str, rate: Fraction) -> int:
    """`minor` units of `source` in minor units of `target`, at `rate` target per source, rounded once, half to even."""
    return round(minor * rate * Fraction(10) ** (money.exponent(target) - money.exponent(source)))


# --- Storing ---------------------------------------------------------------------------------------------------------


def checked(given: Given) -> Given:
    """`given` with its currencies, day and figure checked; raises `Invalid` that names the field."""
    base, quote = _currency(given.base, "base"), _currency(given.quote, "quote")
    if base == quote:
        raise Invalid(_("A rate is of two currencies."), field="quote")
    if given.day > clock.now().date() + timedelta(days=1):
        raise Invalid(_("Rates are of days that were; %(day)s is to come.") % {"day": given.day}, field="day")
    source = " ".join(given.source.split())
    if not 0 < len(source) <= 80:
        raise Invalid(_("Say who published the rate, in at most 80 characters."), field="source")
    return Given(given.day, base, quote, _figure(given.rate), source)


def _currency(code: str, field: str) -> str:
    try:
        return money.check(code)
    except Invalid as error:
        raise Invalid(error.message, field=field) from error


def figure(text: str) -> Decimal:
    """The rate that `text` writes with a point, such as 1.0834; raises `Invalid`."""
    try:
        return _figure(Decimal(text))
    except InvalidOperation as error:
        raise Invalid(_("“%(text)s” is no rate, such as 1.0834.") % {"text": text[:30]}, field="rate") from error


def _figure(rate: Decimal) -> Decimal:
    if not rate.is_finite() or rate <= 0:
        raise Invalid(_("A rate is more than zero."), field="rate")
    with localcontext(prec=2 * DIGITS):
        fits = rate < Decimal(10) ** (DIGITS - PLACES) and rate == rate.quantize(Decimal(1).scaleb(-PLACES))
    if not fits:
        raise Invalid(_("A rate has at most twelve digits before the point and twelve behind it."), field="rate")
    return rate


@transaction.atomic
def store(rows: Iterable[Given], by: User | None) -> tuple[int, int]:
    """Store rates, each once; how many are new, and how many took the place of another figure for their day.

    Raises `Invalid` for the first that cannot be, and then none is stored. A figure that takes another's place is logged.
    """
    new = changed = 0
    for given in map(checked, rows):
        place = {"day": given.day, "base": given.base, "quote": given.quote}
        row, made = ExchangeRate.objects.get_or_create(**place, defaults={"rate": given.rate, "source": given.source})
        new += made
        if not made and (row.rate, row.source) != (given.rate, given.source):
            before = f"{row.rate.normalize():f} ({row.source})"
            row.rate, row.source, row.recorded_at = given.rate, given.source, clock.now()
            row.save()
            log(row, "almanac.rate.change", user=by, data={"before": before})
            changed += 1
        elif made and by is not None:
            log(row, "almanac.rate.store", user=by)
    return new, changed


def read_csv(file: TextIO, source: str = "") -> Iterator[Given]:
    """The rates in a file; raises `Invalid` with the line.

    Two layouts are known by their first line: ``day,base,quote,rate,source``, and the European Central Bank's
    ``Date,USD,JPY,…`` (eurofxref-hist.csv: what one euro is worth; “N/A” where nothing was published).
    """
    rows = csv.reader(file)
    head = [name.strip() for name in next(rows, [])]
    if [name.lower() for name in head[:4]] == ["day", "base", "quote", "rate"]:
        read = _plain
    elif head[:1] == ["Date"] and "USD" in head:
        read = _of_the_ecb
    else:
        raise Invalid(_("The first line is neither “day,base,quote,rate,source” nor the ECB's “Date,USD,JPY,…”."))
    for number, row in enumerate(rows, start=2):
        try:
            yield from read(head, [cell.strip() for cell in row], source)
        except (ValueError, IndexError, Invalid) as error:
            raise Invalid(_("Line %(line)d: %(error)s") % {"line": number, "error": error}) from error


def _plain(head: Sequence[str], row: Sequence[str], source: str) -> Iterator[Given]:
    if row:
        named = row[4] if len(row) > 4 else ""
        yield Given(date.fromisoformat(row[0]), row[1], row[2], figure(row[3]), named or source)


def _of_the_ecb(head: Sequence[str], row: Sequence[str], source: str) -> Iterator[Given]:
    today = frozenset(money.codes())
    for currency, cell in zip(head[1:], row[1:], strict=False):
        # Currencies that are history (a bank's file goes back to 1999) are in no figure of ours.
        if cell not in ("", "N/A") and currency in today:
            yield Given(date.fromisoformat(row[0]), "EUR", currency, figure(cell), source or "ECB")


# --- Looking up ------------------------------------------------------------------------------------------------------


class Table:
    """The stored rates into one currency for some others and some days, read once."""

    def __init__(self, target: str, sources: Collection[str], first: date, last: date) -> None:
        self.target = target
        self._by_day: dict[date, dict[tuple[str, str], ExchangeRate]] = {}
        self._known: dict[tuple[str, date], Rate | None] = {}
        rows = ExchangeRate.objects.filter(
            day__gte=first - timedelta(days=KEEPS), day__lte=last, quote__in={target, *sources}
        )
        for row in rows.order_by("day", "base"):
            self._by_day.setdefault(row.day, {})[row.base, row.quote] = row

    def on(self, source: str, day: date) -> Rate | None:
        """What one unit of `source` was worth on `day`; None where no rate is stored for it."""
        if (source, day) not in self._known:
            days = (day - timedelta(days=back) for back in range(KEEPS + 1))
            found = (self._of(source, one, self._by_day[one]) for one in days if one in self._by_day)
            self._known[source, day] = next((rate for rate in found if rate is not None), None)
        return self._known[source, day]

    def _of(self, source: str, day: date, rows: dict[tuple[str, str], ExchangeRate]) -> Rate | None:
        if direct := rows.get((source, self.target)):
            return Rate(Fraction(direct.rate), day, direct.source)
        if inverse := rows.get((self.target, source)):
            return Rate(1 / Fraction(inverse.rate), day, inverse.source)
        for base, quote in rows:
            if quote == self.target and (other := rows.get((base, source))):
                one = rows[base, quote]
                said = one.source if one.source == other.source else f"{one.source}, {other.source}"
                return Rate(Fraction(one.rate) / Fraction(other.rate), day, said)
        return None


def as_text(row: ExchangeRate) -> dict[str, Any]:
    """A rate for JSON: the figure as a decimal text, so that nothing is lost."""
    return {
        "day": row.day.isoformat(),
        "base": row.base,
        "quote": row.quote,
        "rate": f"{row.rate.normalize():f}",
        "source": row.source,
    }
