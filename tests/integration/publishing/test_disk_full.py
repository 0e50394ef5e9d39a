"""Sending on a disk that runs full: what was not begun is not in doubt, and it goes on by itself."""

import pytest

from campaigns.publishing import audit, journal, scheduler
from campaigns.publishing.journal import Unwritable
from campaigns.publishing.services import sweeper
from core import disk
from tests.integration.publishing.conftest import Paper, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(monkeypatch):
    """`full[0]` says whether there is too little room."""
    switch = [False]
    monkeypatch.setattr(disk, "shortage", lambda: disk.Shortage("ALMANAC_HOME", 0) if switch[0] else None)
    return switch


def test_nothing_begins_below_the_reserve_and_nobody_is_rung_for(shop, papers, full, sound):
    shop.people(3)
    publication = shop.scheduled()
    full[0] = True
    papers.clear()
    assert sweeper.ring() == 0
    shop.work(publication)
    assert (Paper.calls, papers, publication.state) == ([], [], "scheduled")
    full[0] = False
    shop.work(publication)
    assert publication.state == "done"
    assert states(publication) == {("accepted", ""): 3}


def test_a_disk_that_runs_full_in_the_middle_stops_the_slice_and_leaves_no_doubt(shop, full, sound):
    shop.people(6)
    publication = shop.scheduled()

    def third(job):
        full[0] = len(Paper.calls) >= 2

    Paper.before = third
    shop.work(publication)
    assert len(Paper.calls) == 3, "the one that had begun went out"
    assert states(publication) == {("accepted", ""): 3, ("pending", ""): 3}
    Paper.before = None
    full[0] = False
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 6}
    assert len({job.address for job in Paper.calls}) == 6 == len(Paper.calls)


def test_a_start_that_the_journal_does_not_take_is_not_made(shop, monkeypatch, sound):
    shop.people(5)
    publication = shop.scheduled()
    real = journal.Journal.started

    def started(book, keys):
        if len(Paper.calls) == 2:
            raise Unwritable("No space left on device.")
        real(book, keys)

    monkeypatch.setattr(journal.Journal, "started", started)
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 2, ("pending", ""): 3}
    account = publication.account
    account.refresh_from_db()
    assert account.health == "ok", "it is not the provider's fault"
    monkeypatch.undo()
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 5}
    assert len(Paper.calls) == 5


def test_the_scheduler_is_quiet_about_what_passes_by_itself(monkeypatch, caplog):
    import sqlite3

    from django.db import OperationalError

    def busy():
        error = OperationalError("database is locked")
        error.__cause__ = sqlite3.OperationalError("database is locked")
        error.__cause__.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    def broken():
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(scheduler, "STEPS", ((0, busy),))
    scheduler.tick()
    assert caplog.text == ""
    monkeypatch.setattr(scheduler, "STEPS", ((0, broken),))
    with pytest.raises(RuntimeError):
        scheduler.tick()
    assert "a mistake of ours" in caplog.text


def test_the_audit_of_a_sound_ledger_finds_nothing(shop):
    shop.people(1)
    shop.sent()
    assert audit.audit() == []
