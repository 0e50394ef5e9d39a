"""What is asked: the occasions of a country and a year, those that touch a range, and the next one of a name."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.planning.occasions import public, table
from campaigns.planning.occasions.occasion import Occasion
from campaigns.planning.occasions.table import Announced, Rule
from core.errors import Invalid

FIRST_YEAR, LAST_YEAR = 2000, 2075
"""Years for which the lunar tables hold."""

SIGHT = timedelta(days=3)
"""How far a country's own day of a feast by the moon may be from the computed one and still be the same feast."""


def occasions(country: str, year: int, *, everywhere: bool = False) -> list[Occasion]:
    """The occasions of `country` in `year`, by day: feasts, shopping days, and its other public holidays.

    With `everywhere`, also what is kept elsewhere only (``local`` false): a shop abroad may sell on 618 too. Names are in
    Chinese where that is the active language, else in English. Raises `Invalid` for a year outside the tables.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Invalid(
            _("Occasions are known from %(first)d to %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR},
            field="year",
        )
    return list(_listing(country, year, everywhere, "zh" if (get_language() or "").startswith("zh") else "en"))


def between(country: str, start: date, end: date) -> list[Occasion]:
    """The occasions whose window touches the days from `start` to before `end`."""
    found = []
    for year in range(start.year - 1, end.year + 2):
        if FIRST_YEAR <= year <= LAST_YEAR:
            found += [o for o in occasions(country, year) if o.first < end and o.last >= start]
    return found


def find(country: str, key: str, year: int | None = None, *, today: date) -> Occasion:
    """The occasion called `key` as `country` counts it: in `year`, or the next one that is not over on `today`.

    Raises `Invalid` when there is none; what is kept elsewhere only is found too.
    """
    years = [year] if year is not None else [today.year, today.year + 1, today.year + 2]
    for candidate in years:
        for occasion in occasions(country, candidate, everywhere=True):
            if _is_called(occasion, key) and (year is not None or occasion.day >= today):
                return occasion
    raise Invalid(
        _("There is no occasion “%(key)s”. Choose one of the calendar, for example black-friday, or give a date.")
        % {"key": key},
        field="anchor",
        code="unknown_occasion",
    )


def _is_called(occasion: Occasion, key: str) -> bool:
    """By its key, or by the one it had as a public holiday before the table knew it."""
    if occasion.key == key:
        return True
    entry = table.entries().get(occasion.key)
    return bool(
        entry and occasion.local and key.removeprefix(public.PREFIX) in entry.public and key.startswith(public.PREFIX)
    )


@lru_cache(maxsize=2048)
def _listing(country: str, year: int, everywhere: bool, language: str) -> tuple[Occasion, ...]:
    kept = table.rules_of(country)
    own = [occasion for rule in kept.values() for occasion in _of_rule(rule, country, year, language)]
    rest = []
    for run in public.runs(country, year):
        same = next((number for number, occasion in enumerate(own) if _is_same(run, occasion)), None)
        if same is None:
            rest.append(run)
        else:
            own[same] = replace(own[same], first=min(own[same].first, run.first), last=max(own[same].last, run.last))
    own += [run.occasion(language) for run in rest]
    if everywhere:
        own += _others(country, year, language, rest)
    return tuple(sorted(own, key=lambda o: (o.day, o.key)))


def _others(country: str, year: int, language: str, holidays: Sequence[public.Run]) -> Iterator[Occasion]:
    """What is kept elsewhere only, and is no public holiday of the country under another name either."""
    for key, rule in table.elsewhere().items():
        if key not in table.rules_of(country):
            for occasion in _of_rule(rule, "", year, language):
                if not any(_is_same(run, occasion) for run in holidays):
                    yield occasion


def _is_same(run: public.Run, occasion: Occasion) -> bool:
    """Whether a public holiday is an occasion of the table under another name; other feasts on its days stay."""
    return not run.in_lieu and run.first <= occasion.day <= run.last and run.key in table.entries()[occasion.key].public


def _of_rule(rule: Rule, country: str, year: int, language: str) -> Iterator[Occasion]:
    """The occasions of a rule in a year; without a country, as its home keeps it and for somebody else."""
    for day, estimated, announced in _days(rule, country, year):
        first, last = rule.window.around(day)
        if rule.window.until:
            last = _next(rule.window.until, country, day) - timedelta(days=1)
        yield Occasion(
            rule.entry.key,
            rule.entry.name(language),
            rule.entry.kind,
            day,
            announced.first if announced else first,
            announced.last if announced else last,
            estimated=estimated,
            local=bool(country),
            proclaimed=rule.proclaimed and announced is None,
            regional=rule.regional,
            country="" if country else rule.home,
            source=announced.source if announced else rule.source,
        )


def _days(rule: Rule, country: str, year: int) -> list[tuple[date, bool, Announced | None]]:
    """The days of a rule, whether each is an estimate, and the window that was announced in its place."""
    if year < rule.since:
        return []
    announced = table.announced().get((rule.entry.key, country or rule.home, year))
    if announced:
        return [(announced.day, False, announced)]
    found = rule.when(year)
    if rule.sighted and country:
        found = [_as_proclaimed(rule, country, day, estimated) for day, estimated in found]
    return [(day, estimated, None) for day, estimated in found]


def _as_proclaimed(rule: Rule, country: str, day: date, estimated: bool) -> tuple[date, bool]:
    """The country's own day of a feast that follows the sky, where its calendar has one."""
    for run in public.runs(country, day.year):
        if run.key in rule.entry.public and not run.in_lieu and abs(run.day - day) <= SIGHT:
            return run.day, run.estimated
    return day, estimated


def _next(key: str, country: str, day: date) -> date:
    """The first day after `day` of the occasion `key`, as `country` counts it."""
    rule = table.rules_of(country).get(key) or table.elsewhere()[key]
    found = [near for year in (day.year, day.year + 1) for near, _estimated, _a in _days(rule, country, year)]
    return min(near for near in found if near > day)
