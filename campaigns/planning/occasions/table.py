"""The table as data: occasions, who keeps them by which rule, what was announced, and where each row comes from.

`occasions.csv`
    one row a key: kind, name in English and Chinese, window, and what `holidays` calls the same day (``public``)
`rules.csv`
    one row a rule: the countries that keep it and since when; ``*`` is every country, ``@name`` a group, ``-XX`` all but XX.
    Of a key, the first row says the day that is shown where it is not kept
`announced.csv`
    windows that were announced, in place of what the rule expects for that year
`names.csv`
    public holidays in Chinese, by the English name that `holidays` has; with a country where the name means another day there
`corrections.csv`
    public holidays that `holidays` has on a wrong day, with the reason
`sources.csv`
    where rows were read, and when
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType

from campaigns.planning.occasions import days
from campaigns.planning.occasions.occasion import Kind, Source
from core import countries

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Window:
    """Days before and after the day; or until the day before the next occasion called `until`."""

    before: int
    after: int = 0
    until: str = ""

    @classmethod
    def parse(cls, text: str) -> "Window":
        """``10 0``, or ``0 until eid-al-fitr``."""
        before, *rest = text.split()
        if rest[0] == "until":
            return cls(int(before), until=rest[1])
        return cls(int(before), int(rest[0]))

    def around(self, day: date) -> tuple[date, date]:
        """First and last day, inclusive."""
        return day - timedelta(days=self.before), day + timedelta(days=self.after)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an occasion is called, and which public holidays are the same day under another name."""

    key: str
    kind: Kind
    english: str
    chinese: str
    window: Window
    public: frozenset[str]

    def name(self, language: str) -> str:
        """In Chinese for Chinese readers, in English for everybody else."""
        return self.chinese if language.startswith("zh") else self.english


@dataclass(frozen=True, slots=True)
class Rule:
    """How some countries find the day. `countries` None means all but those of `without`.

    `home` is the country whose day is shown elsewhere. `sighted` days follow the sky: a country that proclaims its own is right.
    """

    entry: Entry
    countries: frozenset[str] | None
    without: frozenset[str]
    home: str
    when: days.When
    window: Window
    sighted: bool
    proclaimed: bool
    regional: bool
    since: int
    source: Source

    def kept_in(self, country: str) -> bool:
        """Whether `country` keeps it by this rule."""
        return country not in self.without and (self.countries is None or country in self.countries)


@dataclass(frozen=True, slots=True)
class Announced:
    """A window that was announced."""

    day: date
    first: date
    last: date
    source: Source


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the files."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))


@cache
def sources() -> Mapping[str, Source]:
    """By id."""
    return MappingProxyType(
        {
            row["id"]: Source(
                row["id"], row["name"], row["where"], date.fromisoformat(row["read"]) if row["read"] else None
            )
            for row in rows("sources.csv")
        }
    )


@cache
def entries() -> Mapping[str, Entry]:
    """By key."""
    return MappingProxyType(
        {
            row["key"]: Entry(
                row["key"],
                Kind(row["kind"]),
                row["english"],
                row["chinese"],
                Window.parse(row["window"]),
                frozenset(row["public"].split()),
            )
            for row in rows("occasions.csv")
        }
    )


@cache
def rules() -> tuple[Rule, ...]:
    """In the order of the file."""
    return tuple(_rule(row) for row in rows("rules.csv"))


@cache
def rules_of(country: str) -> Mapping[str, Rule]:
    """By key, the rule that `country` keeps; a key without one is kept elsewhere only."""
    return MappingProxyType({rule.entry.key: rule for rule in rules() if rule.kept_in(country)})


@cache
def elsewhere() -> Mapping[str, Rule]:
    """By key, the first rule: what is shown where an occasion is not kept."""
    first: dict[str, Rule] = {}
    for rule in rules():
        first.setdefault(rule.entry.key, rule)
    return MappingProxyType(first)


@cache
def announced() -> Mapping[tuple[str, str, int], Announced]:
    """By key, country and year."""
    found: dict[tuple[str, str, int], Announced] = {}
    for row in rows("announced.csv"):
        day, first, last = (date.fromisoformat(row[name]) for name in ("day", "first", "last"))
        for country in _countries(row["countries"])[0]:
            found[row["key"], country, day.year] = Announced(day, first, last, sources()[row["source"]])
    return MappingProxyType(found)


@cache
def _chinese_names() -> Mapping[tuple[str, str], str]:
    return {(row["english"], row["country"]): row["chinese"] for row in rows("names.csv")}


def chinese_name(english: str, country: str) -> str:
    """A public holiday in Chinese by its English name, which may mean another day in `country`; empty where unknown."""
    names = _chinese_names()
    return names.get((english, country)) or names.get((english, ""), "")


@cache
def corrections() -> Mapping[tuple[str, str, date], date]:
    """By country, English name and the day that the library gives, the right one."""
    return MappingProxyType(
        {
            (row["country"], row["english"], date.fromisoformat(row["wrong"])): date.fromisoformat(row["right"])
            for row in rows("corrections.csv")
        }
    )


def _rule(row: dict[str, str]) -> Rule:
    entry = entries()[row["key"]]
    kept, without = _countries(row["countries"])
    everywhere = row["countries"].split()[0] == "*"
    marks = row["marks"].split()
    return Rule(
        entry=entry,
        countries=None if everywhere else frozenset(kept) - without,
        without=without,
        home="" if everywhere else kept[0],
        when=days.parse(row["rule"]),
        window=Window.parse(row["window"]) if row["window"] else entry.window,
        sighted=row["rule"].split()[0] in {"islamic", "hindu"},
        proclaimed="proclaimed" in marks,
        regional="regional" in marks,
        since=int(row["since"] or 0),
        source=sources()[row["source"]],
    )


@cache
def _groups() -> Mapping[str, list[str]]:
    return {row["name"]: row["countries"].split() for row in rows("groups.csv")}


def _countries(text: str) -> tuple[list[str], frozenset[str]]:
    """The countries that `text` names, in its order, and those that it takes away."""
    kept: list[str] = []
    without: set[str] = set()
    for word in text.split():
        if word.startswith("@"):
            kept += _countries(" ".join(_groups()[word[1:]]))[0]
        elif word.startswith("-"):
            without.add(countries.check(word[1:]))
        elif word != "*":
            kept.append(countries.check(word))
    return kept, frozenset(without)
