"""Markets: what is taken, and what is refused with a word on what was meant."""

import pytest

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
