"""Markets over HTTP."""

import json

import pytest

from core.models import Market
from core.services import create_token

BODY = {
    "code": "gb",
    "name": "United Kingdom",
    "country": "GB",
    "currency": "GBP",
    "timezone": "Europe/London",
    "languages": ["en"],
}


@pytest.fixture
def ask(db, client):
    token = create_token("shop", ["markets:read", "markets:write"])

    def call(method, path, body=None, token=token):
        return client.generic(
            method,
            f"/api/v1/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    return call


def test_a_market_is_made_read_listed_and_changed(ask):
    made = ask("POST", "markets", BODY)
    assert made.status_code == 201
    assert made.json() == {**BODY, "is_default": True}
    assert ask("GET", "markets/gb").json() == made.json()
    assert ask("GET", "markets").json()["items"] == [made.json()]
    changed = ask("PATCH", "markets/gb", {"languages": ["zh-hans", "en"]})
    assert changed.json() == {**made.json(), "languages": ["zh-hans", "en"]}


@pytest.mark.parametrize(
    ("field", "value", "says"), [("country", "UK", "GB"), ("currency", "gbp", "GBP"), ("timezone", "London", "IANA")]
)
def test_what_was_meant_is_told(ask, field, value, says):
    answer = ask("POST", "markets", {**BODY, field: value})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert answer.json()["field"] == field
    assert not Market.objects.exists()


def test_what_is_not_there_is_404_and_a_taken_code_409(ask):
    assert ask("GET", "markets/nowhere").status_code == 404
    assert ask("POST", "markets", BODY).status_code == 201
    assert ask("POST", "markets", BODY).status_code == 409


def test_reading_is_not_writing(ask):
    reader = create_token("reader", ["markets:read"])
    assert ask("GET", "markets", token=reader).status_code == 200
    assert ask("POST", "markets", BODY, token=reader).status_code == 403
