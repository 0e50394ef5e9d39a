"""How a day is found: a small notation for the rules of the table, and what it means.

==============================  ==============================================================================
``05-08``                       the eighth of May
``05 sun 2``, ``05 sun -1``     the second, the last Sunday of May
``mon before 05-25``            the last Monday before 25 May; ``after`` likewise
``easter 39``                   days after Western Easter; ``orthodox -48``: after (here before) Orthodox Easter
``lunar 7-7``                   the seventh day of the seventh month of the Chinese calendar
``korean 8-15``                 as Korea counts it; ``vietnamese 1-1``: as Viet Nam does. First and fifteenth days only
``term winter_solstice``        a solar term of the Chinese calendar
``islamic eid_al_fitr``         by the tables of `holidays`; so ``hindu holi`` and ``hebrew hanukkah``
``french-mothers-day``          a rule of law that no notation says; see `NAMED`
==============================  ==============================================================================

Any of them takes days at its end: ``11 thu 4 +1`` is the day after the fourth Thursday of November.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any, cast

from borax.calendars.lunardate import LunarDate
from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN, easter
from holidays.calendars import _ChineseLunisolar, _HebrewLunisolar, _HinduLunisolar, _IslamicLunar

Days = Iterable[tuple[date, bool]]
"""Days and whether each is an estimate. A lunar feast may fall twice into one year, or not at all."""
When = Callable[[int], Days]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class RuleError(ValueError):
    """A rule that the notation does not know."""


@cache
def parse(text: str) -> When:
    """The days of a year by the rule `text`; raises `RuleError`."""
    words = text.split()
    if not words:
        raise RuleError("A rule is empty.")
    if len(words) > 1 and words[0] not in EASTERS and re.fullmatch(r"[+-]\d+", words[-1]) and not _is_nth(words):
        return _shifted(parse(" ".join(words[:-1])), int(words[-1]))
    if text in NAMED:
        return _one(NAMED[text])
    for shape, make in SHAPES:
        if match := re.fullmatch(shape, text):
            return make(*match.groups())
    raise RuleError(f"There is no rule “{text}”.")


def _is_nth(words: list[str]) -> bool:
    return len(words) == 3 and words[1] in WEEKDAYS


def nth(year: int, month: int, weekday: int, number: int) -> date:
    """The `number`-th `weekday` (0 is Monday) of a month; −1 is the last."""
    if number > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7 + 7 * (-number - 1))


def _one(day_of: Callable[[int], date]) -> When:
    return lambda year: [(day_of(year), False)]


def _shifted(when: When, days: int) -> When:
    """`days` later, over the turn of the year too."""

    def shifted(year: int) -> Days:
        found = [
            (day + timedelta(days=days), guess) for near in (year - 1, year, year + 1) for day, guess in when(near)
        ]
        return [(day, guess) for day, guess in found if day.year == year]

    return shifted


# --------------------------------------------------------------------------------------------------------------------
# Gregorian


def _fixed(month: str, day: str) -> When:
    date(2000, int(month), int(day))
    return _one(lambda year: date(year, int(month), int(day)))


def _nth(month: str, weekday: str, number: str) -> When:
    return _one(lambda year: nth(year, int(month), WEEKDAYS.index(weekday), int(number)))


def _beside(weekday: str, side: str, month: str, day: str) -> When:
    wanted = WEEKDAYS.index(weekday)

    def beside(year: int) -> date:
        mark = date(year, int(month), int(day))
        if side == "before":
            return mark - timedelta(days=(mark.weekday() - wanted - 1) % 7 + 1)
        return mark + timedelta(days=(wanted - mark.weekday() - 1) % 7 + 1)

    return _one(beside)


EASTERS = {"easter": EASTER_WESTERN, "orthodox": EASTER_ORTHODOX}


def _easter(which: str, days: str | None) -> When:
    return _one(lambda year: easter(year, EASTERS[which]) + timedelta(days=int(days or 0)))


def _french_mothers_day(year: int) -> date:
    """The last Sunday of May, or the first of June when that is Pentecost (Code de l'action sociale, D215-1)."""
    day = nth(year, 5, 6, -1)
    return nth(year, 6, 6, 1) if day == easter(year) + timedelta(days=49) else day


def _french_winter_sales(year: int) -> date:
    """The second Wednesday of January, or the first when the second is after the 12th (Code de commerce, D310-15-2)."""
    day = nth(year, 1, 2, 2)
    return day - timedelta(days=7) if day.day > 12 else day


def _french_summer_sales(year: int) -> date:
    """The last Wednesday of June, or the one before when the last is after the 28th (Code de commerce, D310-15-2)."""
    day = nth(year, 6, 2, -1)
    return day - timedelta(days=7) if day.day > 28 else day


NAMED: dict[str, Callable[[int], date]] = {
    "french-mothers-day": _french_mothers_day,
    "french-winter-sales": _french_winter_sales,
    "french-summer-sales": _french_summer_sales,
}

# --------------------------------------------------------------------------------------------------------------------
# The moon's


def _lunar(month: str, day: str) -> When:
    """A day of the Chinese calendar as computed in China's time (GB/T 33661); leap months do not count."""
    LunarDate(2000, int(month), int(day))

    def lunar(year: int) -> Days:
        # The twelfth month of a lunar year reaches into the next year of the sun.
        found = [LunarDate(near, int(month), int(day)).to_solar_date() for near in (year - 1, year)]
        return [(day, False) for day in found if day.year == year]

    return lunar


_NATIONAL = {"1-1": "lunar_new_year", "8-15": "mid_autumn"}


def _national(nation: str, day: str) -> When:
    """As Korea or Viet Nam counts: a new moon near midnight falls on another day there than in China."""
    find = getattr(_ChineseLunisolar(), f"{_NATIONAL[day]}_date")

    def national(year: int) -> Days:
        # The library calls every year beyond the last proclamation estimated; the calendar itself is computed.
        found, _estimated = find(year, f"{nation.upper()}_CALENDAR")
        return [(found, False)] if found else []

    return national


def _term(name: str) -> When:
    find = _method(_ChineseLunisolar(), f"{name}_date")
    return lambda year: [(find(year)[0], False)]


def _islamic(name: str) -> When:
    find = _method(_IslamicLunar(), f"{name}_dates")
    return lambda year: [(day, estimated) for day, estimated in find(year) if day.year == year]


def _hindu(name: str) -> When:
    find = _method(_HinduLunisolar(), f"{name}_date")

    def hindu(year: int) -> Days:
        day, _estimated = find(year)
        return [(day, False)] if day else []

    return hindu


def _hebrew(name: str) -> When:
    find = _method(_HebrewLunisolar(), f"{name}_date")

    def hebrew(year: int) -> Days:
        found = find(year)
        days = found if isinstance(found, set) else {found}
        return [(day, False) for day in sorted(filter(None, days)) if day.year == year]

    return hebrew


def _method(calendar: object, name: str) -> Callable[[int], Any]:
    try:
        return cast(Callable[[int], Any], getattr(calendar, name))
    except AttributeError as error:
        raise RuleError(f"The calendar has no {name}.") from error


SHAPES: tuple[tuple[str, Callable[..., When]], ...] = (
    (r"(\d\d)-(\d\d)", _fixed),
    (r"(\d\d) (mon|tue|wed|thu|fri|sat|sun) (-?[1-5])", _nth),
    (r"(mon|tue|wed|thu|fri|sat|sun) (before|after) (\d\d)-(\d\d)", _beside),
    (r"(easter|orthodox)(?: ([+-]?\d+))?", _easter),
    (r"lunar (\d{1,2})-(\d{1,2})", _lunar),
    (r"(korean|vietnamese) (1-1|8-15)", _national),
    (r"term (\w+)", _term),
    (r"islamic (\w+)", _islamic),
    (r"hindu (\w+)", _hindu),
    (r"hebrew (\w+)", _hebrew),
)
