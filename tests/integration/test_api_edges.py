"""What the whole API has in common: every error is a problem, and a field that may be left out may be null."""

import json
from datetime import timedelta

import pytest

from campaigns.audiences.services import contacts
from campaigns.publishing import scheduler
from core import clock
from core.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, market):
    def ask(method, path, body=None, who="robot"):
        return client.generic(
            method,
            f"/api/v1/{path}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {create_token(who, ['*'])}"},
        )

    return ask


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "nothing/here", 404), ("POST", "nothing", 404), ("DELETE", "orders", 405)]
)
def test_an_address_or_method_that_is_not_there_is_a_problem(ask, method, path, status):
    answer = ask(method, path)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    if status == 405:
        assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


def test_what_may_be_left_out_may_be_null(ask):
    campaign = ask("POST", "campaigns", {"name": "Sale", "market": None, "anchor": None, "objective": None})
    assert campaign.status_code == 201, campaign.content
    stage = ask(
        "POST",
        f"campaigns/{campaign.json()['id']}/stages",
        {"name": "Launch", "start_offset": None, "end_offset": None},
    )
    assert stage.status_code == 201, stage.content
    plan = {"stage": stage.json()["id"], "channel": "email"}
    bare = dict.fromkeys(("content", "account", "audience", "moment", "title"))
    assert ask("POST", "publications", {**plan, **bare}).status_code == 201
    order = {"external_id": "1", "total": "5.00", "contact": None, "currency": None, "lines": None}
    assert ask("POST", "orders", {**order, "code": None, "click_token": None}).status_code == 201


@pytest.mark.parametrize("moment", ["at", "local"])
def test_a_moment_that_passed_long_ago_can_be_scheduled_and_is_held(ask, market, moment):
    rows = b'{"external_id": "1", "email": "ann@example.com", "consents": ["email"], "timezone": "UTC"}\n'
    contacts.upsert_lines(iter([rows]), source="test")
    settings = {"host": "127.0.0.1", "port": 2525, "security": "none"}
    account = ask("POST", "channel-accounts", {"provider": "smtp", "name": "Mail", "settings": settings}).json()["id"]
    segment = ask("POST", "segments", {"name": "All", "rule": {"all": True}}).json()["id"]
    email = {"subject": "Sale", "html": "<p>Now</p>"}
    content = ask("POST", "messages", {"name": "Sale", "renditions": {"email": email}}).json()["id"]
    campaign = ask("POST", "campaigns", {"name": "Sale"}).json()["id"]
    stage = ask("POST", f"campaigns/{campaign}/stages", {"name": "Launch"}).json()["id"]
    wall = (clock.now() - timedelta(hours=30)).replace(tzinfo=None).isoformat(timespec="seconds")
    publication = ask(
        "POST",
        "publications",
        {
            "stage": stage,
            "content": content,
            "channel": "email",
            "account": account,
            "audience": {"include": [segment]},
            "moment": {"at": wall, "timezone": "UTC"} if moment == "at" else {"local": wall},
        },
    ).json()["id"]
    assert ask("POST", f"publications/{publication}/approve", who="reviewer").status_code == 200
    assert ask("POST", f"publications/{publication}/schedule").status_code == 200
    scheduler.tick()
    found = ask("GET", f"publications/{publication}").json()
    assert found["state"] == "held"
    assert found["state_reason"]
    assert ask("POST", f"publications/{publication}/release", who="reviewer").status_code == 200
    assert ask("GET", f"publications/{publication}").json()["state"] in {"scheduled", "live"}
