"""SQLite has one writer at a time: who only reads neither waits for it nor keeps it out."""

import sqlite3
import time

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from campaigns.publishing import audit
from core import db
from core.models import Market

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite's one writer"),
]


@pytest.fixture
def other():
    """Another process's connection, which does not wait."""
    made = sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=0, isolation_level=None)
    yield made
    made.close()


def test_the_audit_does_not_wait_for_a_writer(other, capsys):
    other.execute("BEGIN IMMEDIATE")
    asked = time.monotonic()
    assert audit.audit() == []
    call_command("audit_ledger")
    assert time.monotonic() - asked < 10
    assert "0 violations" in capsys.readouterr().out


def test_who_starts_meanwhile_does_not_take_the_database_for_one_without_json(other):
    """The system check of every command, worker and scheduler asks for this."""
    other.execute("BEGIN IMMEDIATE")
    fresh = connection.copy()
    asked = time.monotonic()
    assert fresh.features.supports_json_field
    assert time.monotonic() - asked < 5
    fresh.close()


def test_the_audit_keeps_no_writer_out(other, monkeypatch):
    def meanwhile(only):
        list(Market.objects.all())
        other.execute("BEGIN IMMEDIATE")  # raises “database is locked” when the audit holds it
        other.execute("UPDATE core_market SET name = 'changed'")
        other.execute("COMMIT")
        return iter([])

    monkeypatch.setattr(audit, "RULES", (meanwhile,))
    assert audit.audit() == []


def test_one_picture_is_of_one_instant(other, market):
    with db.one_picture():
        before = Market.objects.get().name
        other.execute("UPDATE core_market SET name = 'changed'")
        assert Market.objects.get().name == before
    assert Market.objects.get().name == "changed"


def test_what_writes_afterwards_begins_as_a_writer(other, market):
    with db.one_picture():
        Market.objects.count()
    with transaction.atomic(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
