"""Workers that vanish, in miniature: what the journal proves, what falls into doubt, and that old holders cannot write."""

import os
from datetime import timedelta

import pytest

from campaigns.publishing import audit, journal, selectors
from campaigns.publishing.models import Attempt, Chunk, Delivery, SealPart
from campaigns.publishing.services import chunks, runs, sweeper
from campaigns.publishing.services.pipeline import Sender, SliceFlight
from campaigns.publishing.states import ChunkState
from channels.base import Outcome, Result
from core import clock, heartbeat
from tests.integration.publishing.conftest import Paper, states

pytestmark = pytest.mark.django_db


class Vanished:
    """A worker that has a slice in the air and is gone."""

    def __init__(self, shop, count=6):
        """`count` people are made; none for 0: the test has made its own."""
        if count:
            shop.people(count)
        self.publication = shop.scheduled()
        self.run = self.publication.runs.get()
        runs.start(self.run.pk)
        self.run.refresh_from_db()
        self.journal = journal.Journal()
        self.sender = Sender(self.run, self.journal)
        self.lease = chunks.lease(self.run.pk, self.journal.owner)
        self.slice = self.sender.advance(self.lease, None, stop=False)
        rows = {f"r{row.seq}": row for row in self.slice.rows}
        self.flight = SliceFlight(self.journal, rows, self.slice.began)

    def die(self):
        self.journal.leave()


@pytest.fixture
def worker(shop):
    return Vanished(shop)


def test_the_journal_narrows_the_doubt(worker, shop):
    worker.flight.started(["r1", "r2"])
    worker.flight.answered([Outcome("r1", Result.ACCEPTED, "id-1")])
    worker.die()
    assert sweeper.sweep_leases() == 1
    assert states(worker.publication) == {("accepted", ""): 1, ("unknown", "worker_lost"): 1, ("pending", ""): 4}
    assert Attempt.objects.count() == 2
    shop.work(worker.publication)
    assert states(worker.publication) == {("accepted", ""): 5, ("unknown", "worker_lost"): 1}
    assert len(Paper.calls) == 4
    assert audit.audit() == []
    assert journal.orphans() == []


def test_after_another_boot_only_answers_count(worker, monkeypatch):
    worker.flight.started(["r1"])
    worker.flight.answered([Outcome("r1", Result.ACCEPTED)])
    worker.die()
    monkeypatch.setattr(heartbeat, "boot_id", lambda: "another")
    sweeper.sweep_leases()
    assert states(worker.publication) == {("accepted", ""): 1, ("unknown", "worker_lost"): 5}


def test_on_another_machine_everything_in_the_air_is_in_doubt_once_the_lease_is_over(worker):
    worker.flight.started(["r1"])
    worker.journal.path.unlink()
    assert sweeper.sweep_leases() == 0
    Chunk.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert sweeper.sweep_leases() == 1
    assert states(worker.publication) == {("unknown", "worker_lost"): 6}
    worker.journal.leave()


def test_a_worker_that_lives_is_left_alone(worker):
    assert journal.orphans() == []
    assert sweeper.sweep_leases() == 0
    worker.die()


@pytest.mark.parametrize(
    "torn", [b'["a",[[1,1,"acc', b'["s",[[1,1]\n', b"\0" * 512, b"7\n", b'["s",[[1]]]\n', b'["a",7]\n']
)
def test_a_journal_with_a_line_that_is_not_whole_proves_answers_only(worker, torn):
    """What it does not tell of may have stood in that line: it is in doubt, and not sent again."""
    worker.flight.started(["r1", "r2"])
    os.write(worker.journal._file, torn)
    os.write(worker.journal._file, b"\n")
    worker.flight.answered([Outcome("r1", Result.ACCEPTED)])
    worker.die()
    sweeper.sweep_leases()
    assert states(worker.publication) == {("accepted", ""): 1, ("unknown", "worker_lost"): 5}


def test_who_lost_the_lease_cannot_write_but_its_answers_prove(worker):
    Chunk.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    worker.flight.started([f"r{n}" for n in range(1, 7)])
    sweeper.sweep_leases()
    assert selectors.ledger(worker.publication)["unknown"] == 6
    flown = worker.sender.fly(worker.slice)
    with pytest.raises(chunks.LostLease):
        worker.sender.advance(worker.lease, flown, stop=False)
    worker.sender.rescue(worker.lease, flown)
    assert states(worker.publication) == {("accepted", "journal"): 6}
    worker.die()


def test_a_chunk_has_one_holder(worker):
    assert chunks.lease(worker.run.pk, "another") is None
    worker.die()


def test_what_a_leased_chunk_has_not_reached_is_claimed(shop, monkeypatch):
    from campaigns.publishing.services import pipeline

    monkeypatch.setattr(pipeline, "FIRST_SLICE", 2)
    worker = Vanished(shop)
    counts = selectors.ledger(worker.publication)
    assert (counts["attempting"], counts["claimed"], counts["pending"]) == (2, 4, 0)
    assert sum(counts.values()) == counts["targeted"] * 2
    worker.die()


@pytest.mark.parametrize(
    ("rule", "breaking"),
    [
        ("the_counts_add_up", lambda: Delivery.objects.last().delete()),
        ("rows_are_as_many_as_frozen", lambda: Delivery.objects.last().delete()),
        ("attempts_tell_the_same_story", lambda: Delivery.objects.update(attempts_made=9)),
        ("what_was_sent_has_an_attempt", lambda: Delivery.objects.update(attempts_made=0)),
        ("what_is_in_the_air_is_held", lambda: Chunk.objects.update(state=ChunkState.OPEN)),
        ("chunks_cover_the_run", lambda: Chunk.objects.filter(is_retry=False).update(last_seq=2)),
        ("what_was_approved_is_what_is_sent", lambda: SealPart.objects.update(compiled=b"{}")),
        ("skipped_and_rejected_say_why", lambda: Delivery.objects.update(state="skipped", reason="")),
        ("done_means_done", lambda: Delivery.objects.first().run.__class__.objects.update(state="done")),
        (
            "a_chunk_knows_where_it_is",
            lambda: Delivery.objects.update(state="pending"),
        ),
    ],
)
def test_the_audit_finds_what_is_broken(worker, rule, breaking):
    assert audit.audit() == []
    if rule in {"the_counts_add_up", "rows_are_as_many_as_frozen"}:
        Attempt.objects.all().delete()
    breaking()
    assert rule in {violation.rule for violation in audit.audit(worker.publication)}
    worker.die()
