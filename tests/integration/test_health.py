"""The health check, and a database that went away."""

import pytest
from django.db import OperationalError
from django.test import Client

from core import heartbeat


@pytest.mark.django_db
def test_health_counts_the_processes_that_were_heard(client):
    assert client.get("/healthz").json() == {
        "database": True, "workers": 0, "schedulers": 0, "may_send": True, "reason": "",
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
    answer = client.get("/admin/login/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert b"canary" not in answer.content
