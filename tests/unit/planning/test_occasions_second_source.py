"""Every country that `holidays` knows, 2024–2032, against dates of a second source: npm ``date-holidays``.

It has data of its own on public holidays, Mother's Day and Father's Day in 207 countries, and an engine of its own for Easter and
the Chinese, Korean, Vietnamese, Hebrew and Islamic calendars. Where both differ, `disagreements.csv` says which is right and why.
"""

import csv
import json
import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import holidays
import pytest

from campaigns.planning.occasions import days, occasions, public, table
from config import assets

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
KNOWN = holidays.list_supported_countries(include_aliases=False)
YEARS = range(2024, 2033)
SIGHT = timedelta(days=2)
"""How far two reckonings of a feast by the moon may be apart."""
MOONS = re.compile(r"Muharram|Safar|Rabi|Jumada|Rajab|Shaban|Ramadan|Shawwal|Dhu")
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
WEEKDAYS = {
    "mon": "monday",
    "tue": "tuesday",
    "wed": "wednesday",
    "thu": "thursday",
    "fri": "friday",
    "sat": "saturday",
    "sun": "sunday",
}
ORDINALS = ["", "1st", "2nd", "3rd", "4th", "5th"]
OTHER_CALENDARS = {
    "term winter_solstice": "chinese 22-01 solarterm",
    "islamic ramadan_beginning": "1 Ramadan",
    "islamic eid_al_fitr": "1 Shawwal",
    "islamic eid_al_adha": "10 Dhu al-Hijjah",
    "hebrew purim": "14 AdarII",
    "hebrew passover": "15 Nisan",
    "hebrew hanukkah": "25 Kislev",
}
NOT_SAID = {"french-mothers-day", "french-winter-sales", "french-summer-sales"}
"""Rules of law that neither has; test_occasions.py compares them with published dates. The Hindu calendar it lacks too."""


def in_its_words(rule):
    """A rule of ours in the notation of ``date-holidays``, and days to add; None where it has no such calendar."""
    if match := re.fullmatch(r"((?!easter|orthodox).* .*|\d\d-\d\d) ([+-]\d+)", rule):
        whole_rule = re.fullmatch(r"\d\d \w{3} -?\d", rule)
        found = None if whole_rule else in_its_words(match[1])
        if not whole_rule:
            return found and (found[0], found[1] + int(match[2]))
    if rule in NOT_SAID or rule.startswith("hindu"):
        return None
    if rule in OTHER_CALENDARS:
        return OTHER_CALENDARS[rule], 0
    if match := re.fullmatch(r"(\d\d) (\w{3}) (\d)", rule):
        return f"{ORDINALS[int(match[3])]} {WEEKDAYS[match[2]]} in {MONTHS[int(match[1]) - 1]}", 0
    if match := re.fullmatch(r"(\d\d) (\w{3}) -1", rule):
        return f"{WEEKDAYS[match[2]]} before {int(match[1]) + 1:02}-01", 0
    if match := re.fullmatch(r"(\w{3}) before (\d\d-\d\d)", rule):
        return f"{WEEKDAYS[match[1]]} before {match[2]}", 0
    if match := re.fullmatch(r"(\w{3}) after (\d\d)-(\d\d)", rule):
        # Its “after” includes the day itself; its “before” does not.
        return f"{WEEKDAYS[match[1]]} after {match[2]}-{int(match[3]) + 1:02}", 0
    if match := re.fullmatch(r"(easter|orthodox)(?: ([+-]?\d+))?", rule):
        return f"{match[1]} {match[2] or 0}", 0
    if match := re.fullmatch(r"(lunar|korean|vietnamese) (\d+)-(\d+)", rule):
        return f"{match[1].replace('lunar', 'chinese')} {match[2]}-0-{int(match[3]):02}", 0
    assert re.fullmatch(r"\d\d-\d\d", rule), rule
    return rule, 0


@cache
def texts():
    """Our rules as they are written in the table."""
    return sorted({row["rule"] for row in table.rows("rules.csv")})


@pytest.fixture(scope="module")
def second():
    """What it says: by country and year, and the days of each rule."""
    if not (Path(assets.ROOT) / "node_modules" / "date-holidays").is_dir():
        pytest.skip("npm ci has not been run")
    asked = {found[0] for rule in texts() if (found := in_its_words(rule))}
    said = assets.node(
        [str(HERE / "second_source.mjs")],
        said=json.dumps({"years": [YEARS[0], YEARS[-1]], "rules": sorted(asked)}),
    )
    return json.loads(said)


@cache
def disagreements():
    with (HERE / "disagreements.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["country"], row["name"], row["rule"]): row
            for row in csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE)
        }


def test_every_rule_gives_the_days_that_the_second_source_reckons(second):
    """For every rule but four kinds it has no words for; those by the moon's sighting within two days."""
    compared = 0
    for rule in texts():
        said = in_its_words(rule)
        if said is None:
            continue
        theirs = {date.fromisoformat(day) + timedelta(days=said[1]) for day in second["rules"][said[0]]}
        ours = {day for year in YEARS for day, _estimated in days.parse(rule)(year)}
        if rule.startswith("islamic"):
            assert all(any(abs(day - near) <= SIGHT for near in theirs) for day in ours), rule
        else:
            # A day moved over the turn of the year is outside the years asked for.
            inside = {day for day in theirs if YEARS[0] <= day.year <= YEARS[-1]}
            assert ours ^ inside <= {
                day for day in ours | inside if day.month == 1 or (day.month == 12 and day.day > 25)
            }, rule
        compared += 1
    assert compared > 100


def test_every_country_has_each_of_its_occasions_on_the_day_that_the_second_source_reckons(second):
    """Over every country and year: what is listed is what the rules say, so that no country's list loses or moves a day."""
    by_rule = {}
    for row in table.rows("rules.csv"):
        by_rule[days.parse(row["rule"])] = row["rule"]
    compared = 0
    for country in KNOWN:
        for rule in table.rules_of(country).values():
            said = in_its_words(by_rule[rule.when])
            if said is None:
                continue
            theirs = [date.fromisoformat(day) + timedelta(days=said[1]) for day in second["rules"][said[0]]]
            for year in YEARS:
                if year < rule.since or (rule.entry.key, country, year) in table.announced():
                    continue
                ours = [o.day for o in occasions(country, year) if o.key == rule.entry.key]
                near = SIGHT if rule.sighted else timedelta()
                assert ours or rule.entry.key in {"laba", "ramadan", "new-year-goods"}, (country, rule.entry.key, year)
                assert all(any(abs(day - other) <= near for other in theirs) for day in ours), (
                    country,
                    rule.entry.key,
                    year,
                )
                compared += len(ours)
    assert compared > 15_000


PARENTS = {"Mother's Day": "mothers-day", "Father's Day": "fathers-day"}


def test_mothers_and_fathers_day(second):
    """Every country whose days it knows; a country that it knows and we do not is a disagreement too."""
    different, same = set(), set()
    for country in set(KNOWN) & set(second["countries"]):
        for day, _kind, name, rule in second["countries"][country]:
            if name in PARENTS:
                ours = [o.day.isoformat() for o in occasions(country, int(day[:4])) if o.key == PARENTS[name]]
                (same if ours == [day] else different).add((country, name, rule))
    assert different == {key for key in disagreements() if key[1] in PARENTS}
    assert len(same) > 100


def test_public_holidays(second):
    """Every public holiday that it knows is an occasion here, or stands in the table of disagreements with the reason."""
    missing: dict[tuple[str, str, str], set[str]] = {}
    compared = 0
    for country in set(KNOWN) & set(second["countries"]):
        kept = {o.day for year in YEARS for o in occasions(country, year)}
        for year in YEARS:
            for run in public.runs(country, year):
                kept |= {date.fromordinal(n) for n in range(run.first.toordinal(), run.last.toordinal() + 1)}
        for text, kind, name, rule in second["countries"][country]:
            day = date.fromisoformat(text)
            if kind != "public" or "substitute" in name or day.year not in YEARS or name in PARENTS:
                continue
            compared += 1
            near = SIGHT if MOONS.search(rule) else timedelta()
            if not any(day + timedelta(days=n) in kept for n in range(-near.days, near.days + 1)):
                missing.setdefault((country, name, rule), set()).add(text[2:4])
    assert compared > 20_000
    found = {key: " ".join(sorted(years)) for key, years in missing.items()}
    listed = {key: row["years"] for key, row in disagreements().items() if key[1] not in PARENTS}
    assert found == listed


def test_every_disagreement_has_its_reason():
    for row in disagreements().values():
        assert row["right"] in {"ours", "theirs", "open"}, row
        assert len(row["reason"]) > 10, row
