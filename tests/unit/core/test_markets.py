"""Markets: what is taken, and what is refused with a word on what was meant."""

from datetime import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core import countries, markets
from core.errors import Conflict, Invalid
from core.models import Market

GERMANY = {
    "name": "Germany",
    "country": "DE",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "locales": ["en"],
}


@pytest.mark.parametrize(
    ("written", "meant"), [("UK", "GB"), ("us", "US"), ("DEU", "DE"), ("Germany", "DE"), ("中国", "CN"), ("EL", "GR")]
)
def test_what_people_write_for_a_country_is_refused_with_the_code(written, meant):
    with pytest.raises(Invalid, match=meant):
        countries.check(written)


@pytest.mark.parametrize("written", ["XX", "", "Atlantis", "EU", "D", "1"])
def test_what_is_no_country_is_refused(written):
    with pytest.raises(Invalid, match="ISO 3166"):
        countries.check(written)


def test_every_code_of_the_standard_is_taken():
    # ISO 3166-1 has had 249 officially assigned codes since South Sudan (2011).
    assert len(countries.codes()) == 249
    assert all(countries.check(code) == code for code in countries.codes())


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("country", "UK", "GB"),
        ("currency", "eur", "EUR"),
        ("currency", "XYZ", "ISO 4217"),
        ("currency", "DEM", "ISO 4217"),
        ("timezone", "Berlin", "IANA"),
        ("timezone", "+02:00", "IANA"),
        ("locales", [], "languages"),
        ("locales", ["de"], "de"),
        ("name", "  ", "name"),
        ("code", "De Land", "code"),
    ],
)
def test_a_wrong_value_is_refused_and_named(db, field, value, says):
    values = {**GERMANY, field: value}
    with pytest.raises(Invalid, match=says) as refused:
        markets.create(values.pop("code", "de"), values, None)
    assert refused.value.details["field"] == field
    assert not Market.objects.exists()


def test_the_first_market_is_the_default_and_only_one_is(db):
    first = markets.create("de", GERMANY, None)
    second = markets.create("at", {**GERMANY, "name": "Austria", "country": "AT"}, None)
    assert first.is_default
    assert not second.is_default
    markets.change(second, {"is_default": True}, None)
    assert list(Market.objects.filter(is_default=True)) == [second]
    with pytest.raises(Invalid, match="another market"):
        markets.change(second, {"is_default": False}, None)


def test_a_code_is_taken_once(db):
    markets.create("de", GERMANY, None)
    with pytest.raises(Conflict):
        markets.create("de", GERMANY, None)


def test_the_currency_of_a_market_that_counts_already_stays(db, owner):
    from campaigns.planning.services import campaigns

    market = markets.create("de", GERMANY, None)
    markets.change(market, {"currency": "CHF"}, None)
    campaigns.create("Sale", market=market, by=owner)
    with pytest.raises(Invalid, match="CHF"):
        markets.change(market, {"currency": "EUR"}, None)
    markets.change(market, {"currency": "CHF", "name": "Schweiz"}, None)


def said(*words):
    out = StringIO()
    call_command("market", *words, stdout=out)
    return out.getvalue()


def test_markets_by_command(db):
    added = said(
        *("add", "de", "--country", "DE", "--currency", "EUR", "--timezone", "Europe/Berlin", "--languages", "en"),
        *("--good-hours", "10:30-11:30, 15:30-17:00", "--quiet-hours", "21:00-08:00"),
        *("--legal-line", "en=Haus & Leinen GmbH", "--converts"),
    )
    assert added == (
        "de: Germany, DE, EUR, Europe/Berlin, en, good hours 10:30-11:30, 15:30-17:00, quiet hours 21:00-08:00, default\n"
    )
    market = Market.objects.get()
    assert (market.legal_lines, market.converts, market.quiet) == (
        {"en": "Haus & Leinen GmbH"},
        True,
        (time(21), time(8)),
    )
    said("change", "de", "--quiet-hours", "", "--no-converts", "--legal-line", "zh-hans=家")
    market.refresh_from_db()
    assert (market.quiet, market.converts) == (None, False)
    assert market.legal_lines == {"en": "Haus & Leinen GmbH", "zh-hans": "家"}
    assert said("list").startswith("de: Germany")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "gb", "--country", "UK", "--currency", "GBP", "--timezone", "Europe/London", "--languages", "en"), "GB"),
        (("add", "gb", "--country", "GB"), "--currency"),
        (("change", "nowhere", "--name", "X"), "There is no market"),
        (("add", "gb", "--country", "GB", "--currency", "GBP", "--timezone", "Europe/London", "--languages", "en",
          "--quiet-hours", "late"), "span of hours"),
        (("add", "gb", "--country", "GB", "--currency", "GBP", "--timezone", "Europe/London", "--languages", "en",
          "--legal-line", "Who"), "--legal-line"),
    ],
)  # fmt: skip
def test_a_command_with_a_mistake_says_so_and_ends_with_2(db, words, says):
    with pytest.raises(CommandError, match=says) as refused:
        call_command("market", *words)
    assert refused.value.returncode == 2
    assert not Market.objects.exists()


def test_a_page_has_the_legal_line_of_its_market(market):
    market.legal_lines = {"en": "Hearth Inc"}
    market.save()
    german = Market.objects.create(
        code="de",
        name="Germany",
        country="DE",
        currency="EUR",
        locales=["zh-hans", "en"],
        legal_lines={"zh-hans": "家"},
    )
    assert markets.legal_line_of_page("en") == "Hearth Inc"
    assert markets.legal_line_of_page("zh-hans") == "家"
    assert markets.legal_line_of_page("en", german) == "家", "its first language where it says nothing in this one"
    assert markets.legal_line_of_page("fr") == ""
