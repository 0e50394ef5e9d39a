"""The page behind the unsubscribe link: looking changes nothing, a POST acts at once."""

import pytest

from campaigns.audiences.models import Consent, ConsentRecord, Suppression
from campaigns.links import tokens
from campaigns.publishing.models import Delivery
from tests import ledgers


@pytest.fixture
def delivery(market, marketer):
    person = ledgers.contact(1, locale="zh-hans")
    publication = ledgers.publication(market, marketer, state="live")
    return ledgers.delivery(ledgers.run(publication), person)


@pytest.fixture
def address(delivery):
    return f"/u/{tokens.make('unsubscribe', delivery.pk, 1)}"


def agrees(delivery):
    return Consent.objects.get(contact=delivery.contact, channel="email").granted


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(client, delivery, address, method):
    answer = getattr(client, method)(address)
    assert answer.status_code == 200
    assert agrees(delivery)
    assert not Suppression.objects.exists()
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        (
            'multipart/form-data; boundary="b"',
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        ),
        ("multipart/form-data", b"broken"),
        ("application/x-www-form-urlencoded", b""),
    ],
)
def test_one_click_acts_at_once_without_cookie_or_redirect(client, delivery, address, content_type, body):
    client.handler.enforce_csrf_checks = True
    answer = client.post(address, body, content_type=content_type)
    assert answer.status_code == 200
    assert not answer.cookies
    assert not agrees(delivery)
    assert Suppression.objects.get().recipient_key == delivery.recipient_key
    assert str(delivery.pk) in ConsentRecord.objects.filter(granted=False).get().source
    assert Delivery.objects.get(pk=delivery.pk).feedback == "unsubscribed"


def test_asking_twice_is_one_wish(client, delivery, address):
    assert [client.post(address).status_code for _time in range(3)] == [200, 200, 200]
    assert ConsentRecord.objects.filter(granted=False).count() == 1


def test_a_complaint_stays_a_complaint(client, delivery, address):
    Delivery.objects.filter(pk=delivery.pk).update(feedback="complained")
    client.post(address)
    assert Delivery.objects.get(pk=delivery.pk).feedback == "complained"
    assert not agrees(delivery)


def test_it_works_after_the_contact_was_erased(client, delivery, address):
    Delivery.objects.filter(pk=delivery.pk).update(contact=None, endpoint=None)
    answer = client.post(address)
    assert answer.status_code == 200
    assert Suppression.objects.filter(recipient_key=delivery.recipient_key).exists()
    assert b"?again" not in answer.content


@pytest.mark.parametrize("token", ["preview", "x" * 38])
def test_an_unknown_token_gets_the_same_calm_page(client, delivery, token):
    assert client.get(f"/u/{token}").status_code == 200
    answer = client.post(f"/u/{token}")
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.content.decode()
    assert agrees(delivery)


def test_a_click_token_does_not_unsubscribe(client, delivery):
    client.post(f"/u/{tokens.make('click', delivery.pk, 1)}")
    assert agrees(delivery)


def test_a_mistake_can_be_undone(client, delivery, address):
    client.post(address)
    assert "已重新订阅" in client.post(f"{address}?again").content.decode()
    assert agrees(delivery)
    assert not Suppression.objects.exists()


def test_an_address_that_bounced_stays_closed(client, delivery, address):
    client.post(address)
    Suppression.objects.update(reason="bounced")
    client.post(f"{address}?again")
    assert Suppression.objects.exists()


def test_the_page_speaks_the_recipients_language(client, address):
    assert client.get(address, headers={"Accept-Language": "en"})["Content-Language"] == "zh-hans"
    assert client.get("/u/preview", headers={"Accept-Language": "en"})["Content-Language"] == "en"


def test_only_get_and_post(client, address):
    assert client.delete(address).status_code == 405
