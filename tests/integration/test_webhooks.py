"""The door for providers: signed calls are kept once, everything else leaves no trace."""

import json
import random
import time

import pytest
from django.db import DatabaseError
from django.test import Client

from channels.models import ProviderEvent
from channels.sandbox.keys import kept
from channels.sandbox.sendgrid import signed
from channels.services import accounts
from core import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return kept(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture
def account(keys):
    return accounts.create("sendgrid", "S", keys.account_settings("sendgrid", smtp_port=1, http_port=2), None)


@pytest.fixture
def post(account, keys):
    def post(events, *, to=None, at=None, headers=None, body=None):
        body = json.dumps(events).encode() if body is None else body
        made = signed(body, keys, at=at or int(time.time())) if headers is None else headers
        made = {name: value for name, value in made.items() if name != "Content-Type"}
        path = f"/hooks/{to or account.public_id}/"
        return Client(enforce_csrf_checks=True).post(path, body, content_type="application/json", headers=made)

    return post


def told(ref, kind="delivered", **more):
    return {"almanac_ref": ref, "event": kind, "timestamp": 1795000000, "email": "p@home.example", **more}


def test_a_signed_call_is_kept(post, account):
    assert post([told("a"), told("b", "bounce", type="bounce", status="5.1.1")]).status_code == 200
    rows = ProviderEvent.objects.order_by("pk").values_list("account", "ref", "kind", "permanent")
    assert list(rows) == [(account.pk, "a", "delivered", False), (account.pk, "b", "bounced", True)]


def test_repeated_in_any_order_it_leaves_one_state(post):
    events = [told(ref, kind, sg_event_id="x") for ref in "abc" for kind in ("processed", "delivered", "spamreport")]
    for number in range(6):
        shuffled = [{**event, "sg_event_id": f"changes-{number}"} for event in events]
        random.Random(number).shuffle(shuffled)
        assert post(shuffled).status_code == 200
    assert ProviderEvent.objects.count() == len(events)


def test_no_address_of_a_recipient_is_kept(post):
    post([told("a", "bounce", reason="550 <p@home.example> unknown, says p@home.example")])
    row = ProviderEvent.objects.get()
    assert "home.example" not in json.dumps([row.payload, row.reason])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Twilio-Email-Event-Webhook-Signature": "AAAA", "X-Twilio-Email-Event-Webhook-Timestamp": "1795000000"},
        {"X-Twilio-Email-Event-Webhook-Signature": "no base64!", "X-Twilio-Email-Event-Webhook-Timestamp": "soon"},
    ],
)
def test_a_forged_call_is_refused_and_leaves_nothing(post, headers):
    assert post([told("a")], headers=headers).status_code == 403
    assert not ProviderEvent.objects.exists()


def test_a_call_for_another_account_is_refused(post, tmp_path):
    """The signature holds for the account whose key made it, and for no other."""
    others = kept(tmp_path / "others.json").account_settings("sendgrid", smtp_port=1, http_port=2)
    other = accounts.create("sendgrid", "Other", others, None)
    assert post([told("a")], to=other.public_id).status_code == 403
    assert not ProviderEvent.objects.exists()


def test_an_old_call_is_refused(post):
    assert post([told("a")], at=int(clock.now().timestamp()) - 2 * 86400).status_code == 403


def test_a_call_for_nobody_is_not_found(post):
    assert post([told("a")], to="01900000-0000-7000-8000-000000000000").status_code == 404


def test_an_account_without_events_has_no_door(post):
    settings = {"host": "127.0.0.1", "port": 25, "security": "none"}
    assert post([told("a")], to=accounts.create("smtp", "P", settings, None).public_id).status_code == 404


def test_a_body_that_is_too_large_is_not_read(post):
    assert post([], body=b"x" * (2 * 1024 * 1024 + 1), headers={}).status_code == 413


def test_what_is_no_list_of_events_is_an_error_of_theirs(post):
    assert post({"event": "delivered"}).status_code == 400


def test_one_event_that_makes_no_sense_does_not_hold_up_the_others(post):
    strange = [7, {}, {"event": 5}, told("a", timestamp="never"), told("b", timestamp=1e300), told("c", "resubscribe")]
    assert post([*strange, told("d")]).status_code == 200
    assert ProviderEvent.objects.get().ref == "d"


def test_an_error_of_our_own_asks_to_try_again(post, monkeypatch):
    def fails(*_):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr("channels.webhooks.record_events", fails)
    assert post([told("a")]).status_code == 503


def test_a_get_is_not_allowed(client, account):
    assert client.get(f"/hooks/{account.public_id}/").status_code == 405
