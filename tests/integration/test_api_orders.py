"""`POST /orders` and refunds, over HTTP: once, exactly, in any order."""

import json
import random
from datetime import UTC, datetime

import pytest

from campaigns.audiences.models import Contact
from campaigns.promotions.models import Order, OrderLine, Redemption, Refund
from campaigns.promotions.services import offers
from core.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(client, market):
    token = create_token("shop", ["orders:write"])

    def send(path, body, **headers):
        return client.post(
            f"/api/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    return send


ORDER = {
    "external_id": "A-1",
    "contact": "42",
    "currency": "USD",
    "total": "129.90",
    "lines": [
        {"sku": "LAMP", "quantity": 2, "amount": "99.90"},
        {"sku": "RUG", "quantity": "1.5", "amount_minor": 3000},
    ],
    "code": "black25",
    "click_token": "tok",
    "occurred_at": "2026-11-27T12:00:00+01:00",
}


@pytest.fixture
def sale(market):
    return offers.create(
        "Black Friday", currency="USD", code="BLACK25", price_minor=100,
        starts_at=datetime(2026, 11, 27, tzinfo=UTC), ends_at=datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip


def test_an_order_is_taken_with_its_lines_contact_and_redemption(post, sale):
    ann = Contact.objects.create(external_id="42")
    answer = post("orders", ORDER)
    assert answer.status_code == 201, answer.content
    order = Order.objects.get()
    assert (order.total_minor, order.contact, order.click_token) == (12990, ann, "tok")
    assert order.occurred_at == datetime(2026, 11, 27, 11, tzinfo=UTC)
    assert list(order.lines.values_list("number", "sku", "amount_minor")) == [(1, "LAMP", 9990), (2, "RUG", 3000)]
    redemption = Redemption.objects.get()
    assert (redemption.offer, redemption.contact, redemption.occurred_at) == (sale, ann, order.occurred_at)
    assert answer.json()["contact"] == "42"


def test_told_again_it_gets_the_same_answer(post, sale):
    first = post("orders", ORDER)
    again = post("orders", {**ORDER, "total": 129.9})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (Order.objects.count(), OrderLine.objects.count(), Redemption.objects.count()) == (1, 2, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"total": "130.90", "lines": []},
        {"contact": "43"},
        {"code": ""},
        {"currency": "EUR"},
        {"occurred_at": "2026-11-28T12:00:00Z"},
    ],
)
def test_the_same_number_with_other_facts_is_a_conflict(post, change):
    post("orders", ORDER)
    answer = post("orders", {**ORDER, **change})
    assert answer.status_code == 409
    assert answer.json()["title"] == "order conflict"
    assert Order.objects.get().total_minor == 12990


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"total": "129.91"}, "add up"),
        ({"total": "129.905", "lines": []}, "decimal"),
        ({"total": None, "lines": []}, "lines or a total"),
        ({"total": "-1", "lines": []}, "below zero"),
        ({"total_minor": 5}, "two different"),
        ({"currency": "dollars"}, "ISO 4217"),
        ({"lines": [{"sku": "", "amount": 1}], "total": None}, "SKU"),
        ({"lines": [{"sku": "x", "quantity": "1.0001", "amount": 1}], "total": None}, "three decimal"),
        ({"lines": [{"sku": "x"}], "total": None}, "missing"),
        ({"external_id": ""}, "number"),
        ({"total": "NaN"}, ""),
        ({"occurred_at": "2026-11-27T12:00:00"}, "timezone"),
        ({"code": "x" * 61}, ""),
        ({"total": "9" * 25, "lines": []}, ""),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_sentence(post, change, word):
    answer = post("orders", {**ORDER, **change})
    assert answer.status_code == 422
    assert word in answer.json()["detail"]
    assert not Order.objects.exists()


def test_a_customer_we_do_not_know_still_has_bought(post):
    assert post("orders", {"number": "B-1", "contact": "nobody", "total_minor": 500}).status_code == 201
    order = Order.objects.get()
    assert (order.contact, order.currency, order.total_minor) == (None, "USD", 500)


def test_a_thousand_orders_replayed_ten_times_in_any_order_are_a_thousand_rows(db, market):
    from decimal import Decimal

    from campaigns.promotions.services import orders

    chance = random.Random(27)
    told = [
        {
            "external_id": f"N{number}",
            "currency": "USD",
            "lines": [
                orders.Line(f"S{n}", Decimal(chance.randrange(1, 4)), chance.randrange(1, 100_000))
                for n in range(chance.randrange(1, 4))
            ],
        }
        for number in range(1000)
    ]
    replays = told * 10
    chance.shuffle(replays)
    for one in replays:
        orders.take("shop", **one)
    assert Order.objects.count() == 1000
    assert OrderLine.objects.count() == sum(len(one["lines"]) for one in told)
    assert sum(Order.objects.values_list("total_minor", flat=True)) == sum(
        line.amount_minor for one in told for line in one["lines"]
    )


def test_a_refund_is_noted_once_and_never_more_than_was_paid(post):
    order_id = post("orders", ORDER).json()["id"]
    first = post("orders/A-1/refunds", {"external_id": "R1", "amount": "100"})
    assert first.status_code == 201
    assert post(f"orders/{order_id}/refunds", {"external_id": "R1", "amount_minor": 10000}).json() == first.json()
    assert post("orders/A-1/refunds", {"external_id": "R1", "amount": "50"}).status_code == 409
    assert post("orders/A-1/refunds", {"external_id": "R2", "amount": "29.91"}).status_code == 422
    assert post("orders/none/refunds", {"external_id": "R2", "amount": "1"}).status_code == 404
    assert Refund.objects.get().amount_minor == 10000
    assert Order.objects.get().total_minor == 12990


def test_a_sku_and_a_code_may_be_numbers_as_an_id_may(post):
    answer = post(
        "orders",
        {"external_id": 1, "contact": 42, "currency": "USD", "code": 25, "lines": [{"sku": 1001, "amount": "1.00"}]},
    )
    assert answer.status_code == 201, answer.content
    assert (OrderLine.objects.get().sku, Order.objects.get().code) == ("1001", "25")


def test_a_code_of_no_offer_and_a_time_to_come_are_taken_with_a_warning(post, sale):
    sent = {"external_id": "1", "currency": "USD", "total": "1.00"}
    wrong = post("orders", {**sent, "code": "BLAKC25", "occurred_at": "2199-01-01T00:00:00Z"}).json()["warnings"]
    assert [one["field"] for one in wrong] == ["code", "occurred_at"]
    assert post("orders", {**sent, "external_id": "2", "code": "black25"}).json()["warnings"] == []
