"""The probes: what they say to strangers, and to those who bring the token."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client

from config import views
from core import clock, heartbeat, installation, obstacles
from core.models import Installation, ProcessHeartbeat

TOKEN = "only-for-this-test-0123456789"


@pytest.fixture
def token(settings):
    settings.ALMANAC_MONITOR_TOKEN = TOKEN
    return {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}


@pytest.fixture
def heard(db):
    for kind in ("worker", "scheduler"):
        heartbeat.note(kind)


def said(answer):
    return answer.status_code, answer.content.decode().strip()


@pytest.mark.django_db
def test_a_process_that_answers_is_alive_and_ready_when_all_is_heard(client):
    assert said(client.get("/healthz")) == (200, "ok")
    assert said(client.get("/readyz")) == (503, "not ready")
    heartbeat.note("scheduler")
    assert said(client.get("/readyz/scheduler")) == (200, "ok")
    assert said(client.get("/readyz/workers")) == (503, "not ready")
    heartbeat.note("worker")
    assert said(client.get("/readyz")) == (200, "ok")
    ProcessHeartbeat.objects.filter(kind="worker").update(seen_at=clock.now() - timedelta(seconds=61))
    assert said(client.get("/readyz")) == (503, "not ready")


def test_plain_http_and_any_name_or_address_will_do(client, settings, heard):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["shop.example"]
    browser = Client()  # the middleware reads the setting when it is made
    for path in views.PROBES:
        answer = browser.get(path, headers={"host": "10.1.2.3:8000"})
        assert answer.status_code == (404 if path == "/metrics" else 200), path
    assert browser.get("/admin/login/", headers={"host": "shop.example"}).status_code == 301


@pytest.mark.usefixtures("heard", "token")
def test_strangers_learn_the_status_and_nothing_else(client):
    installation.this()
    Installation.objects.update(held_reason="restored")
    for given in ({}, {"HTTP_AUTHORIZATION": "Bearer guessed"}, {"HTTP_AUTHORIZATION": f"Basic {TOKEN}"}):
        for path in ("/healthz", "/readyz", "/readyz/sending", "/readyz/database"):
            answer = client.get(path, **given)
            assert said(answer) in {(200, "ok"), (503, "not ready")}
            assert set(answer.headers) <= {"Content-Type", "Retry-After"}
        assert client.get("/metrics", **given).status_code == 401


def test_whoever_brings_the_token_learns_why(client, token, heard):
    assert client.get("/healthz", **token).json()["live"] is True
    known = client.get("/readyz", **token).json()
    assert known.pop("disk_free_mb")["ALMANAC_HOME"] > 0
    assert known == {
        "ready": True, "failed": [], "state": "ok", "reason": "", "may_send": True, "database": True,
        "workers": 1, "schedulers": 1,
    }  # fmt: skip
    Installation.objects.update(held_reason="restored")
    answer = client.get("/readyz", **token)
    assert (answer.status_code, answer["X-Almanac-State"]) == (503, "held")
    assert answer.json()["failed"] == ["sending"]
    assert "restored backup" in answer.json()["reason"]
    assert client.get("/readyz/database").status_code == 200, "somebody has to confirm it: the balancer lets them in"
    assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("heard")
def test_whatever_stands_in_the_way_is_a_state_of_its_own(client, token, monkeypatch):
    full = obstacles.Obstacle("disk_full", "The disk is full.")
    monkeypatch.setitem(obstacles._looks, "disk", lambda: full)
    assert client.get("/readyz/sending", **token).json()["state"] == "disk_full"
    assert client.get("/readyz").status_code == 503


@pytest.mark.usefixtures("heard")
def test_too_little_room_is_not_ready(client, settings):
    settings.ALMANAC_DISK_RESERVE = 1 << 62
    assert client.get("/readyz/disk").status_code == 503
    assert client.get("/readyz").status_code == 503


@pytest.mark.django_db
def test_a_database_that_is_gone_is_503_and_no_trace(monkeypatch, token):
    def gone(*args, **options):
        raise OperationalError("the server closed the connection: password=canary")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
    client = Client(raise_request_exception=False)
    assert said(client.get("/healthz")) == (200, "ok"), "starting the process again would mend nothing"
    for path in ("/readyz", "/readyz/database", "/readyz/workers"):
        assert said(client.get(path)) == (503, "not ready")
    assert client.get("/readyz", **token).json() == {
        "ready": False, "failed": ["database"], "state": "no_database", "database": False,
    }  # fmt: skip
    assert b"almanac_database_up 0.0" in client.get("/metrics", **token).content
    answer = client.get("/admin/login/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert b"canary" not in answer.content
