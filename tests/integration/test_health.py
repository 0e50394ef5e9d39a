"""The health check, and a database that went away."""

import pytest
from django.db import OperationalError
from django.test import Client

from core import heartbeat, installation, obstacles
from core.models import Installation


@pytest.mark.django_db
def test_health_counts_the_processes_that_were_heard(client):
    assert client.get("/healthz").json() == {
        "database": True, "state": "ok", "workers": 0, "schedulers": 0, "may_send": True, "reason": "",
    }  # fmt: skip
    heartbeat.note("scheduler")
    assert client.get("/healthz").json()["schedulers"] == 1


@pytest.mark.django_db
def test_a_database_that_is_gone_is_503_and_no_trace(monkeypatch):
    def gone(*args, **options):
        raise OperationalError("the server closed the connection: password=canary")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
    client = Client(raise_request_exception=False)
    assert client.get("/healthz").status_code == 503
    assert client.get("/healthz").json() == {"database": False, "state": "no_database"}
    assert client.get("/healthz/sending").status_code == 503
    answer = client.get("/admin/login/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert b"canary" not in answer.content


@pytest.mark.django_db
def test_a_held_installation_is_seen_by_monitors_and_not_started_again(client):
    assert client.get("/healthz/sending").status_code == 200
    installation.this()
    Installation.objects.update(held_reason="restored")
    answer = client.get("/healthz")
    assert (answer.status_code, answer["X-Almanac-State"]) == (200, "held")
    assert answer.json()["state"] == "held"
    assert not answer.json()["may_send"]
    assert "restored backup" in answer.json()["reason"]
    assert client.get("/healthz/sending").status_code == 503
    assert client.get("/healthz/sending").json()["state"] == "held"


@pytest.mark.django_db
def test_whatever_stands_in_the_way_is_a_state_of_its_own(client, monkeypatch):
    full = obstacles.Obstacle("disk_full", "The disk is full.")
    monkeypatch.setitem(obstacles._looks, "disk", lambda: full)
    assert client.get("/healthz").json()["state"] == "disk_full"
    assert client.get("/healthz/sending").status_code == 503
