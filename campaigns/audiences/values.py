"""What a cell of a spreadsheet says: a number, a date, a flag, or just a text.

Whole columns decide, never one cell: “1.234” is twelve hundred in one file and one and a bit in another.

numbers   ISO (``1234.56``) and what shops write: thousands separators, a decimal comma, a currency beside it, a minus behind
          it, brackets for below zero. *Which mark is the decimal one* follows from the values that leave no doubt: the last
          of two different marks; one mark that stands twice groups; one with other than three digits behind it, with more
          than three before it, or behind a lone zero, is decimal. When no value of the column decides, a point is decimal,
          and a comma is decimal in a file whose cells are parted by semicolons (spreadsheets do that where the comma is
          decimal) and groups in others. A column that contradicts itself is text.
dates     ISO, year first with slashes, points (day first), ``2026年11月27日``. Slashes with the year last are day or month
          first as the column decides; a column where both could be is text: never guessed.
nothing   ``-``, ``n/a`` and the like stand for “no value” and decide nothing; in a column of texts they are texts.
texts     whatever has leading zeros, more than 15 digits, or a heading that names an id, a code or a number to call.

A date is kept as ``2026-11-27`` or, with a time of day, as ``2026-11-27T09:30:00`` and the offset that was given, if any.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    """What an attribute holds."""

    TEXT = "text", _("text")
    NUMBER = "number", _("number")
    DATE = "date", _("date")
    FLAG = "flag", _("yes or no")


@dataclass(frozen=True, slots=True)
class Style:
    """How a column is read: its kind, the decimal mark of its numbers, which comes first in its dates with slashes."""

    kind: str
    decimal: str = "."
    first: str = ""


MOST_DIGITS = 15
"""A double has 15 to 17 exact decimal digits, and spreadsheets keep 15 (IEEE 754; Excel specifications and limits)."""
FIRST_SERIAL, LAST_SERIAL = 10_000, 80_000
"""Day numbers of spreadsheets between 1927 and 2119."""
_EPOCH = date(1899, 12, 30)
TRUE = frozenset({"true", "yes", "y", "t", "ja", "oui", "sí", "si", "是", "wahr", "vrai", "on"})
FALSE = frozenset({"false", "no", "n", "f", "nein", "non", "否", "falsch", "faux", "off"})
NOTHING = frozenset({"-", "--", "–", "—", "n/a", "n.a.", "na", "none", "nil", "nan", "无", "暂无"})
_SPACES = re.compile(r"[\s'’\u00a0\u202f\u2009_]")
_MONEY = re.compile(
    r"^(?:[A-Z]{3}|[A-Z]{0,2}[^\w\s.,()+\-−'’])\s*|\s*(?:[A-Z]{3}|[^\w\s.,()'’%+\-]|kr\.?|zł|Kč|元|円)$"
)
_GROUPED = re.compile(r"[0-9]{1,3}(?:G[0-9]{2,3})*G[0-9]{3}(?:D[0-9]*)?|[0-9]+(?:D[0-9]*)?|D[0-9]+")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]{1,3}")
_TIME = (
    r"(?:[T ]+(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})" + _TIME),
    re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})" + _TIME),
    re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + _TIME),
    re.compile(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日" + _TIME),
)
_SLASHED = re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})" + _TIME)
_NAMES_A_TEXT = re.compile(
    r"(?:^|[^a-z])(?:id|ids|sku|ean|gtin|code|zip|plz|postcode|postal|phone|tel|mobile|fax)(?:[^a-z]|$)", re.I
)
_NAMES_A_DATE = re.compile(r"date|birth|born|datum|_at$| at$|日期|生日", re.I)


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet has rewritten a long number: ``1.23457E+15``. Its last digits are gone."""
    return bool(_SCIENTIFIC.fullmatch(text.strip()))


def says_nothing(cell: str) -> bool:
    """Whether the cell only says that there is no value."""
    return cell.strip().casefold() in NOTHING


def guess(heading: str, cells: Iterable[str], separator: str = ",") -> Style:
    """How the column under `heading` is read best, when every cell that says something can be read so."""
    found = [cell for cell in cells if cell and not says_nothing(cell)]
    text = Style(Kind.TEXT)
    if not found:
        return text
    if all(cell.casefold() in TRUE | FALSE for cell in found):
        return Style(Kind.FLAG)
    if _NAMES_A_TEXT.search(heading.replace("_", " ")):
        return text
    if (style := _date_style(found)) and all(read_date(cell, style.first) for cell in found):
        return style
    if _NAMES_A_DATE.search(heading) and all(_serial(cell) for cell in found):
        return Style(Kind.DATE)
    mark = decimal_mark(found, separator)
    if mark and all(_is_safe_number(cell, mark) for cell in found):
        return Style(Kind.NUMBER, decimal=mark)
    return text


def style_for(kind: str, cells: Iterable[str], separator: str = ",") -> Style:
    """How the column is read as `kind`, which somebody has decided; what does not fit will cost its row the field."""
    found = [cell for cell in cells if cell and not says_nothing(cell)]
    if kind == Kind.NUMBER:
        return Style(kind, decimal=decimal_mark(found, separator) or ".")
    if kind == Kind.DATE:
        return _date_style(found) or Style(kind)
    return Style(kind)


def read(cell: str, style: Style) -> Any:
    """`cell` as its column's kind (int or float, ISO text, bool, str); None when it cannot be read so."""
    match style.kind:
        case Kind.NUMBER:
            return number(cell, style.decimal)
        case Kind.DATE:
            return read_date(cell, style.first) or _serial(cell)
        case Kind.FLAG:
            return flag(cell)
    return cell


def coerced(value: Any, kind: str) -> Any:
    """`value` of JSON as `kind`, when it is that or a text that spells it as JSON and ISO 8601 would; else None."""
    if isinstance(value, list | dict):
        return value if kind == Kind.TEXT else None
    match kind:
        case Kind.NUMBER:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return value
            return (
                number(value, ".") if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value.strip()) else None
            )
        case Kind.FLAG:
            return value if isinstance(value, bool) else flag(value) if isinstance(value, str) else None
        case Kind.DATE:
            return read_date(value.strip(), "") if isinstance(value, str) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else format(value, "g") if isinstance(value, float) else str(value)


# --- Numbers ---------------------------------------------------------------------------------------------------------


def decimal_mark(cells: Sequence[str], separator: str = ",") -> str | None:
    """The decimal mark of a column by the rule of this module; None when its values contradict one another."""
    says = {mark for cell in cells if (mark := _says(_bare(cell)[0]))}
    if len(says) == 2:
        return None
    if says:
        return says.pop()
    return "," if separator == ";" and any("," in cell for cell in cells) else "."


def _says(bare: str) -> str:
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        return "." if bare.rindex(".") > bare.rindex(",") else ","
    if points > 1 or commas > 1:
        return "," if points else "."
    mark = "." if points else ","
    if not points and not commas:
        return ""
    before, _mark, after = bare.partition(mark)
    is_group = len(after) == 3 and 1 <= len(before) <= 3 and before != "0"
    return "" if is_group else mark


def _bare(cell: str) -> tuple[str, bool]:
    """`cell` without what stands around a number, and whether it is below zero."""
    # Input methods write wide digits, signs and commas; NFKC (Unicode UAX 15) has the plain ones for them.
    text = unicodedata.normalize("NFKC", cell).strip().replace("−", "-")
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1].strip(), True
    for _side in range(2):
        text = _MONEY.sub("", text, count=1) if not is_scientific(text) else text
        if text.startswith(("-", "+")):
            negative, text = negative != text.startswith("-"), text[1:].strip()
        elif text.endswith("-"):
            negative, text = not negative, text[:-1].strip()
    return text, negative


def number(cell: str, mark: str) -> int | float | None:
    """`cell` as a number whose decimal mark is `mark`; whole ones are int."""
    text, negative = _bare(cell)
    if is_scientific(text):
        value: int | float = float(text.replace(",", "."))
    else:
        group = "," if mark == "." else "."
        joined = _SPACES.sub("G", text).replace(group, "G").replace(mark, "D")
        if not _GROUPED.fullmatch(joined):
            return None
        plain = joined.replace("G", "").replace("D", ".")
        value = int(plain) if plain.isdecimal() else float(plain)
        if isinstance(value, int) and value >= 2**53:
            value = float(value)
    return -value if negative else value


def _is_safe_number(cell: str, mark: str) -> bool:
    """A number that is one, and no id: nobody computes with leading zeros or with more digits than a double has."""
    text, _negative = _bare(cell)
    digits = re.sub(r"\D", "", text)
    has_leading_zero = len(text) > 1 and text[0] == "0" and text[1] not in ".,"
    return number(cell, mark) is not None and not has_leading_zero and len(digits) <= MOST_DIGITS


# --- Dates and flags -------------------------------------------------------------------------------------------------


def flag(cell: str) -> bool | None:
    """Yes or no, in the languages of the spreadsheets we have seen; also 1 and 0."""
    word = cell.strip().casefold()
    if word in TRUE or word == "1":
        return True
    return False if word in FALSE or word == "0" else None


def _date_style(cells: Sequence[str]) -> Style | None:
    """A column of dates; with slashes it must hold one that only one order fits."""
    slashed = [found for cell in cells if (found := _SLASHED.fullmatch(cell.strip()))]
    day_first = any(int(found["a"]) > 12 for found in slashed)
    month_first = any(int(found["b"]) > 12 for found in slashed)
    if slashed and day_first == month_first:
        return None
    if not slashed and not any(pattern.fullmatch(cell.strip()) for cell in cells for pattern in _DATES):
        return None
    return Style(Kind.DATE, first="d" if day_first else "m" if month_first else "")


def read_date(cell: str, first: str) -> str | None:
    """`cell` as an ISO date, with its time when it has one other than midnight; `first` is ``d`` or ``m`` for slashes."""
    text = cell.strip()
    found = next((match for pattern in _DATES if (match := pattern.fullmatch(text))), None)
    if found is not None:
        day, month = found["d"], found["m"]
    elif first and (found := _SLASHED.fullmatch(text)):
        day, month = (found["a"], found["b"]) if first == "d" else (found["b"], found["a"])
    if found is None:
        return None
    try:
        time = (_hour(found), int(found["mi"] or 0), int(found["s"] or 0))
        moment = datetime(int(found["y"]), int(month), int(day), *time)  # noqa: DTZ001 - a cell has no zone
    except ValueError:
        return None
    if found["h"] is None or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return moment.date().isoformat()
    zone = (found["zone"] or "").replace("UTC", "Z").replace("Z", "+00:00")
    return moment.isoformat() + (zone if not zone or ":" in zone else f"{zone[:3]}:{zone[3:]}")


def _hour(found: "re.Match[str]") -> int:
    hour, half = int(found["h"] or 0), (found["half"] or "").lower()[:1]
    if half and not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if half == "p" else 0) if half else hour


def _serial(cell: str) -> str | None:
    """A day number of a spreadsheet (45000 is 2023-03-15) as a date."""
    text = cell.strip().removesuffix(".0")
    if not text.isdecimal() or not FIRST_SERIAL <= int(text) <= LAST_SERIAL:
        return None
    return (_EPOCH + timedelta(days=int(text))).isoformat()
