"""Everything that is known of one contact, in one order."""

import json
from datetime import timedelta

import pytest

from campaigns.audiences.models import Contact, Endpoint
from campaigns.audiences.services import consents, suppressions
from core import clock
from core.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, market):
    token = create_token("robot", ["*"])

    def ask(method, path, body=None):
        sent = "" if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {token}"}
        return client.generic(method, f"/api/v1/{path}", sent, content_type="application/json", headers=headers)

    return ask


@pytest.fixture
def ann(ask):
    contact = Contact.objects.create(external_id="1", first_name="Ann")
    Endpoint.objects.create(contact=contact, channel="email", address="a@x.example", recipient_key="k")
    start = clock.now() - timedelta(days=10)
    consents.grant(contact, "email", "form", "Yes", start)
    consents.withdraw(contact, "email", "form", "", start + timedelta(days=3))
    suppressions.suppress("k", "email", "unsubscribed", source="run:1")
    offer = {
        "name": "Sale",
        "currency": "USD",
        "code": "S",
        "starts_at": "2020-01-01T00:00:00Z",
        "ends_at": "2100-01-01T00:00:00Z",
    }
    assert ask("POST", "offers", offer).status_code == 201
    at = (start + timedelta(days=1)).isoformat()
    for number in range(5):  # all at one instant
        order = {"external_id": f"o{number}", "contact": "1", "total": "5.00", "code": "S", "occurred_at": at}
        assert ask("POST", "orders", order).status_code == 201
    refund = {"external_id": "r", "amount": "1.00", "occurred_at": (start + timedelta(days=2)).isoformat()}
    assert ask("POST", "orders/o1/refunds", refund).status_code == 201
    return contact


def test_it_tells_everything_the_newest_first(ask, ann):
    items = ask("GET", "contacts/1/timeline").json()["items"]
    assert [one["kind"] for one in items] == [
        "closed", "withdrawn", "refunded", *["redeemed"] * 5, *["ordered"] * 5, "consented",
    ]  # fmt: skip
    assert items[0]["details"] == {"channel": "email", "reason": "unsubscribed", "source": "run:1"}
    assert items[2]["details"] == {"order": "o1", "refund": "r", "amount_minor": 100, "currency": "USD"}
    assert items[-1]["details"]["wording"] == "Yes"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 13])
def test_pages_hold_every_entry_once_also_of_one_instant(ask, ann, limit):
    whole = ask("GET", "contacts/1/timeline").json()["items"]
    seen, cursor = [], ""
    while cursor is not None:
        answer = ask("GET", f"contacts/1/timeline?limit={limit}{cursor and '&cursor=' + cursor}").json()
        seen += answer["items"]
        cursor = answer["next_cursor"]
    assert seen == whole


def test_nobody_and_the_erased_have_none(ask, ann):
    assert ask("GET", "contacts/2/timeline").status_code == 404
    ask("DELETE", "contacts/1")
    assert ask("GET", "contacts/1/timeline").status_code == 404
