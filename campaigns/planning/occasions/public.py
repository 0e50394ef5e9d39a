"""The public holidays of a country as `holidays` knows them, days in a row under one name as one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, lru_cache

import holidays
from django.utils.text import slugify
from holidays.observed_holiday_base import ObservedHolidayBase

from campaigns.planning.occasions import table
from campaigns.planning.occasions.occasion import Kind, Occasion

PREFIX = "public-"

GENERAL: Mapping[str, str] = {
    "BR": "optional",  # Carnival and Corpus Christi: ponto facultativo, and everything is closed
    "CA": "government",  # the general holidays of the Canada Labour Code, s. 166; “public” are those of every province
    "CR": "optional",  # holidays too by the Código de Trabajo, art. 148, without the duty to pay
    "HK": "optional",  # the General Holidays Ordinance, Cap. 149: Good Friday …; “public” are the Employment Ordinance's
    "MO": "optional",  # Ordem Executiva 60/2000: Good Friday, Christmas …; “public” are those of the labour law
    "PA": "bank",  # Carnival Monday
    "SE": "de_facto",  # the eves of Midsummer, Christmas and the New Year, free by custom and collective agreement
    "TT": "optional",  # Carnival
    "UA": "workday",  # since 2022 no holiday is free from work (Law 2136-IX); they are kept all the same
    "UY": "bank",  # Carnival, Tourism Week …: holidays by law 16.805, on which work is allowed
}
"""Countries whose general holidays stand in one more category of `holidays` than “public” (all of 0.108 looked through)."""


@dataclass(frozen=True, slots=True)
class Run:
    """Days in a row under one name. `off` is false for a feast whose day off is another day."""

    country: str
    title: str
    day: date
    first: date
    last: date
    estimated: bool
    in_lieu: bool
    off: bool

    @property
    def key(self) -> str:
        """The name as a key."""
        return slugify(self.title)

    def occasion(self, language: str) -> Occasion:
        """As an occasion, named in `language`."""
        chinese = table.chinese_name(self.title, self.country) if language.startswith("zh") else None
        name, key = chinese or self.title, PREFIX + self.key
        if self.in_lieu:
            name, key = f"{chinese}补假" if chinese else f"Day off for {self.title}", f"{key}-day-off"
        return Occasion(
            key,
            name,
            Kind.PUBLIC if self.off else Kind.FEAST,
            self.day,
            self.first,
            self.last,
            estimated=self.estimated,
            in_lieu=self.in_lieu,
            source=table.sources()["holidays"],
        )


_SUFFIX = re.compile(r" \((observed|estimated|observed, estimated|in lieu|substitute day|substituted from [^)]*)\)$")
_PREFIX = re.compile(r"^(?:Alternative holiday|Day off) for ")


@lru_cache(maxsize=1024)
def runs(country: str, year: int) -> tuple[Run, ...]:
    """The holidays of a year, by day; none for a country that the library lacks."""
    given = _calendar(country, year, observed=True)
    meant = _calendar(country, year, observed=False) if _moves(country) else given
    found = [_corrected(run) for run in _joined(_days(country, given, meant))]
    return tuple(sorted(found, key=lambda run: (run.day, run.title)))


def is_known(country: str, year: int) -> bool:
    """Whether the library knows the public holidays of that year; Sri Lanka's, by the moon, end with those proclaimed."""
    return bool(runs(country, year))


def _corrected(run: Run) -> Run:
    right = table.corrections().get((run.country, run.title, run.day))
    return replace(run, day=right, first=right, last=right) if right else run


def _days(country: str, given: Mapping[date, str], meant: Mapping[date, str]) -> Iterator[Run]:
    """Day by day: what is free (`given`), and what the feast's own day was `meant` to be."""
    for day in sorted({*given, *meant}):
        own = {_plain(title)[0] for title in _titles(meant, day)}
        free = set()
        for text in _titles(given, day):
            title, marked, estimated = _plain(text)
            free.add(title)
            yield Run(country, title, day, day, day, estimated, marked or title not in own, True)
        for text in _titles(meant, day):
            title, _marked, estimated = _plain(text)
            if title not in free:
                yield Run(country, title, day, day, day, estimated, False, False)


def _joined(days: Iterable[Run]) -> Iterator[Run]:
    """Days in a row under one name as one; its day is the first that is not a day off in place of the feast."""
    open_: dict[str, Run] = {}
    for run in days:
        before = open_.get(run.title)
        if before and before.last + timedelta(days=1) == run.first:
            open_[run.title] = _extended(before, run)
            continue
        if before:
            yield before
        open_[run.title] = run
    yield from open_.values()


def _extended(before: Run, run: Run) -> Run:
    return replace(
        before,
        day=run.day if before.in_lieu and not run.in_lieu else before.day,
        last=run.last,
        estimated=before.estimated or run.estimated,
        in_lieu=before.in_lieu and run.in_lieu,
        off=before.off or run.off,
    )


def _titles(calendar: Mapping[date, str], day: date) -> list[str]:
    return [title for title in calendar.get(day, "").split("; ") if title]


def _plain(text: str) -> tuple[str, bool, bool]:
    """A name without what the library says beside it; whether that is “a day off instead”, and “estimated”."""
    said = ""
    if match := _SUFFIX.search(text):
        text, said = text[: match.start()], match[1]
    title = _PREFIX.sub("", text)
    return title, title != text or (bool(said) and said != "estimated"), "estimated" in said


def _calendar(country: str, year: int, *, observed: bool) -> dict[date, str]:
    """The library's names in English."""
    if country not in _languages():
        return {}
    found = holidays.country_holidays(
        country,
        years=year,
        observed=observed,
        language=_english(country),
        categories=["public", *filter(None, [GENERAL.get(country)])],
    )
    return {day: found[day] for day in found if day.year == year}


@cache
def _moves(country: str) -> bool:
    """Whether holidays of the country are given on another day than their own."""
    return country in _languages() and issubclass(getattr(holidays, country), ObservedHolidayBase)


def _english(country: str) -> str | None:
    languages = _languages()[country]
    return next((name for name in ("en_US", "en_GB", "en") if name in languages), None) or next(
        (name for name in languages if name.startswith("en")), None
    )


@cache
def _languages() -> dict[str, list[str]]:
    supported = holidays.list_localized_countries()
    return {country: supported.get(country, []) for country in holidays.list_supported_countries(include_aliases=False)}
