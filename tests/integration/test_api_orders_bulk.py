"""Orders in bulk: the same as one by one, each row once, whatever is sent twice."""

import json

import pytest

from campaigns.audiences.services import contacts
from campaigns.promotions.models import Order, OrderLine, OrderLinking, OrderReference, Redemption
from campaigns.promotions.services import bulk_orders
from core.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(client, market):
    token = create_token("shop", ["*"])

    def send(rows, path="orders/bulk", **headers):
        body = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
        if path != "orders/bulk":
            body, kind = json.dumps(rows[0]), "application/json"
        else:
            kind = "application/x-ndjson"
        return client.post(
            f"/api/v1/{path}", body, content_type=kind, headers={"Authorization": f"Bearer {token}", **headers}
        )

    return send


def people(*rows):
    report = contacts.upsert_lines([json.dumps(row).encode() for row in rows])
    assert not report.errors


ANN = {"external_id": "1", "email": "ann@example.com", "phone": "+4915112345678"}
ROWS = [
    {"external_id": "a", "contact": "1", "total": "5.00"},
    {"external_id": "b", "contact": "ann@example.com", "currency": "EUR", "total_minor": 700, "code": "SALE"},
    {"external_id": "c", "contact": {"phone": "+49 151 12345678"}, "total": 1},
    {"external_id": "d", "contact": "nobody@example.com", "total": "2.50", "occurred_at": "2026-11-27T10:00:00+01:00"},
    {"external_id": "e", "lines": [{"sku": "x", "amount": "1.20"}, {"sku": "y", "quantity": 2, "amount_minor": 30}]},
    {"number": 42, "customer": {"external_id": "2", "email": "ann@example.com"}, "total": "9"},
]


def facts():
    orders = Order.objects.order_by("external_id").values_list(
        "external_id", "contact__external_id", "currency", "total_minor", "code", "click_token", "body_hash", "source"
    )
    lines = OrderLine.objects.order_by("order__external_id", "number").values_list(
        "order__external_id", "number", "sku", "quantity", "amount_minor", "discount_minor"
    )
    names = OrderReference.objects.order_by("order__external_id", "kind").values_list(
        "order__external_id", "kind", "key"
    )
    redeemed = Redemption.objects.order_by("external_id").values_list(
        "external_id", "contact__external_id", "coupon", "offer"
    )
    return [list(rows) for rows in (orders, lines, names, redeemed)]


@pytest.fixture
def offer(send):
    window = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2100-01-01T00:00:00Z"}
    assert send([{"name": "Sale", "currency": "EUR", "code": "sale", **window}], "offers").status_code == 201


def test_many_are_what_they_are_one_by_one(send, offer):
    people(ANN)
    for row in ROWS:
        assert send([row], "orders").status_code == 201
    single = facts()
    Redemption.objects.all().delete()
    Order.objects.all().delete()
    report = send(ROWS).json()
    assert report == {
        "created": 6, "unchanged": 0, "refused": 0, "without_contact": 2, "without_offer": 0, "errors": [],
    }  # fmt: skip
    assert facts() == single


def test_told_again_a_row_changes_nothing_and_told_otherwise_it_is_refused(send, offer):
    people(ANN)
    send(ROWS)
    before = facts()
    assert send(ROWS + ROWS).json()["unchanged"] == 12
    assert facts() == before
    report = send([ROWS[0], {**ROWS[1], "total_minor": 1}, ROWS[2]]).json()
    assert (report["unchanged"], report["refused"]) == (2, 1)
    (error,) = report["errors"]
    assert (error["line"], error["code"]) == (2, "order_conflict")
    assert facts() == before


def test_one_number_twice_in_a_body_is_one_order(send):
    report = send([ROWS[0], ROWS[0], {**ROWS[0], "total": "6.00"}]).json()
    assert (report["created"], report["unchanged"], report["refused"]) == (1, 1, 1)


def test_what_was_told_one_by_one_is_known_in_bulk_and_the_other_way_round(send):
    assert send([ROWS[3]], "orders").status_code == 201
    assert send([ROWS[3], ROWS[4]]).json() | {"errors": 0} == {
        "created": 1, "unchanged": 1, "refused": 0, "without_contact": 0, "without_offer": 0, "errors": 0,
    }  # fmt: skip
    assert send([ROWS[4]], "orders").status_code == 201
    assert send([{**ROWS[4], "code": "x"}], "orders").status_code == 409
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("{", "JSON"), ("[]", ""), ("null", ""), ({"external_id": "x"}, "total"), ({"external_id": "", "total": 1}, "number"),
        ({"external_id": "x", "total": 1, "totl": 2}, "totl"), ({"external_id": "x", "total": "1.234"}, "decimal"),
        ({"external_id": "x", "total": 1, "currency": "XXL"}, "ISO 4217"), ({"external_id": "x", "total": -1}, "zero"),
        ({"external_id": "x\u0000", "total": 1}, "NUL"), ({"external_id": "x", "total": "NaN"}, "total"),
        ({"external_id": "x", "total": 1, "contact": {"email": "no"}}, "valid"),
        ('{"external_id": "\\ud800", "total": 1}', ""), ({"external_id": "x" * 70_000, "total": 1}, "64 KB"),
        ({"external_id": "x", "total": 1, "occurred_at": "0001-01-01T00:00:00+23:00"}, "1900"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_line_and_stops_no_other(send, row, word):
    answer = send([ROWS[0], "", row, ROWS[2]])
    assert answer.status_code == 200, answer.content
    report = answer.json()
    assert (report["created"], report["refused"]) == (2, 1)
    assert report["errors"][0]["line"] == 3
    assert word in report["errors"][0]["message"]


def test_an_order_that_waits_is_linked_when_it_is_told_again_and_when_its_customer_comes(send, monkeypatch):
    waiting = [{"external_id": "w1", "contact": "1", "total": 1}, {"external_id": "w2", "contact": "2", "total": 1}]
    assert send(waiting).json()["without_contact"] == 2
    people(ANN)
    assert Order.objects.get(external_id="w1").contact.external_id == "1"
    monkeypatch.setattr("campaigns.audiences.arrivals.announce", lambda arrived: None)
    people({"external_id": "2"})
    assert Order.objects.get(external_id="w2").contact is None
    send(waiting)
    assert Order.objects.get(external_id="w2").contact.external_id == "2"
    assert OrderLinking.objects.count() == 2


def test_what_was_broken_off_is_sent_again_without_harm(send, monkeypatch):
    monkeypatch.setattr(bulk_orders, "BATCH", 2)
    real, calls = bulk_orders._insert_lines, []

    def broken(rows):
        calls.append(rows)
        if len(calls) == 2:
            raise RuntimeError("killed")
        real(rows)

    monkeypatch.setattr(bulk_orders, "_insert_lines", broken)
    with pytest.raises(RuntimeError):
        send(ROWS, **{"Idempotency-Key": "k"})
    assert Order.objects.count() == 2
    report = send(ROWS, **{"Idempotency-Key": "k"}).json()
    assert (report["created"], report["unchanged"]) == (4, 2)
    assert send(ROWS, **{"Idempotency-Key": "k"}).json() == report
    assert OrderLine.objects.count() == 2


def test_a_thousand_orders_ten_times_in_any_order_are_a_thousand(send):
    import random

    rows = [{"external_id": str(number), "contact": str(number % 50), "total_minor": number} for number in range(1000)]
    shuffled = rows * 10
    random.Random(1).shuffle(shuffled)
    report = send(shuffled).json()
    assert (report["created"], report["unchanged"], report["refused"]) == (1000, 9000, 0)
    assert sum(Order.objects.values_list("total_minor", flat=True)) == sum(range(1000))
