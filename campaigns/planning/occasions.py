"""Occasions: the days a shop plans around, per country and year, as data.

Feasts that move come from the lunar tables of `holidays` and from Easter's rule; shopping days (Black Friday, 618, Double 11
…), which no calendar of public holidays has, are rules of our own below. Public holidays of the country fill up the rest.
A rule gives the day itself (the anchor of a campaign) and the window in which people shop for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, lru_cache

import holidays
from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN, easter
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from holidays.calendars import _ChineseLunisolar, _HebrewLunisolar, _HinduLunisolar, _IslamicLunar

from core.errors import Invalid

FIRST_YEAR, LAST_YEAR = 2000, 2075
"""Years for which the lunar tables hold."""


class Kind(StrEnum):
    """What sort of day it is."""

    SHOPPING = "shopping"
    FEAST = "feast"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion in one year.

    `day` is the anchor; `first` and `last` bound the window, inclusive. `estimated` says that the day depends on a sighting
    of the moon or a proclamation still to come. `local` is false for what the country itself does not keep.
    """

    key: str
    name: str
    kind: Kind
    day: date
    first: date
    last: date
    estimated: bool = False
    local: bool = True

    @property
    def year(self) -> int:
        """The year of the day itself."""
        return self.day.year


# --------------------------------------------------------------------------------------------------------------------
# How a day is found. Each gives (day, estimated) pairs: a lunar feast may fall twice into one year, or not at all.

Days = Iterable[tuple[date, bool]]
When = Callable[[int, str], Days]

MONDAY, WEDNESDAY, THURSDAY, SUNDAY = 0, 2, 3, 6


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    """The `number`-th `weekday` of a month; −1 is the last."""
    if number > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7 + 7 * (-number - 1))


def _on(month: int, day: int) -> When:
    return lambda year, country: [(date(year, month, day), False)]


def _weekday(month: int, weekday: int, number: int, plus: int = 0) -> When:
    return lambda year, country: [(_nth(year, month, weekday, number) + timedelta(days=plus), False)]


def _easter(year: int, country: str) -> Days:
    method = EASTER_ORTHODOX if country in ORTHODOX else EASTER_WESTERN
    return [(easter(year, method), False)]


def _western_easter(plus: int) -> When:
    return lambda year, country: [(easter(year, EASTER_WESTERN) + timedelta(days=plus), False)]


def _by_country(usual: When, **others: When) -> When:
    return lambda year, country: others.get(country, usual)(year, country)


def _french_mothers_day(year: int, country: str) -> Days:
    """The last Sunday of May, or the first of June when that is Pentecost (Code de l'action sociale, D215-1)."""
    day = _nth(year, 5, SUNDAY, -1)
    return [(_nth(year, 6, SUNDAY, 1) if day == easter(year) + timedelta(days=49) else day, False)]


def _french_winter_sales(year: int, country: str) -> Days:
    """The second Wednesday of January, or the first when the second is after the 12th (Code de commerce, D310-15-2)."""
    day = _nth(year, 1, WEDNESDAY, 2)
    return [(day - timedelta(days=7) if day.day > 12 else day, False)]


def _french_summer_sales(year: int, country: str) -> Days:
    """The last Wednesday of June, or the one before when the last is after the 28th (Code de commerce, D310-15-2)."""
    day = _nth(year, 6, WEDNESDAY, -1)
    return [(day - timedelta(days=7) if day.day > 28 else day, False)]


def _chinese(name: str, plus: int = 0) -> When:
    def when(year: int, country: str) -> Days:
        if country == "KR":
            calendar = "KOREAN_CALENDAR"
        else:
            calendar = "VIETNAMESE_CALENDAR" if country == "VN" else "CHINESE_CALENDAR"
        if name not in {"lunar_new_year", "mid_autumn"}:
            day, _estimated = getattr(_ChineseLunisolar(), f"{name}_date")(year)
        else:
            day, _estimated = getattr(_ChineseLunisolar(), f"{name}_date")(year, calendar)
        # The library calls every year beyond the last proclamation estimated; the lunisolar calendar itself is computed.
        return [(day + timedelta(days=plus), False)] if day else []

    return when


SHORT_SEVENTH_MONTHS = frozenset({2020, 2022, 2026, 2029, 2035, 2036, 2038, 2039, 2040})
"""Years 2020–2040 whose seventh lunar month has 29 days; from the new moons in China's time (Meeus, ch. 49)."""


def _qixi(year: int, country: str) -> Days:
    """The seventh day of the seventh lunar month: counted back from Mid-Autumn, the fifteenth of the eighth."""
    if not 2020 <= year <= 2040:
        return []
    day, _estimated = _ChineseLunisolar().mid_autumn_date(year)
    return [(day - timedelta(days=37 if year in SHORT_SEVENTH_MONTHS else 38), False)] if day else []


def _islamic(name: str) -> When:
    def when(year: int, country: str) -> Days:
        found = getattr(_IslamicLunar(), f"{name}_dates")(year)
        return [(day, estimated) for day, estimated in found if day.year == year]

    return when


def _ramadan_window(day: date) -> tuple[date, date]:
    """Until the day before Eid."""
    ends = (eid for year in (day.year, day.year + 1) for eid, _e in _IslamicLunar().eid_al_fitr_dates(year))
    return day, min(eid for eid in ends if eid > day) - timedelta(days=1)


def _hindu(name: str) -> When:
    def when(year: int, country: str) -> Days:
        day, _estimated = getattr(_HinduLunisolar(), f"{name}_date")(year)
        return [(day, False)] if day else []

    return when


def _hanukkah(year: int, country: str) -> Days:
    return [(day, False) for day in sorted(_HebrewLunisolar().hanukkah_date(year)) if day.year == year]


# --------------------------------------------------------------------------------------------------------------------
# Who keeps what

ENGLISH = frozenset({"US", "CA", "GB", "IE", "AU", "NZ"})
CHINA = frozenset({"CN"})
CHINESE = frozenset({"CN", "HK", "MO", "TW", "SG", "MY"})
SOUTH_EAST_ASIA = frozenset({"SG", "MY", "TH", "ID", "PH", "VN"})
MUSLIM = frozenset(
    {"AE", "SA", "QA", "KW", "BH", "OM", "JO", "EG", "MA", "DZ", "TN", "LB", "IQ", "TR", "PK", "BD", "ID", "MY"}
)
GULF = frozenset({"AE", "SA", "QA", "KW", "BH", "OM"})
ORTHODOX = frozenset({"GR", "CY", "RO", "BG", "RS", "UA", "MD", "MK", "ME", "GE", "BY", "RU"})
EUROPE = frozenset(
    {
        "GB",
        "IE",
        "DE",
        "AT",
        "CH",
        "FR",
        "BE",
        "NL",
        "LU",
        "ES",
        "PT",
        "IT",
        "DK",
        "SE",
        "NO",
        "FI",
        "IS",
        "PL",
        "CZ",
        "SK",
    }
    | {"HU", "SI", "HR", "EE", "LV", "LT", "MT"}
    | ORTHODOX
)
LATIN_AMERICA = frozenset({"MX", "BR", "AR", "CL", "CO", "PE", "UY", "EC", "CR", "GT", "SV", "PA", "DO", "BO", "PY"})
CHRISTIAN = EUROPE | LATIN_AMERICA | ENGLISH | {"ZA", "PH"}
ELSEWHERE = frozenset({"JP", "KR", "IN", "IL", "TH", "VN", "SG", "HK", "MO", "TW", "MY", "ID", "TR"})


@dataclass(frozen=True, slots=True)
class Rule:
    """An occasion as data: how its day is found, its window around the day, and the countries that keep it.

    `countries` None means everywhere. `window` is days before and after, or a function of the day.
    """

    key: str
    name: str | Promise
    kind: Kind
    when: When
    window: tuple[int, int] | Callable[[date], tuple[date, date]] = (0, 0)
    countries: frozenset[str] | None = None

    def bounds(self, day: date) -> tuple[date, date]:
        """First and last day of the window, inclusive."""
        if callable(self.window):
            return self.window(day)
        before, after = self.window
        return day - timedelta(days=before), day + timedelta(days=after)


_shop, _feast = Kind.SHOPPING, Kind.FEAST
_second_sunday_of_may = _weekday(5, SUNDAY, 2)
_third_sunday_of_june = _weekday(6, SUNDAY, 3)
_arab_mothers_day = _on(3, 21)

RULES: tuple[Rule, ...] = (
    Rule("new-year", lazy("New Year's Day"), _feast, _on(1, 1), (1, 0)),
    Rule("epiphany", lazy("Three Kings' Day"), _feast, _on(1, 6), (4, 0), frozenset({"ES", "MX"})),
    Rule("winter-sales", lazy("Winter sales"), _shop, _french_winter_sales, (0, 27), frozenset({"FR"})),
    Rule("presidents-day", lazy("Presidents' Day sale"), _shop, _weekday(2, MONDAY, 3), (3, 0), frozenset({"US"})),
    Rule("lunar-new-year", lazy("Lunar New Year"), _feast, _chinese("lunar_new_year"), (1, 6), CHINESE | {"KR", "VN"}),
    Rule("lantern-festival", lazy("Lantern Festival"), _feast, _chinese("lunar_new_year", 14), (0, 0), CHINESE),
    Rule("valentines-day", lazy("Valentine's Day"), _feast, _on(2, 14), (7, 0)),
    Rule("womens-day", lazy("International Women's Day"), _feast, _on(3, 8), (3, 0)),
    Rule("white-day", lazy("White Day"), _feast, _on(3, 14), (5, 0), frozenset({"JP", "KR", "TW"})),
    Rule("st-patricks-day", lazy("Saint Patrick's Day"), _feast, _on(3, 17), (3, 0), frozenset({"US", "IE", "GB"})),
    Rule("holi", lazy("Holi"), _feast, _hindu("holi"), (1, 0), frozenset({"IN", "NP"})),
    Rule("easter", lazy("Easter"), _feast, _easter, (2, 1), CHRISTIAN),
    Rule("ramadan", lazy("Ramadan"), _feast, _islamic("ramadan_beginning"), _ramadan_window, MUSLIM | {"SG"}),
    Rule("eid-al-fitr", lazy("Eid al-Fitr"), _feast, _islamic("eid_al_fitr"), (0, 2), MUSLIM | {"SG"}),
    Rule("eid-al-adha", lazy("Eid al-Adha"), _feast, _islamic("eid_al_adha"), (0, 3), MUSLIM | {"SG"}),
    Rule("golden-week", lazy("Golden Week"), _feast, _on(4, 29), (0, 6), frozenset({"JP"})),
    Rule(
        "mothers-day",
        lazy("Mother's Day"),
        _feast,
        _by_country(
            _second_sunday_of_may,
            GB=_western_easter(-21),
            IE=_western_easter(-21),
            FR=_french_mothers_day,
            ES=_weekday(5, SUNDAY, 1),
            PT=_weekday(5, SUNDAY, 1),
            HU=_weekday(5, SUNDAY, 1),
            RO=_weekday(5, SUNDAY, 1),
            LT=_weekday(5, SUNDAY, 1),
            SE=_weekday(5, SUNDAY, -1),
            NO=_weekday(2, SUNDAY, 2),
            PL=_on(5, 26),
            MX=_on(5, 10),
            GT=_on(5, 10),
            SV=_on(5, 10),
            AR=_weekday(10, SUNDAY, 3),
            KR=_on(5, 8),
            TH=_on(8, 12),
            ID=_on(12, 22),
            BG=_on(3, 8),
            RU=_weekday(11, SUNDAY, -1),
            AE=_arab_mothers_day,
            SA=_arab_mothers_day,
            QA=_arab_mothers_day,
            KW=_arab_mothers_day,
            BH=_arab_mothers_day,
            OM=_arab_mothers_day,
            JO=_arab_mothers_day,
            EG=_arab_mothers_day,
            LB=_arab_mothers_day,
            IQ=_arab_mothers_day,
        ),
        (10, 0),
    ),
    Rule("520", lazy("520, I love you day"), _shop, _on(5, 20), (4, 0), CHINA),
    Rule("memorial-day", lazy("Memorial Day sale"), _shop, _weekday(5, MONDAY, -1), (3, 0), frozenset({"US"})),
    Rule("childrens-day", lazy("Children's Day"), _feast, _by_country(_on(6, 1), JP=_on(5, 5), KR=_on(5, 5)), (5, 0),
         frozenset({"CN", "JP", "KR"})),
    Rule("dragon-boat", lazy("Dragon Boat Festival"), _feast, _chinese("dragon_boat"), (2, 0), CHINESE - {"SG", "MY"}),
    Rule("618", lazy("618 shopping festival"), _shop, _on(6, 18), (17, 0), CHINA),
    Rule(
        "fathers-day",
        lazy("Father's Day"),
        _feast,
        _by_country(
            _third_sunday_of_june,
            AU=_weekday(9, SUNDAY, 1),
            NZ=_weekday(9, SUNDAY, 1),
            DE=_western_easter(39),
            ES=_on(3, 19),
            PT=_on(3, 19),
            IT=_on(3, 19),
            AT=_weekday(6, SUNDAY, 2),
            BE=_weekday(6, SUNDAY, 2),
            BR=_weekday(8, SUNDAY, 2),
            TW=_on(8, 8),
            PL=_on(6, 23),
            SE=_weekday(11, SUNDAY, 2),
            NO=_weekday(11, SUNDAY, 2),
            FI=_weekday(11, SUNDAY, 2),
            TH=_on(12, 5),
        ),
        (10, 0),
    ),
    Rule("summer-sales", lazy("Summer sales"), _shop, _french_summer_sales, (0, 27), frozenset({"FR"})),
    Rule("eofy-sale", lazy("End of financial year sale"), _shop, _on(6, 30), (14, 0), frozenset({"AU"})),
    Rule("independence-day", lazy("Independence Day sale"), _shop, _on(7, 4), (4, 0), frozenset({"US"})),
    Rule("qixi", lazy("Qixi Festival"), _feast, _qixi, (5, 0), CHINESE - {"SG", "MY"}),
    Rule("obon", lazy("Obon"), _feast, _on(8, 13), (0, 3), frozenset({"JP"})),
    Rule(
        "back-to-school",
        lazy("Back to school"),
        _shop,
        _by_country(
            _on(9, 1),
            US=_weekday(8, MONDAY, 1),
            CA=_weekday(8, MONDAY, -1),
            AU=_weekday(1, MONDAY, 4),
            NZ=_weekday(1, MONDAY, 4),
            JP=_on(4, 1),
            IN=_on(6, 1),
        ),
        (14, 21),
        EUROPE | ENGLISH | CHINA | {"JP", "IN", "HK", "TW"},
    ),
    Rule("labor-day", lazy("Labor Day sale"), _shop, _weekday(9, MONDAY, 1), (3, 0), frozenset({"US"})),
    Rule("double-9", lazy("9.9 sale"), _shop, _on(9, 9), (2, 0), SOUTH_EAST_ASIA),
    Rule("mid-autumn", lazy("Mid-Autumn Festival"), _feast, _chinese("mid_autumn"), (10, 0), CHINESE | {"VN", "KR"}),
    Rule("national-day", lazy("National Day golden week"), _feast, _on(10, 1), (0, 6), CHINA),
    Rule("double-ninth", lazy("Double Ninth Festival"), _feast, _chinese("double_ninth"), (2, 0), frozenset({"CN", "HK", "MO"})),
    Rule("double-10", lazy("10.10 sale"), _shop, _on(10, 10), (2, 0), SOUTH_EAST_ASIA),
    Rule("diwali", lazy("Diwali"), _feast, _hindu("diwali_india"), (2, 2), frozenset({"IN", "NP", "LK", "MU", "SG", "MY"})),
    Rule("halloween", lazy("Halloween"), _feast, _on(10, 31), (14, 0), ENGLISH),
    Rule("double-11", lazy("Double 11, Singles' Day"), _shop, _on(11, 11), (10, 0), CHINESE | SOUTH_EAST_ASIA),
    Rule(
        "thanksgiving",
        lazy("Thanksgiving"),
        _feast,
        _by_country(_weekday(11, THURSDAY, 4), CA=_weekday(10, MONDAY, 2)),
        (2, 0),
        frozenset({"US", "CA"}),
    ),
    # The day after the fourth Thursday of November, everywhere, also where nobody keeps Thanksgiving.
    Rule("black-friday", lazy("Black Friday"), _shop, _weekday(11, THURSDAY, 4, 1), (4, 3),
         CHRISTIAN | GULF | (ELSEWHERE - {"KR", "TW"})),
    Rule("cyber-monday", lazy("Cyber Monday"), _shop, _weekday(11, THURSDAY, 4, 4), (0, 0), CHRISTIAN | GULF | {"JP", "IL"}),
    Rule("sinterklaas", lazy("Sinterklaas"), _feast, _on(12, 5), (21, 0), frozenset({"NL", "BE"})),
    Rule("double-12", lazy("Double 12"), _shop, _on(12, 12), (2, 0), CHINESE | SOUTH_EAST_ASIA),
    Rule("hanukkah", lazy("Hanukkah"), _feast, _hanukkah, (0, 7), frozenset({"IL", "US"})),
    Rule("christmas", lazy("Christmas"), _feast, _on(12, 25), (24, 0), CHRISTIAN | ELSEWHERE | CHINA),
    Rule("boxing-day", lazy("Boxing Day sale"), _shop, _on(12, 26), (0, 5), ENGLISH - {"US"} | {"ZA"}),
)  # fmt: skip

PUBLIC_PREFIX = "public-"

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

# --------------------------------------------------------------------------------------------------------------------
# What is asked


def occasions(country: str, year: int, *, everywhere: bool = False) -> list[Occasion]:
    """The occasions of `country` in `year`, by day: feasts, shopping days, and its other public holidays.

    With `everywhere`, also what is kept elsewhere only (``local`` false): a shop abroad may sell on 618 too. Names are in the
    active language. Raises `Invalid` for a year outside the tables.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Invalid(
            _("Occasions are known from %(first)d to %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR},
            field="year",
        )
    own = [o for rule in RULES for o in _of_rule(rule, country, year) if o.local or everywhere]
    kept = [o for o in own if o.local]
    taken = {o.day for o in kept}
    for o in kept:
        if o.kind is Kind.FEAST and (o.last - o.first).days < 10:
            taken.update(o.first + timedelta(days=n) for n in range((o.last - o.first).days + 1))
    public = [o for o in _public(country, year) if o.day not in taken]
    return sorted([*own, *public], key=lambda o: (o.day, o.key))


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
            if occasion.key == key and (year is not None or occasion.day >= today):
                return occasion
    raise Invalid(
        _("There is no occasion “%(key)s”. Choose one of the calendar, for example black-friday, or give a date.")
        % {"key": key},
        field="anchor",
        code="unknown_occasion",
    )


def _of_rule(rule: Rule, country: str, year: int) -> Iterator[Occasion]:
    local = rule.countries is None or country in rule.countries
    for day, estimated in rule.when(year, country):
        first, last = rule.bounds(day)
        yield Occasion(rule.key, str(rule.name), rule.kind, day, first, last, estimated, local)


def _public(country: str, year: int) -> list[Occasion]:
    """Public holidays, days in a row under one name as one."""
    language = (get_language() or "en").lower()
    merged: list[Occasion] = []
    for day, key, name, estimated in _public_days(country, year, language):
        before = merged[-1] if merged else None
        if before and before.key == key and before.last + timedelta(days=1) == day:
            merged[-1] = Occasion(
                key, before.name, Kind.PUBLIC, before.day, before.first, day, before.estimated or estimated
            )
        else:
            merged.append(Occasion(key, name, Kind.PUBLIC, day, day, day, estimated))
    return merged


@lru_cache(maxsize=256)
def _public_days(country: str, year: int, language: str) -> tuple[tuple[date, str, str, bool], ...]:
    english = _calendar(country, year, "en")
    if english is None:
        return ()
    local = english if language.startswith("en") else _calendar(country, year, language) or english
    days = []
    for day, names in sorted(english.items()):
        titles = [name for name in names.split("; ") if "(observed" not in name]
        if not titles:
            continue
        title = titles[0].replace(" (estimated)", "")
        shown = local.get(day, title).split("; ")[0] if local is not english else title
        days.append((day, PUBLIC_PREFIX + slugify(title), shown, "(estimated)" in titles[0]))
    return tuple(days)


def _calendar(country: str, year: int, language: str) -> dict[date, str] | None:
    """The public holidays of a country, in the variant of `language` the library has; None for a country it lacks."""
    languages = _languages().get(country)
    if languages is None:
        return None
    wanted = {"en": ("en_US", "en_GB", "en"), "zh-hans": ("zh_CN", "zh")}.get(language, (language.replace("-", "_"),))
    chosen = next((name for name in wanted if name in languages), None) or next(
        (name for name in languages if name.startswith("en")), None
    )
    found = holidays.country_holidays(
        country, years=year, language=chosen, categories=["public", *filter(None, [GENERAL.get(country)])]
    )
    return {day: found[day] for day in found if day.year == year}


@cache
def _languages() -> dict[str, list[str]]:
    supported = holidays.list_localized_countries()
    return {country: supported.get(country, []) for country in holidays.list_supported_countries(include_aliases=False)}
