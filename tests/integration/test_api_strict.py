"""Nothing that is sent is thrown away without a word: unknown fields and query parameters are refused, on every handle."""

import json
import re

import pytest

from config.api import api
from core.services import create_token

pytestmark = pytest.mark.django_db

OPEN_BY_DESIGN = {
    # Each has a reader of its own that refuses what it does not know; see the tests named.
    ("AccountIn", "settings"),  # the provider's own fields: tests/unit/channels
    ("AccountPatch", "settings"),
    ("SegmentPatch", "rule"),
    ("OfferIn", "translations"),  # campaigns.promotions.services.offers: tests/unit/promotions
    ("OfferPatch", "translations"),
    ("MarketIn", "legal_lines"),  # by language, checked by core.markets: tests/integration/test_api_markets.py
    ("MarketPatch", "legal_lines"),
    ("SegmentIn", "rule"),  # campaigns.audiences.rules: tests/unit/audiences/test_rules.py
}


@pytest.fixture
def ask(client, market):
    token = create_token("robot", ["*"])

    def ask(method, path, body=None, content_type="application/json"):
        sent = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        return client.generic(
            method, path, sent, content_type=content_type, headers={"Authorization": f"Bearer {token}"}
        )

    return ask


def schemas_sent():
    """Every schema that a request body may hold, nested ones too, by the name of its component."""
    described = api.get_openapi_schema()
    components = described["components"]["schemas"]
    waiting = [
        media["schema"]
        for path in described["paths"].values()
        for operation in path.values()
        for media in operation.get("requestBody", {}).get("content", {}).values()
    ]
    found = {}
    while waiting:
        for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop())):
            if name not in found:
                found[name] = components[name]
                waiting.append(components[name])
    return {name: schema for name, schema in found.items() if schema.get("type") == "object"}


def test_every_schema_that_is_sent_refuses_what_it_does_not_know():
    sent = schemas_sent()
    assert {"OrderIn", "LineIn", "MessageIn", "RenditionsIn", "PushIn", "MomentIn", "RejectIn"} <= set(sent)
    assert [name for name, schema in sent.items() if schema.get("additionalProperties") is not False] == []


def test_a_free_object_inside_one_is_open_by_design_only():
    free = {
        (name, field)
        for name, schema in schemas_sent().items()
        for field, about in schema["properties"].items()
        if '"additionalProperties": true' in json.dumps(about)
        or (about.get("type") == "object" and "$ref" not in about)
    }
    assert free <= OPEN_BY_DESIGN


def handles():
    described = api.get_openapi_schema()
    return [
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, operations in described["paths"].items()
        for method in operations
    ]


@pytest.mark.parametrize(("method", "path"), [one for one in handles() if one[0] == "GET"])
def test_every_address_that_is_read_refuses_a_filter_that_does_not_exist(ask, method, path):
    answer = ask(method, f"{path}?stat=live")
    assert answer.status_code == 422, path
    assert "stat" in answer.json()["detail"]
    assert answer.json()["field"] == "stat"


def test_a_write_refuses_a_query_parameter_too(ask):
    assert ask("POST", "/api/v1/segments?dry_run=1", {"name": "All", "rule": {"all": True}}).status_code == 422
    assert ask("POST", "/api/v1/contacts/bulk?dry_run=1", "{}", "application/x-ndjson").status_code == 422


def test_a_declared_one_is_taken(ask):
    assert ask("GET", "/api/v1/channel-accounts?limit=1").status_code == 200


ORDER = {"external_id": "A", "currency": "USD", "total": "1.00"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("orders", {**ORDER, "click_tokn": "x"}, "click_tokn"),
        ("orders", {**ORDER, "email": "ann@example.com"}, "email"),
        ("orders", {**ORDER, "lines": [{"sku": "a", "amount": "1.00", "descripton": "x"}]}, "descripton"),
        ("orders", {**ORDER, "contact": {"external_id": "1", "name": "x"}}, "contact.customer.name: Extra inputs"),
        ("campaigns", {"name": "Sale", "descripton": "x"}, "descripton"),
        ("segments", {"name": "All", "rule": {"all": True}, "descripton": "x"}, "descripton"),
        ("messages", {"name": "M", "renditions": {"sms": {"text": "x"}}}, "sms"),
        ("messages", {"name": "M", "renditions": {"social": {"text": "x", "mood": "y"}}}, "mood"),
        ("channel-accounts", {"provider": "smtp", "name": "M", "settings": {}, "active": True}, "active"),
        ("channel-accounts", {"provider": "smtp", "name": "M", "settings": {"host": "127.0.0.1", "hots": "x"}}, "hots"),
        ("segments", {"name": "All", "rule": {"field": "locale", "value": "en", "cases": 1}}, "comparison"),
        ("segments", {"name": "All", "rule": {"ordered": {"days": 9, "lest": 1}}}, "ordered"),
    ],
)
def test_an_unknown_field_is_named_and_refused(ask, path, body, field):
    answer = ask("POST", f"/api/v1/{path}", body)
    assert answer.status_code == 422, answer.content
    assert field in answer.content.decode()


def test_an_unknown_field_of_a_contacts_row_is_named_in_the_report(ask):
    answer = ask(
        "POST", "/api/v1/contacts/bulk", '{"external_id": "1", "emial": "a@example.com"}', "application/x-ndjson"
    )
    assert answer.json()["refused"] == 1
    assert "emial" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("currency", ["XXL", "EURO", "BTC", "DEM"])
def test_a_currency_that_iso_4217_does_not_know_is_refused(ask, currency):
    answer = ask("POST", "/api/v1/orders", {**ORDER, "currency": currency})
    assert answer.status_code == 422
    assert "ISO 4217" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), [one for one in handles() if one[0] == "POST"])
def test_a_verb_without_fields_takes_none(ask, method, path):
    """“schedule” with a time in it would else be scheduled for another one, and answered with 200."""
    described = api.get_openapi_schema()["paths"]
    (takes,) = [
        "requestBody" in operations["post"]
        for there, operations in described.items()
        if "post" in operations and re.sub(r"\{\w+\}", "1", there) == path
    ]
    if takes:
        return
    answer = ask(method, path, {"starts_at": "2026-12-01T10:00:00Z"})
    assert answer.status_code == 422
    assert "without a body" in answer.json()["detail"]
    assert ask(method, path, {}).status_code == 404
    assert ask(method, path).status_code == 404
