"""Markets over HTTP."""

import json
from unittest.mock import ANY

import pytest

from core.models import ExchangeRate, Market
from core.services import create_token

BODY = {
    "code": "gb",
    "name": "United Kingdom",
    "country": "GB",
    "currency": "GBP",
    "timezone": "Europe/London",
    "languages": ["en"],
}
OPEN = {"good_hours": [], "quiet_hours": None, "legal_lines": {}, "converts": False}


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
    assert made.json() == {**BODY, **OPEN, "is_default": True, "updated_at": ANY}
    assert ask("GET", "markets/gb").json() == made.json()
    assert ask("GET", "markets").json()["items"] == [made.json()]
    changed = ask("PATCH", "markets/gb", {"languages": ["zh-hans", "en"]})
    assert changed.json() == {**made.json(), "languages": ["zh-hans", "en"], "updated_at": ANY}
    assert changed.json()["updated_at"] > made.json()["updated_at"]


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


def test_hours_legal_lines_and_conversion_are_set_and_taken_away(ask):
    hours = {
        "good_hours": [{"start": "15:30", "end": "17:00"}, {"start": "10:30", "end": "11:30"}],
        "quiet_hours": {"start": "21:00", "end": "08:00"},
        "legal_lines": {"en": "Hearth Ltd, 1 High Street, London"},
        "converts": True,
    }
    made = ask("POST", "markets", {**BODY, **hours}).json()
    assert made["good_hours"] == sorted(hours["good_hours"], key=lambda span: span["start"])
    assert {**made, "good_hours": hours["good_hours"]} == {
        **BODY,
        **hours,
        "is_default": True,
        "updated_at": ANY,
    }
    assert ask("PATCH", "markets/gb", {"quiet_hours": None}).json()["quiet_hours"] is None
    assert ask("PATCH", "markets/gb", {"name": "Britain"}).json()["legal_lines"] == hours["legal_lines"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"good_hours": [{"start": "21:30", "end": "22:30"}], "quiet_hours": {"start": "21:00", "end": "08:00"}},
        {"good_hours": [{"start": "11:00", "end": "10:00"}]},
        {"quiet_hours": {"start": "08:00", "end": "08:00"}},
        {"quiet_hours": {"start": "8 pm", "end": "08:00"}},
        {"quiet_hours": {"start": "21:00"}},
        {"legal_lines": {"xx": "Who?"}},
        {"legal_lines": {"en": "x" * 501}},
    ],
)
def test_hours_and_lines_that_cannot_be_are_refused(ask, wrong):
    answer = ask("POST", "markets", {**BODY, **wrong})
    assert answer.status_code == 422
    assert not Market.objects.exists()


def test_rates_are_stored_corrected_and_listed(ask):
    rate = {"day": "2026-11-26", "base": "EUR", "quote": "USD", "rate": "1.0834", "source": "ECB"}
    assert ask("POST", "rates", {"rates": [rate]}).json() == {"new": 1, "changed": 0}
    assert ask("POST", "rates", {"rates": [rate]}).json() == {"new": 0, "changed": 0}
    corrected = {**rate, "rate": "1.0843"}
    assert ask("POST", "rates", {"rates": [corrected]}).json() == {"new": 0, "changed": 1}
    assert ask("GET", "rates?base=EUR&since=2026-11-01&until=2026-11-30").json()["items"] == [corrected]
    assert ask("GET", "rates?until=2026-11-01").json()["items"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate", "0"),
        ("rate", "-1"),
        ("rate", "NaN"),
        ("rate", "1e3000000"),
        ("rate", "one"),
        ("base", "eur"),
        ("quote", "EUR"),
        ("day", "2999-01-01"),
        ("source", " "),
        ("rate", "0." + "0" * 12 + "1"),
    ],
)
def test_a_rate_that_cannot_be_leaves_none_behind(ask, field, value):
    rate = {"day": "2026-11-26", "base": "EUR", "quote": "USD", "rate": "1.0834", "source": "ECB"}
    answer = ask("POST", "rates", {"rates": [rate, {**rate, field: value}]})
    assert answer.status_code == 422
    assert not ExchangeRate.objects.exists()
