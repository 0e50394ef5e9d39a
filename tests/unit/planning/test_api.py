"""Campaigns, stages and publications over HTTP."""

import json
import uuid

import pytest

from campaigns.audiences.models import Segment
from campaigns.planning.models import Campaign, Publication
from cms.services import messages
from core.models import Market
from core.services import create_token


@pytest.fixture
def call(client, db):
    token = create_token("planner", ["campaigns:write", "campaigns:read", "publications:write"])

    def post(path, body=None, **headers):
        return client.post(
            f"/api/v1/{path}",
            json.dumps(body or {}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    post.token = token
    return post


@pytest.fixture
def message(db, owner):
    return messages.create("Hello", {"email": {"subject": "Hi", "html": "<p>Hi</p>", "text": "Hi"}}, owner)


@pytest.fixture
def segment(db):
    return Segment.objects.create(name="Everyone", rule={"all": True})


@pytest.fixture
def stage_id(call, market):
    campaign = call("campaigns", {"name": "Spring"}).json()
    return call(f"campaigns/{campaign['id']}/stages", {"name": "Launch"}).json()["id"]


def test_a_campaign_needs_only_a_name_and_gets_a_market(call):
    answer = call("campaigns", {"name": "Spring"})
    assert answer.status_code == 201
    assert answer.json()["slug"] == "spring"
    assert answer.json()["market"] == "default"
    assert Market.objects.get().currency == "USD"
    assert Campaign.objects.get().created_by.username == "planner"


def test_two_campaigns_of_one_name_have_their_own_slugs(call, market):
    assert [call("campaigns", {"name": "Spring"}).json()["slug"] for _ in range(3)] == [
        "spring",
        "spring-2",
        "spring-3",
    ]


def test_an_anchor_is_a_date_or_an_occasion(call, market):
    assert call("campaigns", {"name": "A", "anchor": "2026-12-24"}).json()["anchor_date"] == "2026-12-24"
    made = call("campaigns", {"name": "B", "market": "us", "anchor": "black-friday:2027"}).json()
    assert (made["anchor_date"], made["anchor_occasion"]) == ("2027-11-26", "black-friday")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "A", "market": "atlantis"}, "market"),
        ({"name": "A", "anchor": "someday"}, "anchor"),
        ({"name": "A", "kind": "party"}, "kind"),
    ],
)
def test_what_is_wrong_with_a_campaign_is_said(call, market, body, field):
    answer = call("campaigns", body)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert not Campaign.objects.exists()


def test_a_stage_has_days_when_the_campaign_has_an_anchor(call, market):
    campaign = call("campaigns", {"name": "A", "anchor": "2026-11-27"}).json()
    answer = call(f"campaigns/{campaign['id']}/stages", {"name": "Warm-up", "start_offset": -14, "end_offset": -1})
    assert answer.status_code == 201
    assert (answer.json()["starts_on"], answer.json()["ends_on"]) == ("2026-11-13", "2026-11-26")
    answer = call(f"campaigns/{campaign['id']}/stages", {"name": "Odd", "start_offset": 3, "end_offset": 1})
    assert answer.status_code == 422


def test_a_stage_of_no_campaign_is_missing(call):
    assert call(f"campaigns/{uuid.uuid4()}/stages", {"name": "A"}).status_code == 404
    assert call("campaigns/nonsense/stages", {"name": "A"}).status_code == 404


def test_a_whole_publication(call, stage_id, message, segment, accounts):
    answer = call(
        "publications",
        {
            "stage": stage_id,
            "content": str(message.translation_key),
            "channel": "email",
            "account": str(accounts["email"].public_id),
            "audience": {"include": [str(segment.public_id)], "exclude": []},
            "moment": {"at": "2026-11-27T09:00", "timezone": "America/New_York"},
        },
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["state"] == "planned"
    assert body["title"] == "Hello"
    assert body["moment"] == {"at": "2026-11-27T09:00:00", "timezone": "America/New_York"}
    publication = Publication.objects.get()
    assert publication.content_kind == "message"
    assert list(publication.audience.include.all()) == [segment]


@pytest.mark.parametrize(
    ("moment", "back"),
    [
        ({"local": "2026-11-27T09:00:00"}, {"local": "2026-11-27T09:00:00"}),
        ({"now": True}, {"now": True}),
    ],
)
def test_the_other_moments(call, stage_id, moment, back):
    answer = call("publications", {"stage": stage_id, "channel": "push", "moment": moment})
    assert answer.status_code == 201, answer.content
    assert answer.json()["moment"] == back


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"stage": str(uuid.uuid4())}, "stage"),
        ({"channel": "pigeon"}, "channel"),
        ({"content": str(uuid.uuid4())}, "content"),
        ({"content": "hello"}, "content"),
        ({"account": "social"}, "account"),
        ({"account": str(uuid.uuid4())}, "account"),
        ({"audience": {"include": [], "exclude": ["x"]}}, "audience.include"),
        ({"audience": {"include": [str(uuid.uuid4())]}}, "audience.include"),
        ({"moment": {}}, "moment"),
        ({"moment": {"at": "2026-11-27T09:00"}}, "moment.timezone"),
        ({"moment": {"at": "2026-11-27T09:00", "timezone": "Mars/Olympus"}}, "timezone"),
        ({"moment": {"at": "tomorrow", "timezone": "UTC"}}, "moment.at"),
        ({"moment": {"at": "2026-11-27T09:00+01:00", "timezone": "UTC"}}, "moment.at"),
        ({"moment": {"local": "2026-11-27T09:00", "now": True}}, "moment"),
        ({"moment": {"local": "2026-11-27T09:00", "timezone": "UTC"}}, "moment.timezone"),
    ],
)
def test_what_is_wrong_with_a_publication_is_said(call, stage_id, accounts, change, field):
    if change.get("account") in accounts:
        change = {"account": str(accounts[change["account"]].public_id)}
    answer = call("publications", {"stage": stage_id, "channel": "email", **change})
    assert answer.status_code == 422, answer.content
    assert answer.json()["field"] == field
    assert not Publication.objects.exists()


def test_a_field_nobody_knows_is_a_mistake(call, stage_id):
    answer = call("publications", {"stage": stage_id, "channel": "email", "acount": "1"})
    assert answer.status_code == 422
    assert "acount" in answer.json()["detail"]


def test_the_same_key_plans_once(call, stage_id):
    for _ in range(2):
        answer = call("publications", {"stage": stage_id, "channel": "push"}, **{"Idempotency-Key": "k1"})
        assert answer.status_code == 201
    assert Publication.objects.count() == 1


def test_the_scope_is_asked_for(client, db):
    token = create_token("reader", ["campaigns:read"])
    answer = client.post(
        "/api/v1/campaigns",
        json.dumps({"name": "A"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403
    assert client.post("/api/v1/campaigns", "{}", content_type="application/json").status_code == 401
