"""The days themselves, against published calendars."""

from datetime import date

import pytest
from django.utils.translation import override

from campaigns.planning.occasions import FIRST_YEAR, LAST_YEAR, Kind, between, find, occasions
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
