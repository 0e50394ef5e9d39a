"""The screen “Markets”."""

import pytest
from wagtail.models import ModelLogEntry

from core import roles
from core.models import Market
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
