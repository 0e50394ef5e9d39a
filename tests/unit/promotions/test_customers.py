"""Whose order it is, whichever of the two was told first."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.audiences.models import Contact
from campaigns.audiences.services import contacts, endpoints
from campaigns.promotions.models import Order, OrderLinking, OrderReference, Redemption
from campaigns.promotions.services import offers, orders
from campaigns.promotions.services.customers import Customer, named
from core.services import create_token

pytestmark = pytest.mark.django_db


def told(customer, number="A-1", **more):
    return orders.take("api", number, currency="USD", total_minor=500, customer=customer, **more)


def contact_of(order):
    order.refresh_from_db()
    return order.contact


ANN = {"external_id": "42", "email": "Ann@Example.com", "phone": "+49 170 1234567"}


@pytest.mark.parametrize(
    "customer",
    [
        "42",
        "ann@example.com",
        "+491701234567",
        Customer(email="ANN@example.com"),
        Customer(phone="0049 (0)170-1234567"),
        Customer(external_id="42", email="other@example.com"),
    ],
)
def test_an_order_before_its_customer_is_linked_when_she_appears(customer):
    order = told(customer)
    assert order.contact is None
    assert not OrderReference.objects.filter(key__contains="42").exclude(key__regex="^[0-9a-f]{64}$").exists()
    contacts.upsert([{"external_id": "41"}, ANN])
    assert contact_of(order).external_id == "42"
    assert not OrderReference.objects.exists()
    assert OrderLinking.objects.get().order == order


def test_the_other_way_round_it_is_linked_at_once():
    contacts.upsert([ANN])
    for number, customer in enumerate(["42", "ann@example.com", "+491701234567", Customer(email="ann@example.com")]):
        assert told(customer, f"A-{number}").contact.external_id == "42"
    assert not OrderReference.objects.exists()


def test_told_again_it_is_linked_too():
    order = told("42")
    Contact.objects.create(external_id="42")  # past the services, as an older version left it
    assert told("42").contact.external_id == "42"
    assert contact_of(order).external_id == "42"


def test_a_registered_device_or_address_links_too():
    order = told(Customer(email="ann@example.com"))
    endpoints.register(Contact.objects.create(external_id="7"), "email", "ann@example.com")
    assert contact_of(order).external_id == "7"


def test_an_address_of_two_people_or_of_another_customer_links_nobody():
    contacts.upsert(
        [{"external_id": "1", "email": "home@example.com"}, {"external_id": "2", "email": "home@example.com"}]
    )
    assert told(Customer(email="home@example.com"), "A-1").contact is None
    contacts.upsert([{"external_id": "3", "email": "cy@example.com"}])
    assert told(Customer(external_id="4", email="cy@example.com"), "A-2").contact is None
    contacts.upsert([{"external_id": "4"}])
    assert contact_of(Order.objects.get(external_id="A-2")).external_id == "4"


def test_a_redemption_goes_with_its_order():
    offers.create(
        "Sale", currency="USD", code="BF", price_minor=1,
        starts_at=datetime(2026, 11, 27, tzinfo=UTC), ends_at=datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    told("42", code="BF")
    contacts.upsert([ANN])
    assert Redemption.objects.get().contact.external_id == "42"


def test_somebody_of_a_list_who_gets_an_id_later_is_one_person_with_one_order():
    contacts.upsert_numbered([(1, {"email": "ann@example.com"})], source="file", by_address=True)
    order = told(Customer(external_id="42", email="ann@example.com"))
    assert order.contact.external_id is None
    waiting = told("42", "A-2")
    contacts.upsert([ANN])
    assert Contact.objects.count() == 1
    assert contact_of(order) == contact_of(waiting) == Contact.objects.get(external_id="42")


def test_one_word_may_be_an_id_or_an_address():
    assert named("ann@example.com") == Customer("ann@example.com", email="ann@example.com")
    assert named("@ann") == Customer("@ann")
    assert named("+1") == Customer("+1")
    contacts.upsert([{"external_id": "ann@example.com"}])
    assert told("ann@example.com").contact.external_id == "ann@example.com"
    waiting = told("bo@example.com", "A-2")
    contacts.upsert([{"external_id": "bo@example.com"}])
    assert contact_of(waiting).external_id == "bo@example.com"


@pytest.fixture
def post(client, market):
    headers = {"Authorization": f"Bearer {create_token('shop', ['orders:write'])}"}

    def send(body):
        base = {"external_id": "A-1", "currency": "USD", "total": "5.00"}
        return client.post("/api/v1/orders", json.dumps({**base, **body}), "application/json", headers=headers)

    return send


def test_a_number_is_the_same_id_and_what_cannot_be_used_is_a_warning(post):
    first = post({"contact": 42, "external_id": 1001, "click_token": "nonsense"})
    assert first.status_code == 201, first.content
    assert (first.json()["external_id"], first.json()["contact"]) == ("1001", None)
    assert [one["field"] for one in first.json()["warnings"]] == ["contact", "click_token"]
    contacts.upsert([ANN])
    again = post({"contact": "42", "external_id": "1001", "click_token": "nonsense"}).json()
    assert (again["id"], again["contact"]) == (first.json()["id"], "42")
    assert [one["field"] for one in again["warnings"]] == ["click_token"]
    assert post({"external_id": "B", "contact": {"external_id": 42}}).json()["warnings"] == []
    assert post({"external_id": "C", "contact": {"email": "ann@example.com", "phone": None}}).json()["contact"] == "42"


@pytest.mark.parametrize(
    "contact", [True, 4.2, ["42"], {"email": "nonsense"}, {"phone": "12"}, {"id": "42"}, "x" * 300]
)
def test_what_is_no_customer_is_refused(post, contact):
    answer = post({"contact": contact})
    assert answer.status_code == 422
    assert not Order.objects.exists()


def test_a_token_of_ours_is_no_warning(post):
    from campaigns.links import tokens

    assert post({"click_token": tokens.make("click", 1, 1)}).json()["warnings"] == []


def test_the_segment_of_buyers_and_the_results_follow(market):
    from campaigns.audiences import selectors
    from campaigns.promotions.selectors import window_figures
    from core import clock

    told("42", occurred_at=clock.now() - timedelta(hours=1))
    contacts.upsert([ANN])
    assert selectors.contacts_matching({"ordered": {"days": 1}}).count() == 1
    end = clock.now()
    figures = window_figures(Contact.objects.all(), [], end - timedelta(days=1), end)
    assert (figures.buyers, figures.orders, figures.revenue_minor) == (1, 1, 500)
