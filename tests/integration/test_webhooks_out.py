"""Outgoing webhooks: told in the transaction of what happened, signed, again until they are taken, replayed by a person."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import time_machine
from django.db import transaction

from campaigns.audiences.models import Contact
from core import clock, webhooks
from core.models import WebhookDelivery, WebhookEndpoint
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


class Shop:
    """A receiver: it keeps what came and answers as it is told."""

    def __init__(self):
        self.got, self.answers = [], []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.got.append((dict(self.headers), body))
                self.send_response(shop.answers.pop(0) if shop.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver():
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


@pytest.fixture
def hook(ask, receiver):
    made = ask("POST", "webhooks", {"url": receiver.url, "events": ["contact.erased", "publication.*"]})
    assert made.status_code == 201, made.content
    return made.json()


def erase(number="1"):
    from campaigns.audiences.services import contacts

    contacts.erase(Contact.objects.create(external_id=number), None)


def verified(secret, headers, body):
    """As the text of Standard Webhooks says it, on the receiver's side."""
    headers = {name.lower(): value for name, value in headers.items()}
    key = base64.b64decode(secret.removeprefix("whsec_"))
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
    assert abs(int(headers["webhook-timestamp"]) - clock.now().timestamp()) < 30
    return headers["webhook-signature"] == f"v1,{mac}"


def test_what_happened_is_told_once_and_signed(ask, hook, receiver):
    erase()
    assert webhooks.send_due() == 1
    assert webhooks.send_due() == 0
    ((headers, body),) = receiver.got
    assert verified(hook["secret"], headers, body)
    assert not verified(hook["secret"], headers, body + b" ")
    told = json.loads(body)
    assert told["type"] == "contact.erased"
    assert told["data"] == {"contact": str(Contact.objects.get().public_id)}
    (listed,) = ask("GET", "webhook-deliveries?state=delivered&event=contact.erased").json()["items"]
    assert (listed["status"], listed["attempts"], listed["error"]) == (204, 1, "")
    assert listed["webhook"] == hook["id"]


def test_what_did_not_happen_is_not_told(hook, receiver):
    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        erase()
        raise Undone
    assert webhooks.send_due() == 0
    assert not WebhookDelivery.objects.exists()


def test_the_states_of_a_publication_are_told_in_their_order(ask, hook, receiver):
    campaign = ask("POST", "campaigns", {"name": "Sale"}).json()["id"]
    stage = ask("POST", f"campaigns/{campaign}/stages", {"name": "Launch"}).json()["id"]
    plan = ask("POST", "publications", {"stage": stage, "channel": "email", "title": "Hello"}).json()["id"]
    assert ask("POST", f"publications/{plan}/cancel").status_code == 200
    webhooks.send_due()
    told = [json.loads(body) for _headers, body in receiver.got]
    assert [one["type"] for one in told] == ["publication.cancelled"]
    assert told[0]["data"]["publication"] == plan
    assert told[0]["data"]["title"] == "Hello"


def test_only_what_was_asked_for_is_told(ask, receiver):
    ask("POST", "webhooks", {"url": receiver.url, "events": ["review.frozen"]})
    off = ask("POST", "webhooks", {"url": receiver.url, "events": ["*"]}).json()["id"]
    assert ask("PATCH", f"webhooks/{off}", {"is_active": False}).status_code == 200
    erase()
    assert webhooks.send_due() == 0


def test_a_fact_is_told_once_however_often_it_is_announced(hook):
    for _ in range(3):
        webhooks.announce("contact.erased", {}, key="same")
    assert WebhookDelivery.objects.count() == 1


def test_what_is_not_taken_is_told_again_later_and_later_and_at_last_given_up(ask, hook, receiver):
    receiver.answers = [500] * 100
    with time_machine.travel(clock.now(), tick=False) as time:
        erase()
        waits, ids = [], set()
        for _ in range(len(webhooks.RETRIES) + 1):
            webhooks.send_due()
            assert webhooks.send_due() == 0  # not before its time
            row = WebhookDelivery.objects.get()
            ids.add({name.lower(): value for name, value in receiver.got[-1][0].items()}["webhook-id"])
            waits.append(row.next_at - clock.now())
            if row.state == "waiting":
                time.move_to(row.next_at)
        assert waits[:-1] == list(webhooks.RETRIES)
        assert row.state == "failed"
        assert len(receiver.got) == len(webhooks.RETRIES) + 1
        assert ids == {str(row.public_id)}
        assert "500" in row.error
        receiver.answers = []
        assert ask("POST", f"webhook-deliveries/{row.public_id}/replay").json()["state"] == "waiting"
        assert ask("POST", f"webhook-deliveries/{row.public_id}/replay").status_code == 409
        assert webhooks.send_due() == 1
        assert receiver.got[-1][1] == receiver.got[0][1]


def test_a_redirect_is_no_answer_and_is_not_followed(hook, receiver):
    receiver.answers = [302]
    erase()
    assert webhooks.send_due() == 0
    assert WebhookDelivery.objects.get().status == 302


def test_a_test_is_told_at_once_and_once(ask, hook, receiver):
    receiver.answers = [204, 503]
    well = ask("POST", f"webhooks/{hook['id']}/test").json()
    assert (well["state"], well["status"]) == ("delivered", 204)
    ill = ask("POST", f"webhooks/{hook['id']}/test").json()
    assert (ill["state"], ill["status"], ill["error"]) == ("failed", 503, "It answered 503.")
    assert webhooks.send_due() == 0


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://10.0.0.1/", 422), ("https://169.254.169.254/latest", 422), ("ftp://shop.example/", 422), ("shop", 422),
        ("https://user:pass@shop.example/", 422), ("https://shop.example:22/", 422), ("http://shop.example/", 422),
        ("https://shop.example/hook", 201),
    ],
)  # fmt: skip
def test_an_address_that_is_not_called_is_refused(ask, url, status):
    answer = ask("POST", "webhooks", {"url": url, "events": ["*"]})
    assert answer.status_code == status, answer.content


def test_a_private_address_that_was_allowed_once_is_not_called_later(settings, hook, receiver):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = []
    erase()
    assert webhooks.send_due() == 0
    assert receiver.got == []
    assert "ALMANAC_ALLOWED_PRIVATE_HOSTS" in WebhookDelivery.objects.get().error


@pytest.mark.parametrize("events", [["publication.exploded"], ["order.*"], [], ["*", "x"]])
def test_an_event_that_there_is_not_is_refused(ask, events):
    assert ask("POST", "webhooks", {"url": "https://shop.example/", "events": events}).status_code == 422


def test_the_secret_is_shown_once_and_encrypted_at_rest(ask, hook):
    assert "secret" not in ask("GET", f"webhooks/{hook['id']}").json()
    assert hook["secret"] not in WebhookEndpoint.objects.get().sealed_secret


def test_a_copy_of_the_installation_tells_nobody_anything(hook, receiver, monkeypatch):
    erase()
    monkeypatch.setattr("core.installation.may_send", lambda: (False, "held"))
    assert webhooks.send_due() == 0
    assert receiver.got == []


def test_two_that_send_at_once_tell_it_once(hook, receiver):
    erase()
    first = WebhookDelivery.objects.select_related("endpoint").get()
    second = WebhookDelivery.objects.select_related("endpoint").get()
    assert webhooks._claim(first)
    assert not webhooks._claim(second)


def test_what_was_told_long_ago_is_forgotten_and_what_waits_is_not(hook):
    erase("1")
    webhooks.send_due()
    erase("2")
    with time_machine.travel(clock.now() + timedelta(days=31)):
        assert webhooks.prune() == 1
    assert WebhookDelivery.objects.get().state == "waiting"


def test_events_are_named_as_in_the_glossary():
    from campaigns.planning.states import PublicationState
    from channels.base import EventKind

    named = {event.partition(".")[2] for event in webhooks.EVENTS if event.startswith("delivery.")}
    assert {str(kind) for kind in EventKind} <= named
    assert {f"publication.{state}" for state in PublicationState} <= set(webhooks.EVENTS)


# --- The screen ------------------------------------------------------------------------------------------------------

PAGE = "/admin/settings/webhooks/"


def test_a_person_makes_tests_and_replays_on_the_screen(client, owner, receiver):
    client.force_login(owner)
    page = client.post(PAGE, {"url": receiver.url, "events": ["contact.erased"], "description": "ERP"}).content.decode()
    assert "whsec_" in page
    assert "whsec_" not in client.get(PAGE).content.decode()
    endpoint = WebhookEndpoint.objects.get()
    answer = client.post(f"{PAGE}{endpoint.pk}/test/", follow=True).content.decode()
    assert "answered 204" in answer
    receiver.answers = [500]
    assert "did not take the test" in client.post(f"{PAGE}{endpoint.pk}/test/", follow=True).content.decode()
    row = WebhookDelivery.objects.order_by("pk").first()
    client.post(f"{PAGE}told/{row.pk}/replay/")
    assert webhooks.send_due() == 1
    client.post(f"{PAGE}{endpoint.pk}/switch/")
    assert not WebhookEndpoint.objects.get().is_active
    client.post(f"{PAGE}{endpoint.pk}/delete/")
    assert not WebhookEndpoint.objects.exists()


def test_what_is_refused_stands_at_its_field_and_a_stranger_sees_nothing(client, owner, stranger):
    client.force_login(owner)
    assert "private or reserved" in client.post(PAGE, {"url": "https://10.0.0.1/", "events": ["*"]}).content.decode()
    client.force_login(stranger)
    assert client.get(PAGE).status_code == 302
