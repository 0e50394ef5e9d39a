"""Publications over HTTP: the verbs, the state, the ledger, and every delivery."""

import json

import pytest

from campaigns.planning.models import Publication
from core.services import create_token
from tests import ledgers


@pytest.fixture
def call(client, db):
    """Ask as the author, or as the service account that is named."""
    tokens = {
        "author": create_token("author", ["publications:write", "publications:read"]),
        "checker": create_token("checker", ["publications:approve", "publications:read"]),
        "all": create_token("all", ["*"]),
    }

    def ask(path, body=None, *, who="author", method="post", **headers):
        headers |= {"Authorization": f"Bearer {tokens[who]}"}
        if method == "get":
            return client.get(f"/api/v1/publications/{path}", headers=headers)
        return client.post(
            f"/api/v1/publications/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
        )

    return ask


@pytest.fixture
def author(call):
    from core.models import User

    return User.objects.get(username="author")


@pytest.fixture
def made(market, author):
    def make(state="planned", **fields):
        return ledgers.publication(market, author, state=state, **fields)

    return make


COUNTS = {
    "targeted",
    "pending",
    "claimed",
    "attempting",
    "accepted",
    "rejected",
    "skipped",
    "unknown",
    "unconfirmed",
}


def test_a_plan_says_what_it_is(call, made):
    publication = made()
    answer = call(str(publication.public_id), method="get").json()
    assert answer["id"] == str(publication.public_id)
    assert answer["stage"] == str(publication.stage.public_id)
    assert (answer["state"], answer["state_reason"], answer["channel"]) == ("planned", "", "email")
    assert answer["moment"] == {"at": "2026-11-27T09:00:00", "timezone": "America/New_York"}
    assert answer["runs"] == []
    assert answer["ledger"] == dict.fromkeys(COUNTS, 0)


def test_runs_and_ledger_are_counted(call, made):
    publication = made("live")
    run = ledgers.run(publication, zones=["Europe/Berlin"], wave="2026-11-27T08:00:00+00:00")
    for state in ("accepted", "accepted", "skipped", "unknown", "pending"):
        ledgers.delivery(run, state=state)
    answer = call(str(publication.public_id), method="get").json()
    assert answer["runs"][0]["targeted"] == 5
    assert answer["runs"][0]["zones"] == ["Europe/Berlin"]
    counts = answer["ledger"]
    assert counts.keys() == COUNTS
    assert (counts["accepted"], counts["skipped"], counts["unknown"], counts["pending"]) == (2, 1, 1, 1)
    assert counts["targeted"] == sum(value for name, value in counts.items() if name != "targeted")


def test_a_held_publication_says_why_in_words(call, made):
    publication = made("held", state_reason="overdue")
    assert "missed its moment" in call(str(publication.public_id), method="get").json()["state_reason"]


@pytest.mark.parametrize("path", ["11111111-1111-1111-1111-111111111111", "not-an-id"])
def test_what_is_not_there_is_404(call, path):
    answer = call(path, method="get")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_deliveries_come_in_pages_and_by_state(call, made):
    publication = made("live")
    run = ledgers.run(publication)
    people = [ledgers.contact(number) for number in range(3)]
    for person in people:
        ledgers.delivery(run, person, state="accepted")
    ledgers.delivery(run, state="skipped", reason="no_consent")
    path = f"{publication.public_id}/deliveries"
    first = call(f"{path}?limit=2", method="get").json()
    assert [item["external_id"] for item in first["items"]] == ["c-0", "c-1"]
    assert first["items"][0].keys() == {"external_id", "state", "reason", "attempts", "changed_at"}
    assert first["items"][0]["attempts"] == 1
    second = call(f"{path}?limit=2&cursor={first['next_cursor']}", method="get").json()
    assert [item["external_id"] for item in second["items"]] == ["c-2", None]
    assert second["next_cursor"] is None
    skipped = call(f"{path}?state=skipped", method="get").json()["items"]
    assert [(item["state"], item["reason"]) for item in skipped] == [("skipped", "no_consent")]
    assert call(f"{path}?state=lost", method="get").status_code == 422


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("submit", "live"),
        ("withdraw", "done"),
        ("schedule", "planned"),
        ("pause", "done"),
        ("resume", "held"),
        ("release", "paused"),
        ("cancel", "done"),
    ],
)
def test_what_is_not_possible_now_is_409_with_the_state(call, made, verb, state):
    publication = made(state)
    answer = call(f"{publication.public_id}/{verb}")
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["state"] == state
    assert Publication.objects.get(pk=publication.pk).state == state


def test_approve_in_another_state_is_409(call, made):
    publication = made("live")
    answer = call(f"{publication.public_id}/approve", who="checker")
    assert (answer.status_code, answer.json()["state"]) == (409, "live")


def test_the_author_may_not_approve(call, market):
    from core.models import User

    publication = ledgers.publication(market, User.objects.get(username="all"))
    answer = call(f"{publication.public_id}/approve", who="all")
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert Publication.objects.get(pk=publication.pk).state == "planned"


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_approving_needs_its_own_scope(call, made, verb):
    assert call(f"{made().public_id}/{verb}", {"reason": "x"}).status_code == 403


@pytest.mark.parametrize("verb", ["submit", "schedule", "pause", "resume", "cancel", "release", "withdraw"])
def test_the_approving_scope_does_not_send(call, made, verb):
    assert call(f"{made().public_id}/{verb}", who="checker").status_code == 403


def test_nobody_gets_in_without_a_token(client, made):
    publication = made()
    for path in ("", "/deliveries"):
        assert client.get(f"/api/v1/publications/{publication.public_id}{path}").status_code == 401
    assert client.post(f"/api/v1/publications/{publication.public_id}/cancel").status_code == 401


def test_a_bare_plan_cannot_be_submitted_and_says_what_is_missing(call, made):
    answer = call(f"{made('bare').public_id}/submit")
    assert answer.status_code == 422
    assert "account" in answer.json()["detail"]


def test_rejecting_needs_a_reason_and_gives_it_to_the_author(call, made):
    publication = made("submitted")
    path = f"{publication.public_id}/reject"
    assert call(path, {"reason": " "}, who="checker").status_code == 422
    answer = call(path, {"reason": "The price is wrong."}, who="checker").json()
    assert (answer["state"], answer["state_reason"]) == ("planned", "The price is wrong.")


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("withdraw", "submitted", "planned"),
        ("pause", "scheduled", "paused"),
        ("resume", "paused", "scheduled"),
        ("release", "held", "scheduled"),
        ("cancel", "scheduled", "cancelled"),
    ],
)
def test_a_verb_answers_with_the_publication_as_it_is_then(call, made, verb, before, after):
    answer = call(f"{made(before).public_id}/{verb}")
    assert answer.status_code == 200
    assert answer.json()["state"] == after
    assert answer.json()["ledger"].keys() == COUNTS


def test_submitting_says_what_is_worth_a_look_before_approval(call, market, author):
    from cms.services import messages

    html = "<p>Dear *|FNAME|*, hi {{ first_name }}</p>"
    message = messages.create("N", {"email": {"subject": "S", "html": html}}, None)
    publication = ledgers.publication(market, author, content_kind="message", content_key=message.translation_key)
    person = ledgers.contact(1)
    person.first_name = ""
    person.save()
    answer = call(f"{publication.public_id}/submit")
    assert answer.status_code == 200
    told = answer.json()["advice"]
    assert any("*|FNAME|*" in line for line in told)
    assert any("1 person of the audience has no first name" in line for line in told)


def test_the_same_key_acts_once(call, made):
    publication = made("scheduled")
    path = f"{publication.public_id}/pause"
    first = call(path, **{"Idempotency-Key": "once"})
    again = call(path, **{"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert call(path).status_code == 409
