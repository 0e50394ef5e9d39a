"""API tokens: made, listed and revoked by screen, command and API."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from core import clock, roles
from core.models import TokenGrant
from core.services import create_token
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
PAGE = "/admin/settings/api-tokens/"


def ask(client, token, method="GET", path="tokens"):
    return client.generic(method, f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})


def test_a_token_is_made_on_the_screen_and_shown_once(client, owner):
    client.force_login(owner)
    tomorrow = (clock.now() + timedelta(days=1)).date()
    page = client.post(PAGE, {"name": "shop", "scopes": ["tokens:read"], "last_day": tomorrow.isoformat()})
    (token,) = set(re.findall(r"wagtail_[0-9A-Za-z]{30,}", page.content.decode()))
    assert "no-store" in page["Cache-Control"]
    again = client.get(PAGE).content.decode()
    assert token not in again
    assert token[:12] in again
    assert ask(client, token).json()["items"][0]["scopes"] == ["tokens:read"]
    with time_machine.travel(clock.now() + timedelta(days=3)):
        assert ask(client, token).status_code == 401


@pytest.mark.parametrize(
    "change", [{"scopes": ["orders:fly"]}, {"scopes": []}, {"name": "owner"}, {"last_day": "2020-01-01"}, {"name": ""}]
)
def test_what_makes_no_sense_makes_no_token(client, owner, change):
    client.force_login(owner)
    assert client.post(PAGE, {"name": "shop", "scopes": ["orders:read"], **change}).status_code == 200
    assert not TokenGrant.objects.exists()


def test_a_token_is_revoked_on_the_screen(client, owner):
    token = create_token("shop", ["*"])
    client.force_login(owner)
    assert client.post(f"{PAGE}{TokenGrant.objects.get().pk}/revoke/").status_code == 302
    assert ask(client, token).status_code == 401
    assert "revoked" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("group", ["Editors", "Marketers", "Reviewers", "Viewers"])
def test_only_who_may_sees_them(client, db, group):
    token = create_token("shop", ["*"])
    user = make_user("somebody")
    user.groups.add(roles.ensure_roles()[group])
    client.force_login(user)
    assert client.get(PAGE).status_code == 302
    client.post(f"{PAGE}{TokenGrant.objects.get().pk}/revoke/")
    assert ask(client, token).status_code == 200


def test_a_token_is_revoked_over_the_api_and_stays_on_the_list(client):
    admin, shop = create_token("admin", ["tokens:write", "tokens:read"]), create_token("shop", ["orders:read"])
    (of_shop,) = [one for one in ask(client, admin).json()["items"] if one["name"] == "shop"]
    assert ask(client, shop, "DELETE", f"tokens/{of_shop['id']}").status_code == 403
    assert ask(client, admin, "DELETE", f"tokens/{of_shop['id']}").status_code == 204
    assert ask(client, shop, path="orders").status_code == 401
    read = ask(client, admin, path=f"tokens/{of_shop['id']}").json()
    assert not read["works"]
    assert read["revoked_at"]


def test_commands_make_list_and_revoke(capsys, client):
    call_command("create_token", name="shop", scope=["tokens:read"], expires="90")
    token = capsys.readouterr().out.split()[-1]
    assert ask(client, token).status_code == 200
    call_command("list_tokens")
    line = capsys.readouterr().out
    assert token[:12] in line
    assert "tokens:read" in line
    assert token not in line
    call_command("revoke_token", line.split("\t")[0])
    assert ask(client, token).status_code == 401
    capsys.readouterr()
    call_command("list_tokens")
    assert capsys.readouterr().out == ""
    call_command("list_tokens", all=True)
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize("scopes", [["orders:fly"], ["orders:read", "order:read"], ["ORDERS:READ"]])
def test_a_scope_that_there_is_not_is_refused_with_those_that_are(scopes):
    with pytest.raises(CommandError, match="orders:write"):
        call_command("create_token", name="shop", scope=scopes)


@pytest.mark.parametrize("expires", ["2020-01-01", "soon", "99999999999"])
def test_an_end_that_makes_no_sense_is_refused(expires):
    with pytest.raises(CommandError):
        call_command("create_token", name="shop", scope=["*"], expires=expires)


@pytest.mark.parametrize("args", [(), ("77",)])
def test_revoking_nothing_is_said(args):
    with pytest.raises(CommandError):
        call_command("revoke_token", *args)


def test_a_token_that_asks_too_often_waits_and_no_other_does(client, settings):
    settings.ALMANAC_API_PER_MINUTE = 5
    shop, other = create_token("shop", ["*"]), create_token("other", ["*"])
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        assert [ask(client, shop).status_code for _ in range(6)] == [200] * 5 + [429]
        answer = ask(client, shop)
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["Retry-After"] == "12"  # a fifth of a minute
        assert ask(client, other).status_code == 200
        time.shift(timedelta(seconds=12))
        assert [ask(client, shop).status_code for _ in range(2)] == [200, 429]
        time.shift(timedelta(minutes=5))
        assert [ask(client, shop).status_code for _ in range(6)] == [200] * 5 + [429]
        time.shift(timedelta(days=-400))  # somebody sets the clock back: nobody is locked out for a year
        assert [ask(client, shop).status_code for _ in range(6)] == [200] * 5 + [429]


def test_a_body_that_is_too_large_is_a_413(client):
    token = create_token("shop", ["*"])
    headers = {"Authorization": f"Bearer {token}"}
    body = b'{"name": "' + b"x" * (9 * 1024 * 1024) + b'"}'
    answer = client.post("/api/v1/campaigns", body, content_type="application/json", headers=headers)
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    rows = (b'{"external_id": "1", "attributes": {"a": "' + b"x" * 50_000 + b'"}}\n') * 200
    answer = client.post("/api/v1/contacts/bulk", rows, content_type="application/x-ndjson", headers=headers)
    assert answer.status_code == 200


def test_ndjson_that_is_too_large_to_be_kept_under_a_key_says_so(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    headers = {"Authorization": f"Bearer {create_token('shop', ['*'])}", "Idempotency-Key": "k"}
    rows = b'{"external_id": "1"}\n' * 100
    answer = client.post("/api/v1/contacts/bulk", rows, content_type="application/x-ndjson", headers=headers)
    assert answer.status_code == 413
    assert "Idempotency-Key" in answer.json()["detail"]
