"""`POST /contacts/bulk` and `POST /segments`, over HTTP."""

import json
import time

import pytest

from campaigns.audiences import keys
from campaigns.audiences.models import Consent, ConsentRecord, Contact, Endpoint, Suppression
from campaigns.audiences.services import consents, contacts, unsubscribe
from core.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(db):
    return create_token("shop", ["contacts:write", "segments:write"])


@pytest.fixture
def send(client, token):
    def post(rows, **headers):
        body = (
            rows
            if isinstance(rows, bytes)
            else "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows).encode()
        )
        response = client.post(
            "/api/v1/contacts/bulk",
            body,
            content_type="application/x-ndjson",
            headers={"Authorization": f"Bearer {token}", **headers},
        )
        assert response.status_code == 200, response.content
        return response.json()

    return post


def counts(answer):
    return tuple(answer[name] for name in ("created", "updated", "unchanged", "refused"))


ANN = {
    "external_id": "42",
    "email": "Ann@Example.com",
    "first_name": "Ann",
    "last_name": "李",
    "locale": "zh_Hans",
    "timezone": "Asia/Shanghai",
    "consents": ["email", "push"],
    "attributes": {"tier": "gold", "visits": 3},
    "push_token": "token-1",
    "devices": [{"token": "token-2", "platform": "iOS"}],
}


def test_a_row_becomes_a_contact_with_addresses_consents_and_proof(send):
    assert counts(send([ANN])) == (1, 0, 0, 0)
    ann = Contact.objects.get(external_id="42")
    assert (ann.first_name, ann.last_name, ann.locale, ann.timezone) == ("Ann", "李", "zh-hans", "Asia/Shanghai")
    assert ann.attributes == {"tier": "gold", "visits": 3}
    assert set(ann.endpoints.values_list("channel", "address", "platform")) == {
        ("email", "Ann@example.com", ""), ("push", "token-1", ""), ("push", "token-2", "ios"),
    }  # fmt: skip
    assert ann.endpoints.get(channel="email").recipient_key == keys.recipient_key("email", "ann@example.com")
    assert set(ann.consents.values_list("channel", "granted")) == {("email", True), ("push", True)}
    assert set(ann.consent_records.values_list("channel", "source")) == {("email", "API"), ("push", "API")}


def test_the_same_again_writes_nothing(send):
    send([ANN])
    before = Contact.objects.get().updated_at
    assert counts(send([ANN, ANN])) == (0, 0, 2, 0)
    assert Contact.objects.get().updated_at == before
    assert (Endpoint.objects.count(), ConsentRecord.objects.count()) == (3, 2)


def test_only_what_is_named_changes(send):
    send([ANN])
    answer = send(
        [
            {"external_id": "42", "first_name": "Anne", "attributes": {"visits": None, "city": "Wuhan"}},
            {"external_id": 42},
        ]
    )
    assert counts(answer) == (0, 1, 1, 0)
    ann = Contact.objects.get()
    assert (ann.first_name, ann.last_name, ann.locale) == ("Anne", "李", "zh-hans")
    assert ann.attributes == {"tier": "gold", "city": "Wuhan"}
    send([{"external_id": "42", "email": "new@example.com"}])
    assert list(ann.endpoints.filter(channel="email").values_list("address", flat=True)) == ["new@example.com"]
    assert ann.endpoints.filter(channel="push").count() == 2


def test_one_id_twice_in_one_file_is_one_contact_with_the_last_word(send):
    answer = send(
        [{"external_id": "1", "first_name": "A"}, {"external_id": "1", "first_name": "B", "email": "b@example.com"}]
    )
    assert counts(answer) == (1, 1, 0, 0)
    assert Contact.objects.get().first_name == "B"


def test_each_broken_row_is_told_by_its_line_and_stops_no_other(send):
    rows = [
        ANN,
        "{broken",
        "",
        {"external_id": "2", "email": "not-an-address"},
        {"email": "nobody@example.com"},
        {"external_id": "3", "timezone": "Mars/Base"},
        {"external_id": "4", "locale": "english please"},
        {"external_id": "5", "consents": ["fax"]},
        {"external_id": "6", "consents": "email"},
        {"external_id": "7", "attributes": ["a"]},
        '{"external_id": "8", "attributes": {"x": NaN}}',
        {"external_id": "9", "first_name": "a\nb\x00"},
        '{"external_id": "10", "first_name": "\\ud800"}',
        {"external_id": "11", "attributes": {"x": "a\0b"}},
        '{"external_id": "12", "attributes": {"x": "\\ud800"}}',
        {"external_id": "13", "phone": "1"},
        {"external_id": "14", "market": "atlantis"},
        "[1]",
        {"external_id": "15", "attributes": {"x": "y" * 20000}},
        {"external_id": "16", "first_name": "x" * 70000},
        {"external_id": "last", "email": "last@shop.test"},
    ]
    answer = send(rows)
    assert counts(answer) == (4, 0, 0, 16)
    assert [error["line"] for error in answer["errors"]] == [2, 4, 5, *range(8, 21)]
    # A bad time zone or language costs the row that field, not the person.
    assert [(warning["line"], warning["message"].split()[0]) for warning in answer["warnings"]] == [
        (6, "“timezone”"), (7, "“locale”"),
    ]  # fmt: skip
    assert (answer["with_address"], answer["with_consent"]) == (2, 1)
    assert all(
        error["message"].endswith((".", "}.")) and "example.com" not in error["message"] for error in answer["errors"]
    )
    assert set(Contact.objects.values_list("external_id", flat=True)) == {"42", "3", "4", "last"}


def test_bytes_that_are_no_text_and_windows_line_ends(send):
    answer = send(b'\xef\xbb\xbf{"external_id": "1"}\r\n{"external_id": "\xff"}\r\n\r\n{"external_id": "3"}')
    assert counts(answer) == (2, 0, 0, 1)
    assert answer["errors"][0]["line"] == 2


def test_a_withdrawal_is_not_undone_by_the_next_export(send):
    send([ANN])
    ann = Contact.objects.get()
    unsubscribe.by_recipient_key(keys.recipient_key("email", ANN["email"]), "email", "one click")
    assert counts(send([ANN])) == (0, 0, 1, 0)
    assert not ann.consents.get(channel="email").granted
    later = {**ANN, "consented_at": "2099-01-01T00:00:00Z"}
    assert counts(send([later])) == (0, 1, 0, 0)
    assert ann.consents.get(channel="email").granted
    assert not Suppression.objects.exists()


def test_a_complaint_is_not_undone_by_a_new_consent(send):
    send([ANN])
    key = keys.recipient_key("email", ANN["email"])
    unsubscribe.by_recipient_key(key, "email", "feedback loop", reason=Suppression.Reason.COMPLAINED)
    consents.grant(Contact.objects.get(), "email", "form")
    assert Suppression.objects.filter(recipient_key=key).exists()


def test_repeated_under_one_key_it_answers_the_same(send):
    first = send([ANN], **{"Idempotency-Key": "a"})
    assert send([ANN], **{"Idempotency-Key": "a"}) == first
    assert counts(first) == (1, 0, 0, 0)


def test_erasing_forgets_the_person_and_keeps_the_address_closed(send, owner):
    send([ANN])
    ann = Contact.objects.get()
    contacts.erase(ann, owner)
    ann.refresh_from_db()
    assert (ann.external_id, str(ann), ann.attributes) == (None, str(ann.public_id), {})
    assert not Endpoint.objects.exclude(address="").exists()
    assert not Consent.objects.exists()
    key = keys.recipient_key("email", ANN["email"])
    assert Suppression.objects.get(recipient_key=key).reason == "erased"
    assert counts(send([ANN])) == (1, 0, 0, 0)
    assert Suppression.objects.get(recipient_key=key).reason == "erased"


def test_fifty_thousand_rows_in_half_a_minute(send):
    rows = [
        json.dumps(
            {
                "external_id": f"c{n}",
                "email": f"user{n}@example.com",
                "first_name": f"N{n}",
                "locale": "en",
                "timezone": "Europe/Berlin",
                "consents": ["email"],
                "attributes": {"tier": "gold", "n": n},
            }
        )
        for n in range(50_000)
    ]
    begun = time.monotonic()
    assert counts(send(rows)) == (50_000, 0, 0, 0)
    took = time.monotonic() - begun
    print(f"50,000 rows in {took:.1f} s")
    assert took < 30
    assert Endpoint.objects.count() == Consent.objects.count() == ConsentRecord.objects.count() == 50_000


def test_a_segment_is_saved_and_counted(client, token, send):
    send([ANN, {"external_id": "2"}])
    headers = {"Authorization": f"Bearer {token}"}

    def post(body):
        return client.post("/api/v1/segments", json.dumps(body), content_type="application/json", headers=headers)

    everyone = post({"name": "Everyone", "rule": {"all": True}})
    assert everyone.status_code == 201
    assert everyone.json()["contacts"] == 2
    assert post({"name": "Gold", "rule": {"attribute": "tier", "op": "eq", "value": "gold"}}).json()["contacts"] == 1
    refused = post({"name": "Wrong", "rule": {"field": "password", "op": "eq", "value": 1}})
    assert refused.status_code == 422
    assert "password" in refused.json()["detail"]


@pytest.fixture
def shut(client, token):
    def post(rows, status=200):
        body = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
        answer = client.post(
            "/api/v1/suppressions/import",
            body,
            content_type="application/x-ndjson",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == status, answer.content
        return answer.json()

    return post


def test_the_former_tools_people_are_closed_before_they_are_contacts(shut, send):
    rows = [
        {"email": "Ann@example.com"},
        {"email": "bo@example.com", "reason": "cleaned"},
        {"email": "cy@example.com", "reason": "SPAM_COMPLAINT", "occurred_at": "2024-01-01T00:00:00Z"},
        {"address": "token-1", "channel": "push", "reason": "manual"},
        {"email": "nonsense"},
        {"email": "d@example.com", "reason": "erased"},
        {"email": "d@example.com", "raeson": "manual"},
        {"address": "+49170", "channel": "phone"},
        "[",
    ]
    first = shut(rows)
    assert (first["closed"], first["known"], first["refused"]) == (4, 0, 5)
    assert [error["line"] for error in first["errors"]] == [5, 6, 7, 8, 9]
    again = shut(rows)
    assert (again["closed"], again["known"]) == (0, 4)
    assert dict(Suppression.objects.values_list("reason", "purpose")) == {
        "unsubscribed": "marketing", "bounced": "", "complained": "marketing", "manual": "",
    }  # fmt: skip
    send([{**ANN, "email": "ann@example.com"}])
    from campaigns.audiences import selectors

    key = keys.recipient_key("email", "ann@example.com")
    assert selectors.is_suppressed([key], "email") == {key}


def test_a_heavier_reason_takes_the_place_of_a_lighter_one_and_consents_end(shut, send):
    send([ANN])
    assert shut([{"email": ANN["email"]}])["withdrawn"] == 1
    assert shut([{"email": ANN["email"], "reason": "complained"}])["closed"] == 0
    assert Suppression.objects.get().reason == "complained"
    assert not Contact.objects.get().consents.get(channel="email").granted
    assert Contact.objects.get().consents.get(channel="push").granted
