"""The days themselves, against published calendars."""

import re
from datetime import date, timedelta

import holidays
import pytest
from django.utils.translation import override

from campaigns.planning.occasions import FIRST_YEAR, LAST_YEAR, Kind, between, days, find, occasions, public, table
from campaigns.planning.occasions.public import GENERAL
from core import countries
from core.errors import Invalid

TODAY = date(2026, 11, 22)

# 2024 … 2032, month-day. Lunar dates: Hong Kong Observatory's conversion table. Easter: the tables of the US Naval Observatory.
# Thanksgiving and the rest: counted on a printed calendar. Diwali: Government of India. Islamic dates are expectations.
GOLDEN = {
    ("CN", "lunar-new-year"): "02-10 01-29 02-17 02-06 01-26 02-13 02-03 01-23 02-11",
    ("CN", "lantern-festival"): "02-24 02-12 03-03 02-20 02-09 02-27 02-17 02-06 02-25",
    ("CN", "dragon-boat"): "06-10 05-31 06-19 06-09 05-28 06-16 06-05 06-24 06-12",
    ("CN", "qixi"): "08-10 08-29 08-19 08-08 08-26 08-16 08-05 08-24 08-12",
    ("CN", "mid-autumn"): "09-17 10-06 09-25 09-15 10-03 09-22 09-12 10-01 09-19",
    ("CN", "618"): "06-18 " * 9,
    ("CN", "double-11"): "11-11 " * 9,
    ("SG", "double-12"): "12-12 " * 9,
    ("CN", "lunar-new-year-eve"): "02-09 01-28 02-16 02-05 01-25 02-12 02-02 01-22 02-10",
    ("TW", "lunar-new-year-eve"): "02-09 01-28 02-16 02-05 01-25 02-12 02-02 01-22 02-10",
    ("KR", "lunar-new-year"): "02-10 01-29 02-17 02-07 01-27 02-13 02-03 01-23 02-11",
    ("CN", "dongzhi"): "12-21 12-21 12-22 12-22 12-21 12-21 12-22 12-22 12-21",
    ("CN", "consumer-day"): "03-15 " * 9,
    ("CN", "818"): "08-18 " * 9,
    ("KR", "parents-day"): "05-08 " * 9,
    ("KR", "pepero-day"): "11-11 " * 9,
    ("CH", "fathers-day"): "06-02 06-01 06-07 06-06 06-04 06-03 06-02 06-01 06-06",
    ("CA", "victoria-day"): "05-20 05-19 05-18 05-24 05-22 05-21 05-20 05-19 05-24",
    ("GB", "summer-bank-holiday"): "08-26 08-25 08-31 08-30 08-28 08-27 08-26 08-25 08-30",
    ("AU", "melbourne-cup"): "11-05 11-04 11-03 11-02 11-07 11-06 11-05 11-04 11-02",
    ("BR", "carnival"): "02-13 03-04 02-17 02-09 02-29 02-13 03-05 02-25 02-10",
    ("BR", "dia-dos-namorados"): "06-12 " * 9,
    ("CO", "amor-y-amistad"): "09-21 09-20 09-19 09-18 09-16 09-15 09-21 09-20 09-18",
    ("US", "giving-tuesday"): "12-03 12-02 12-01 11-30 11-28 11-27 12-03 12-02 11-30",
    ("US", "easter"): "03-31 04-20 04-05 03-28 04-16 04-01 04-21 04-13 03-28",
    ("GR", "easter"): "05-05 04-20 04-12 05-02 04-16 04-08 04-28 04-13 05-02",
    ("US", "mothers-day"): "05-12 05-11 05-10 05-09 05-14 05-13 05-12 05-11 05-09",
    ("GB", "mothers-day"): "03-10 03-30 03-15 03-07 03-26 03-11 03-31 03-23 03-07",
    ("FR", "mothers-day"): "05-26 05-25 05-31 05-30 05-28 05-27 05-26 05-25 05-30",
    ("US", "fathers-day"): "06-16 06-15 06-21 06-20 06-18 06-17 06-16 06-15 06-20",
    ("US", "thanksgiving"): "11-28 11-27 11-26 11-25 11-23 11-22 11-28 11-27 11-25",
    ("CA", "thanksgiving"): "10-14 10-13 10-12 10-11 10-09 10-08 10-14 10-13 10-11",
    ("DE", "black-friday"): "11-29 11-28 11-27 11-26 11-24 11-23 11-29 11-28 11-26",
    ("US", "cyber-monday"): "12-02 12-01 11-30 11-29 11-27 11-26 12-02 12-01 11-29",
    ("FR", "winter-sales"): "01-10 01-08 01-07 01-06 01-12 01-10 01-09 01-08 01-07",
    ("FR", "summer-sales"): "06-26 06-25 06-24 06-23 06-28 06-27 06-26 06-25 06-23",
    ("IN", "diwali"): "10-31 10-20 11-08 10-29 10-17 11-05 10-26 11-14 11-02",
    ("AE", "eid-al-fitr"): "04-10 03-30 03-20 03-09 02-26 02-14 02-04 01-24 01-14",
    ("AE", "eid-al-adha"): "06-16 06-06 05-27 05-16 05-05 04-24 04-13 04-02 03-22",
}


@pytest.mark.parametrize(
    ("place", "days"), GOLDEN.items(), ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
def test_golden_days(place, days):
    country, key = place
    for year, day in zip(range(2024, 2033), days.split(), strict=True):
        found = [o.day for o in occasions(country, year) if o.key == key]
        assert found == [date.fromisoformat(f"{year}-{day}")], year


def test_ramadan_falls_twice_into_2030_and_each_ends_before_eid():
    both = [o for o in occasions("AE", 2030) if o.key == "ramadan"]
    assert [o.day for o in both] == [date(2030, 1, 5), date(2030, 12, 26)]
    assert [o.last for o in both] == [date(2030, 2, 3), date(2031, 1, 23)]
    assert all(o.estimated for o in both)


def test_french_mothers_day_gives_way_to_pentecost():
    assert find("FR", "mothers-day", 2020, today=TODAY).day == date(2020, 6, 7)


def test_windows_of_more_than_one_day():
    window = {o.key: (o.first, o.last) for o in occasions("CN", 2027)}
    assert window["618"] == (date(2027, 6, 1), date(2027, 6, 18))
    assert window["national-day"] == (date(2027, 10, 1), date(2027, 10, 7))
    assert window["lunar-new-year"] == (date(2027, 2, 5), date(2027, 2, 12))


@pytest.mark.parametrize("country", ["US", "GB", "DE", "CN", "JP", "AE", "IN", "BR", "XX"])
def test_every_year_of_every_country_makes_sense(country):
    for year in (FIRST_YEAR, 2026, LAST_YEAR):
        found = occasions(country, year)
        assert found == sorted(found, key=lambda o: (o.day, o.key))
        assert all(o.first <= o.day <= o.last and o.day.year == year and o.name for o in found)
        assert len({(o.key, o.day) for o in found}) == len(found)


def test_a_country_keeps_its_own_and_may_look_elsewhere():
    own = {o.key for o in occasions("US", 2027)}
    assert "black-friday" in own
    assert "618" not in own
    elsewhere = {o.key: o.local for o in occasions("US", 2027, everywhere=True)}
    assert elsewhere["618"] is False
    assert elsewhere["black-friday"] is True


def test_public_holidays_fill_up_the_rest_in_the_readers_language():
    public = [o for o in occasions("CN", 2027) if o.kind is Kind.PUBLIC]
    assert [o.key for o in public] == ["public-tomb-sweeping-day", "public-labor-day"]
    with override("zh-hans"):
        assert [o.name for o in occasions("CN", 2027) if o.kind is Kind.PUBLIC] == ["清明节", "劳动节"]


def test_the_next_one_that_is_not_over():
    assert find("US", "black-friday", today=TODAY).day == date(2026, 11, 27)
    assert find("US", "black-friday", today=date(2026, 11, 28)).day == date(2027, 11, 26)
    assert find("US", "public-veterans-day", 2027, today=TODAY).day == date(2027, 11, 11)


def test_an_occasion_is_found_by_the_name_it_had_as_a_public_holiday():
    assert find("CA", "public-victoria-day", 2027, today=TODAY).key == "victoria-day"


def test_an_unknown_occasion_or_year_is_said():
    with pytest.raises(Invalid, match="no occasion"):
        find("US", "second-breakfast", today=TODAY)
    with pytest.raises(Invalid, match="2075"):
        occasions("US", 2101)


def test_what_touches_a_range():
    keys = {o.key for o in between("US", date(2026, 12, 30), date(2027, 1, 2))}
    assert {"new-year"} <= keys
    assert "christmas" not in keys


# The Government of the Hong Kong SAR's list of general holidays for 2026 (Cap. 149), days alone.
HONG_KONG_2026 = "01-01 02-17 02-18 02-19 04-03 04-04 04-06 04-07 05-01 05-25 06-19 07-01 09-26 10-01 10-19 12-25 12-26"


def test_every_general_holiday_of_hong_kong_is_an_occasion():
    wanted = {date.fromisoformat(f"2026-{day}") for day in HONG_KONG_2026.split()}
    found = occasions("HK", 2026)
    kept = {date.fromordinal(n) for o in found for n in range(o.first.toordinal(), o.last.toordinal() + 1)}
    assert wanted - kept == set()
    public = {(o.key, o.day) for o in found if o.kind is Kind.PUBLIC}
    assert ("public-good-friday", date(2026, 4, 3)) in public


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("BR", "2026-02-18", "ash-wednesday"),
        ("CA", "2026-11-11", "remembrance-day"),
        ("CR", "2026-08-02", "feast-of-our-lady-of-the-angels"),
        ("MO", "2026-04-03", "good-friday"),
        ("UA", "2026-08-24", "independence-day"),
        ("UY", "2026-10-12", "cultural-diversity-day"),
    ],
)
def test_general_holidays_that_stand_in_another_category(country, day, name):
    found = {(o.key, o.first, o.last) for o in occasions(country, 2026) if o.kind is Kind.PUBLIC}
    when = date.fromisoformat(day)
    assert any(key == f"public-{name}" and first <= when <= last for key, first, last in found), sorted(found)


# Looked through in holidays 0.108: what else there is, and is not general (half days, schools, banks' balance days, working
# days, faiths, armed forces, the state's own offices, days of observance).
NOT_GENERAL = """
AD government|AE government optional|AM workday|AR armenian bank government hebrew islamic|AS unofficial|AT bank protestant
AU bank half_day school|AX unofficial workday|AZ workday|BE bank school|BG half_day school|BJ workday|BY workday|CA optional
CH de_facto half_day optional|CL bank|CN half_day|CV optional|CW half_day|CY bank optional|DE catholic school|DK optional
DZ christian hebrew|EE half_day|EG government school|ER government|ET workday|FI unofficial workday|FJ workday
FK government workday|FO half_day|GL optional|GR half_day|GU unofficial|HT optional|ID government|IE optional
IL optional school|IN government optional optional_women|IQ christian hebrew sabian yazidi|IS half_day|IT half_day|JP bank
KE hindu islamic|KG workday|KN half_day workday|KR bank|LA bank school workday|LB bank government|LI bank
LK bank government workday|LU bank|LY workday|ME catholic hebrew islamic orthodox workday
MK albanian bosnian catholic hebrew islamic orthodox roma serbian turkish vlach|MN workday|MO government|MP unofficial
NE optional|NL optional|NP workday|PH workday|PN government workday|PR government half_day unofficial|PS catholic orthodox
PT optional|PW armed_forces half_day|PY government|QA bank|SE bank optional|SH government|SI workday|SK workday|SM bank
SS islamic|TG workday|TH armed_forces bank government school workday|TL government workday|TR half_day
TW government optional school workday|TZ bank|UM unofficial|US government half_day unofficial|VI unofficial|YE school workday
"""


def test_every_category_of_every_country_was_looked_at():
    """A new release that moves holidays to another category is seen here."""
    looked_at = {
        line.split()[0]: set(line.split()[1:]) for row in NOT_GENERAL.split("\n") for line in row.split("|") if line
    }
    for country, category in GENERAL.items():
        looked_at.setdefault(country, set()).add(category)
    there = {
        country: set(getattr(holidays, country).supported_categories) - {"public"}
        for country in holidays.list_supported_countries(include_aliases=False)
    }
    assert {country: found for country, found in there.items() if found} == looked_at


KNOWN = holidays.list_supported_countries(include_aliases=False)
YEARS = range(2024, 2033)


def test_every_country_has_the_public_holidays_of_the_library():
    for country in KNOWN:
        for year in YEARS:
            wanted = holidays.country_holidays(country, years=year, observed=False, language="en_US")
            wrong = {(where, day): right for (where, _name, day), right in table.corrections().items()}
            kept = set()
            for o in occasions(country, year):
                kept |= {date.fromordinal(n) for n in range(o.first.toordinal(), o.last.toordinal() + 1)}
            missing = {day: name for day, name in wanted.items() if wrong.get((country, day), day) not in kept}
            assert not missing, country


# --------------------------------------------------------------------------------------------------------------------
# Whose day it is


def test_a_country_without_a_rule_shows_another_country_s_day_only_where_it_asks_for_it():
    assert not [o for o in occasions("IR", 2027) if o.key in {"mothers-day", "fathers-day"}]
    shown = {o.key: o for o in occasions("IR", 2027, everywhere=True)}
    assert (shown["mothers-day"].local, shown["mothers-day"].country) == (False, "US")


def test_no_country_takes_the_day_of_mothers_or_fathers_from_another():
    """A country keeps a day by a row that names it; “everywhere” is for days that have no other date anywhere."""
    for rule in table.rules():
        if rule.countries is None:
            assert rule.entry.key in {"new-year", "new-year-eve", "valentines-day", "womens-day"}
    for country in countries.codes():
        ruled = {rule.entry.key for rule in table.rules() if rule.countries and country in rule.countries}
        for occasion in occasions(country, 2027):
            if occasion.key in {"mothers-day", "fathers-day", "parents-day"}:
                assert occasion.key in ruled, country


def test_a_country_finds_a_day_by_one_rule_only():
    for country in countries.codes():
        keys = [rule.entry.key for rule in table.rules() if rule.kept_in(country)]
        assert len(keys) == len(set(keys)), (country, sorted(key for key in keys if keys.count(key) > 1))


def test_korea_keeps_one_day_for_both_parents():
    kept = {o.key: o.day for o in occasions("KR", 2027)}
    assert kept["parents-day"] == date(2027, 5, 8)
    assert not {"mothers-day", "fathers-day"} & set(kept)


# --------------------------------------------------------------------------------------------------------------------
# A feast and its neighbours


@pytest.mark.parametrize(
    ("country", "year", "key", "day"),
    [
        ("DE", 2027, "public-good-friday", "03-26"),
        ("DE", 2027, "public-easter-monday", "03-29"),
        ("DE", 2027, "christmas-eve", "12-24"),
        ("DE", 2027, "public-second-day-of-christmas", "12-26"),
        ("GB", 2027, "public-good-friday", "03-26"),
        ("HK", 2030, "lunar-new-year", "02-03"),
        ("HK", 2030, "lunar-new-year-eve", "02-02"),
        ("HK", 2030, "public-the-second-day-of-chinese-new-year", "02-04"),
        ("HK", 2030, "mid-autumn", "09-12"),
        ("HK", 2026, "public-the-day-following-good-friday", "04-04"),
        ("KR", 2027, "public-the-second-day-of-korean-new-year", "02-08"),
        ("MO", 2027, "public-the-day-before-easter", "03-27"),
    ],
)
def test_what_stands_beside_a_feast_can_be_an_anchor(country, year, key, day):
    assert find(country, key, year, today=TODAY).day == date.fromisoformat(f"{year}-{day}")


def test_of_two_days_of_one_name_the_feast_is_the_later():
    """Taiwan gives a day off before the eve, which the library calls by the same name."""
    for year in YEARS:
        eves = [
            o
            for o in occasions("TW", year)
            if "Eve" in o.name and "New Year" in o.name and not o.in_lieu and o.day.month < 3
        ]
        assert [(o.key, o.day) for o in eves] == [
            ("lunar-new-year-eve", find("TW", "lunar-new-year", year, today=TODAY).day - timedelta(days=1))
        ]


def test_days_off_under_the_name_of_a_feast_are_in_its_window():
    """Romania's Christmas has two days; the second is no occasion of its own and is not lost either."""
    christmas = find("RO", "christmas", 2027, today=TODAY)
    assert (christmas.day, christmas.last) == (date(2027, 12, 25), date(2027, 12, 26))


def test_a_day_off_in_place_of_a_feast_is_not_the_feast():
    epiphany = [o for o in occasions("CO", 2027) if "epiphany" in o.key]
    assert [(o.key, o.day, o.kind, o.in_lieu) for o in epiphany] == [
        ("public-epiphany", date(2027, 1, 6), Kind.FEAST, False),
        ("public-epiphany-day-off", date(2027, 1, 11), Kind.PUBLIC, True),
    ]
    with override("zh-hans"):
        assert [o.name for o in occasions("CO", 2027) if "epiphany" in o.key] == ["主显节", "主显节补假"]


def test_every_feast_of_the_table_is_there_whatever_day_of_the_week_it_is():
    """Moved, observed or given back on Monday: the feast itself stands on its own day in every year."""
    for country in countries.codes():
        for rule in table.rules_of(country).values():
            if rule.entry.kind is not Kind.FEAST or rule.sighted:
                continue
            for year in YEARS:
                if year >= rule.since:
                    found = {o.day for o in occasions(country, year) if o.key == rule.entry.key}
                    assert found == {day for day, _estimated in rule.when(year)}, (country, rule.entry.key, year)


# --------------------------------------------------------------------------------------------------------------------
# What shops ask for, and how sure it is


def test_a_window_that_was_announced_takes_the_place_of_the_expected_one():
    announced = find("MX", "el-buen-fin", 2025, today=TODAY)
    assert (announced.first, announced.last, announced.proclaimed) == (date(2025, 11, 13), date(2025, 11, 17), False)
    expected = find("MX", "el-buen-fin", 2028, today=TODAY)
    assert (expected.first, expected.last, expected.proclaimed) == (date(2028, 11, 17), date(2028, 11, 20), True)
    assert find("US", "prime-day", 2026, today=TODAY).day == date(2026, 6, 23)
    assert find("US", "prime-day", 2027, today=TODAY).proclaimed


def test_what_is_not_kept_in_the_whole_country_is_marked():
    marked = {(c, o.key) for c in ("GB", "AU", "DE", "IT") for o in occasions(c, 2027) if o.regional}
    assert {
        ("GB", "summer-bank-holiday"),
        ("AU", "melbourne-cup"),
        ("DE", "rose-monday"),
        ("IT", "winter-sales"),
    } <= marked


def test_singles_day_is_where_it_is_kept():
    by = {
        c: {o.key for o in occasions(c, 2027) if (o.day.month, o.day.day) == (11, 11)}
        for c in ("CN", "DE", "KR", "JP", "US")
    }
    assert "double-11" in by["CN"]
    assert "singles-day" in by["DE"]
    assert by["KR"] == {"pepero-day"}
    assert {"pocky-day", "good-shopping-day"} <= by["JP"]
    assert not by["US"] & {"double-11", "singles-day"}


def test_a_shopping_day_does_not_stand_before_its_time():
    assert not [o for o in occasions("CN", 2005) if o.key in {"618", "double-11"}]


def test_laba_is_found_in_the_year_it_falls_into():
    """The twelfth month of a lunar year reaches into the next year of the sun: none in 2027 … would be a lost feast."""
    assert [o.day for o in occasions("CN", 2027) if o.key == "laba"] == [date(2027, 1, 15)]
    assert [o.day for o in occasions("CN", 2030) if o.key == "laba"] == [date(2030, 1, 11)]


def test_ramadan_ends_before_the_country_s_own_eid():
    for country in ("SA", "TR", "ID", "MY", "PK", "MA"):
        for year in YEARS:
            eids = [o.day for near in (year, year + 1) for o in occasions(country, near) if o.key == "eid-al-fitr"]
            for ramadan in [o for o in occasions(country, year) if o.key == "ramadan"]:
                assert ramadan.last + timedelta(days=1) in eids, (country, year)


# --------------------------------------------------------------------------------------------------------------------
# Names and sources


BRANDS = {"Hot", "Sale", "CyberDay", "Click", "Frenzy", "Prime"}
REMARK = re.compile(r"\((?:observed|estimated|in lieu|substitut)|Alternative holiday")


def test_names_are_chinese_on_chinese_screens_and_bare_of_remarks():
    chinese = {entry.chinese for entry in table.entries().values()}
    with override("zh-hans"):
        chinese |= {o.name for country in KNOWN for year in YEARS for o in occasions(country, year)}
    assert not [name for name in chinese if not re.search("[\u4e00-\u9fff]", name)]
    assert not [name for name in chinese if set(re.findall("[A-Za-zÀ-ž]{2,}", name)) - BRANDS]
    english = {o.name for country in KNOWN for year in YEARS for o in occasions(country, year)}
    assert not [name for name in english if REMARK.search(name)]


def test_every_occasion_has_a_source():
    for country in KNOWN:
        for o in occasions(country, 2027, everywhere=True):
            assert o.source and o.source.name and o.source.where.startswith(("http://", "https://")), (country, o)
    used = {rule.source.id for rule in table.rules()} | {one.source.id for one in table.announced().values()}
    used |= {row["source"] for row in table.rows("corrections.csv")} | {"holidays"}
    assert used == set(table.sources())
    assert holidays.__version__ in table.sources()["holidays"].name


@pytest.mark.parametrize(
    "name", ["occasions.csv", "rules.csv", "announced.csv", "names.csv", "corrections.csv", "sources.csv"]
)
def test_the_tables_are_whole(name):
    for row in table.rows(name):
        assert None not in row and None not in row.values(), row
    keys = {rule.entry.key for rule in table.rules()}
    assert keys == set(table.entries())
    assert {key for key, _country, _year in table.announced()} <= keys


def test_names_are_for_what_the_library_has():
    """A name nobody uses any more is found here."""
    used = {run.title for country in KNOWN for year in [*YEARS, 2033] for run in public.runs(country, year)}
    assert {row["english"] for row in table.rows("names.csv")} - used == set()


def test_corrections_are_of_what_the_library_still_says():
    for (country, name, wrong), right in table.corrections().items():
        given = holidays.country_holidays(country, years=wrong.year, language="en_US")
        assert given.get(wrong) == name, "the library was mended: take the row out"
        assert right not in given


# --------------------------------------------------------------------------------------------------------------------
# The notation


@pytest.mark.parametrize(
    ("rule", "year", "day"),
    [
        ("05-08", 2027, "05-08"),
        ("05 sun 2", 2027, "05-09"),
        ("05 mon -1", 2027, "05-31"),
        ("11 thu 4 +1", 2027, "11-26"),
        ("mon before 05-25", 2026, "05-18"),
        ("mon before 05-25", 2027, "05-24"),
        ("fri after 06-18", 2027, "06-25"),
        ("easter", 2027, "03-28"),
        ("easter 39", 2027, "05-06"),
        ("orthodox -48", 2027, "03-15"),
        ("lunar 7-7", 2025, "08-29"),  # a leap sixth month comes before it
        ("lunar 12-8", 2027, "01-15"),
        ("lunar 1-1 -1", 2027, "02-05"),
        ("vietnamese 1-1", 2030, "02-02"),
        ("korean 8-15", 2027, "09-15"),
        ("12-31 +1", 2027, "01-01"),
    ],
)
def test_a_rule_of_the_notation(rule, year, day):
    assert [found for found, _estimated in days.parse(rule)(year)] == [date.fromisoformat(f"{year}-{day}")]


@pytest.mark.parametrize(
    "rule", ["", "05", "13-01", "02-31", "05 day 2", "lunar 13-1", "islamic new_moon", "easter x", "every 8th"]
)
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(ValueError):
        days.parse(rule)
