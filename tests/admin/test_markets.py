"""The screen “Markets”."""

import pytest
from wagtail.models import ModelLogEntry

from core import roles
from core.models import ExchangeRate, Market
from tests.conftest import make_user

FORM = {
    "name": "Japan",
    "code": "jp",
    "country": "JP",
    "currency": "JPY",
    "timezone": "Asia/Tokyo",
    "locales": ["en"],
}


def test_a_market_is_made_and_changed_on_the_screen(client, owner):
    client.force_login(owner)
    assert client.post("/admin/markets/new/", FORM).status_code == 302
    market = Market.objects.get(code="jp")
    assert market.is_default  # the first
    page = client.get(f"/admin/markets/edit/{market.pk}/").content.decode()
    assert "Asia/Tokyo" in page
    changed = {**FORM, "name": "日本", "is_default": "on"}
    assert client.post(f"/admin/markets/edit/{market.pk}/", changed).status_code == 302
    assert Market.objects.get(code="jp").name == "日本"
    actions = ModelLogEntry.objects.filter(object_id=str(market.pk)).values_list("action", flat=True)
    assert {"almanac.market.create", "almanac.market.change"} <= set(actions)
    assert "Japan" in client.get("/admin/markets/").content.decode()


def test_what_the_service_refuses_stands_at_its_field(client, owner, market):
    client.force_login(owner)
    answer = client.post("/admin/markets/new/", {**FORM, "code": market.code})
    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
    own = {**FORM, "code": "us", "country": "US", "currency": "USD", "timezone": "America/New_York"}
    answer = client.post(f"/admin/markets/edit/{market.pk}/", own)  # no longer the default, and no other is
    assert "Make another market the default one instead." in answer.content.decode()
    market.refresh_from_db()
    assert market.is_default


@pytest.mark.parametrize(("group", "may"), [("Editors", False), ("Marketers", False), ("Reviewers", False)])
def test_only_who_may_changes_one(client, db, market, group, may):
    user = make_user("somebody")
    user.groups.add(roles.ensure_roles()[group])
    client.force_login(user)
    client.post("/admin/markets/new/", FORM)
    assert Market.objects.filter(code="jp").exists() is may
    assert client.post(f"/admin/markets/delete/{market.pk}/").status_code in {302, 404}
    assert Market.objects.filter(pk=market.pk).exists()


def test_hours_and_legal_lines_are_set_on_the_screen(client, owner, market):
    client.force_login(owner)
    at = f"/admin/markets/edit/{market.pk}/"
    own = {**FORM, "code": "us", "country": "US", "currency": "USD", "timezone": "America/New_York", "is_default": "on"}
    hours = {"good_hours": "20:30-22:30, 10:30-11:30", "quiet_from": "23:00", "quiet_until": "08:00"}
    assert client.post(at, {**own, **hours, "legal_line_en": "Hearth Inc", "converts": "on"}).status_code == 302
    market.refresh_from_db()
    assert market.good_hours == [["10:30", "11:30"], ["20:30", "22:30"]]
    assert (market.quiet_from.hour, market.quiet_until.hour, market.converts) == (23, 8, True)
    assert market.legal_lines == {"en": "Hearth Inc"}
    page = client.get(at).content.decode()
    assert 'value="10:30-11:30, 20:30-22:30"' in page
    assert 'value="23:00"' in page
    assert "Hearth Inc" in page
    clash = client.post(at, {**own, **hours, "quiet_from": "22:00"}).content.decode()
    assert "is a good hour and a quiet one" in clash
    assert "say both, or neither" in client.post(at, {**own, "quiet_from": "22:00"}).content.decode()


def test_rates_are_stored_corrected_and_taken_away_on_the_screen(client, owner):
    client.force_login(owner)
    rate = {"day": "2026-11-26", "base": "EUR", "quote": "USD", "rate": "1.0834", "source": "ECB"}
    assert client.post("/admin/exchange-rates/new/", rate).status_code == 302
    stored = ExchangeRate.objects.get()
    assert "1.0834" in client.get("/admin/exchange-rates/").content.decode()
    assert client.post(f"/admin/exchange-rates/edit/{stored.pk}/", {**rate, "rate": "1.09"}).status_code == 302
    assert str(ExchangeRate.objects.get()) == "2026-11-26: 1 EUR = 1.09 USD"
    refused = client.post("/admin/exchange-rates/new/", {**rate, "quote": "EUR"}).content.decode()
    assert "A rate is of two currencies." in refused
    assert client.post(f"/admin/exchange-rates/delete/{stored.pk}/").status_code == 302
    assert not ExchangeRate.objects.exists()


def test_marketers_store_rates_and_viewers_see_them(client, db):
    groups = roles.ensure_roles()
    for name, may in (("Marketers", True), ("Viewers", False)):
        user = make_user(name.lower())
        user.groups.add(groups[name])
        client.force_login(user)
        assert client.get("/admin/exchange-rates/").status_code == 200
        assert (client.get("/admin/exchange-rates/new/").status_code == 200) is may
