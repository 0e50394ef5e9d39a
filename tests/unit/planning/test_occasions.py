"""The days themselves, against published calendars."""

from datetime import date, timedelta

import holidays
import pytest
from django.utils.translation import override

from campaigns.planning.occasions import FIRST_YEAR, GENERAL, LAST_YEAR, Kind, between, find, occasions
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
        ("BR", "2026-02-17", "carnival"),
        ("CA", "2026-05-18", "victoria-day"),
        ("CR", "2026-08-02", "feast-of-our-lady-of-the-angels"),
        ("MO", "2026-04-03", "good-friday"),
        ("PA", "2026-02-16", "carnival-monday"),
        ("SE", "2026-06-19", "midsummer-eve"),
        ("TT", "2026-02-17", "carnival-tuesday"),
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


def test_every_country_has_the_public_holidays_of_the_library():
    for country in holidays.list_supported_countries(include_aliases=False):
        wanted = holidays.country_holidays(country, years=2026, language="en_US")
        found = occasions(country, 2026)
        kept = {date.fromordinal(n) for o in found for n in range(o.first.toordinal(), o.last.toordinal() + 1)}
        missing = {
            day: name
            for day, name in wanted.items()
            if day not in kept and "(observed" not in name and wanted.get(day - timedelta(days=1)) != name
        }
        assert not missing, country
