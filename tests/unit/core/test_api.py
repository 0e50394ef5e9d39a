"""Tokens, problem details, pages and repeated writes, over HTTP."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client, override_settings
from django.urls import path
from ninja import NinjaAPI
from wagtail.models import APIToken

from core import clock
from core.api import Router, Schema, bearer, idempotent, install_problem_details
from core.api_lists import Filter, listing
from core.errors import Conflict, TryLater
from core.models import IdempotencyRecord, TokenGrant
from core.services import create_token

router = Router()


class GroupOut(Schema):
    name: str


listing(
    router,
    "/groups",
    "lists:read",
    GroupOut,
    Group.objects.all,
    lambda group: {"name": group.name},
    filters={"name": Filter("name", "Its name.")},
    search=("name",),
    updated="",
)


@router.post("/groups", auth=bearer("lists:write"))
@idempotent
def make_group(request, name: str):
    group = Group.objects.create(name=name)
    if name == "taken":
        raise Conflict("There is one already.")
    return {"id": group.pk}


@router.get("/busy", auth=bearer("lists:read"))
def busy(request):
    raise TryLater("Busy.", retry_at=clock.now() + timedelta(seconds=30))


api = NinjaAPI(urls_namespace="test-core-api", openapi_url="/openapi.json")
install_problem_details(api)
api.add_router("", router)
urlpatterns = [path("api/", api.urls)]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def no_groups(db):
    Group.objects.all().delete()


@pytest.fixture
def token():
    return create_token("robot", ["lists:read", "lists:write"])


def ask(client, method, path, token, **headers):
    return getattr(client, method)(f"/api{path}", headers={"Authorization": f"Bearer {token}", **headers})


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic abc"])
def test_without_a_valid_token_the_answer_is_401(client, header):
    response = client.get("/api/groups", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_token_without_the_scope_is_refused_with_the_scope_named(client):
    response = ask(client, "get", "/groups", create_token("reader", ["orders:read"]))
    assert response.status_code == 403
    assert "lists:read" in response.json()["detail"]


def test_the_star_is_every_scope(client):
    assert ask(client, "get", "/groups", create_token("all", ["*"])).status_code == 200


def test_a_revoked_or_expired_token_is_refused(client, token):
    APIToken.objects.get().revoke()
    assert ask(client, "get", "/groups", token).status_code == 401
    late = create_token("late", ["*"], expires_at=clock.now() - timedelta(seconds=1))
    assert ask(client, "get", "/groups", late).status_code == 401


def test_a_token_survives_a_rotation_of_the_secret_key(client, token, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    assert ask(client, "get", "/groups", token).status_code == 200


def test_a_service_account_cannot_take_a_persons_name(editor):
    with pytest.raises(Conflict):
        create_token("editor", ["*"])


def test_one_service_account_per_name(token):
    create_token("robot", ["*"])
    assert TokenGrant.objects.count() == 2
    assert len({grant.token.user_id for grant in TokenGrant.objects.all()}) == 1


def test_pages_show_every_row_once_though_rows_are_added_meanwhile(client, token):
    Group.objects.bulk_create(Group(name=f"g{number}") for number in range(25))
    seen, cursor = [], ""
    while cursor is not None:
        page = ask(client, "get", f"/groups?limit=10{cursor and '&cursor=' + cursor}", token).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if len(seen) == 10:
            Group.objects.create(name="late")
    assert len(seen) == len(set(seen)) == 26


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1001", "cursor=forged"])
def test_a_wrong_page_is_a_problem_and_no_crash(client, token, query):
    assert ask(client, "get", f"/groups?{query}", token).status_code == 422


def test_a_repeated_write_has_one_effect_and_the_same_answer(client, token):
    first, second = (ask(client, "post", "/groups?name=a", token, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json() == second.json()
    assert Group.objects.count() == 1


def test_the_same_key_for_another_request_is_a_conflict(client, token):
    ask(client, "post", "/groups?name=a", token, **{"Idempotency-Key": "k1"})
    other = ask(client, "post", "/groups?name=b", token, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409
    assert Group.objects.count() == 1


def test_a_failed_write_leaves_nothing_and_may_be_tried_again(client, token):
    for _ in range(2):
        assert ask(client, "post", "/groups?name=taken", token, **{"Idempotency-Key": "k1"}).status_code == 409
    assert not Group.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_keys_of_two_accounts_do_not_meet(client, token):
    ask(client, "post", "/groups?name=a", token, **{"Idempotency-Key": "k1"})
    other = create_token("other", ["*"])
    assert ask(client, "post", "/groups?name=b", other, **{"Idempotency-Key": "k1"}).status_code == 200


def test_try_later_says_when(client, token):
    response = ask(client, "get", "/busy", token)
    assert response.status_code == 503
    assert 25 <= int(response["Retry-After"]) <= 30


@override_settings(ROOT_URLCONF="config.urls")
def test_the_real_api_describes_itself(db):
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    assert response.json()["info"]["title"] == "Almanac"
