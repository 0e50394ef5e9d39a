"""Providers that do not answer: the account rests and is tried with one message; nobody else waits for them."""

import pytest

from campaigns.publishing import selectors
from campaigns.publishing.models import Attempt, Chunk, Delivery
from campaigns.publishing.services import chunks, doubts, fuses, publications, sweeper, tower
from campaigns.publishing.services.slots import slots
from campaigns.publishing.states import ChunkState
from channels import registry
from channels.base import Blame, Capabilities, Channel, Outcome, Result
from channels.models import ChannelAccount
from channels.services import health
from core import clock
from tests.integration.publishing.conftest import LATER, SILENT, Paper, ReplaySafe, answer, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]


class PaperBatch(Paper):
    """Ten in a call. `calls_made` is each call's addresses; `verdict` says what becomes of a call."""

    slug = "paper-batch"
    capabilities = Capabilities(channel=Channel.EMAIL, batch_size=10)
    calls_made: list = []
    verdict = None

    def send(self, jobs, flight):
        jobs = list(jobs)
        for start in range(0, len(jobs), 10):
            batch = jobs[start : start + 10]
            if flight.should_stop():
                return
            flight.started([job.ref for job in batch])
            type(self).calls_made.append([job.address for job in batch])
            result = type(self).verdict(batch) if type(self).verdict else Result.ACCEPTED
            outcomes = [Outcome(job.ref, result, code="500") for job in batch]
            flight.answered(outcomes)
            yield from outcomes
            if result == Result.AMBIGUOUS:
                return


@pytest.fixture
def batches(shop):
    PaperBatch.calls_made, PaperBatch.verdict = [], None
    registry.register(PaperBatch)
    yield shop.account(PaperBatch)
    registry.unregister(PaperBatch.slug)


VERY_LATE = chunks.SICK_AFTER.total_seconds() + 1


def later(time_machine, seconds):
    time_machine.move_to(clock.now().timestamp() + seconds)


def test_after_the_first_call_without_an_answer_the_account_rests_and_one_message_tries_it(shop, batches, time_machine):
    """SendGrid answered 500 for 30 s: 400 of 400 were in doubt after 10 s, and the publication done."""
    shop.people(40)
    PaperBatch.verdict = lambda batch: Result.AMBIGUOUS
    publication = shop.work(shop.sent(account=batches), turns=3)
    assert states(publication) == {("unknown", "no_answer"): 10, ("pending", ""): 30}
    batches.refresh_from_db()
    assert batches.health == "waiting"
    assert "No answer came to 10 messages" in batches.last_error
    later(time_machine, 41)
    shop.work(publication, turns=3)
    assert [len(call) for call in PaperBatch.calls_made] == [10, 1], "one message tries it"
    PaperBatch.verdict = None
    later(time_machine, 41)
    shop.work(publication)
    assert [len(call) for call in PaperBatch.calls_made] == [10, 1], "the second rest is longer"
    later(time_machine, 41)
    shop.work(publication, turns=2)
    assert states(publication) == {("unknown", "no_answer"): 11, ("accepted", ""): 29}
    batches.refresh_from_db()
    assert (batches.health, batches.strikes, batches.unanswered) == ("ok", 0, 0)


def test_of_single_messages_a_few_in_a_row_say_that_the_provider_is_not_well(shop):
    shop.people(40)
    for number in range(40):
        Paper.script[f"c{number}@shop.example"] = SILENT
    publication = shop.work(shop.sent(), turns=3)
    publication.account.refresh_from_db()
    assert publication.account.health == "waiting"
    assert selectors.ledger(publication)["unknown"] <= 25, "the slice that was in the air"
    assert publication.state == "live"


def test_lost_answers_here_and_there_do_not_stop_an_account(shop):
    shop.people(60)
    for number in range(0, 60, 20):
        Paper.script[f"c{number}@shop.example"] = SILENT
    publication = shop.sent()
    publication.account.refresh_from_db()
    assert publication.account.health == "ok"
    assert publication.state == "done"
    assert states(publication) == {("accepted", ""): 57, ("unknown", "no_answer"): 3}


def much_in_doubt(shop, batches, time_machine, people=40):
    shop.people(people)
    PaperBatch.verdict = lambda batch: Result.AMBIGUOUS
    publication = shop.sent(account=batches)
    PaperBatch.verdict = None
    later(time_machine, 41)
    return shop.work(publication, turns=3)


def test_a_run_with_much_in_doubt_is_held_with_a_sentence_and_not_done(shop, batches, time_machine):
    publication = much_in_doubt(shop, batches, time_machine)
    assert states(publication) == {("unknown", "no_answer"): 10, ("accepted", ""): 30}, "the rest went out by itself"
    assert (publication.state, publication.state_reason) == ("held", "doubts")
    assert sweeper.release_resolved() == 0
    publications.release(publication, shop.reviewer)
    shop.work(publication)
    assert publication.state == "done"
    assert selectors.ledger(publication)["unknown"] == 10


def test_evidence_lets_it_go_on_by_itself(shop, batches, time_machine):
    publication = much_in_doubt(shop, batches, time_machine)
    doubts.accept(list(doubts.all_doubts())[:9], shop.reviewer)
    assert sweeper.release_resolved() == 1
    shop.work(publication)
    assert publication.state == "done"


def test_a_run_that_keeps_losing_answers_is_stopped_in_the_middle(shop, monkeypatch):
    monkeypatch.setattr(fuses, "FUSE_OUTCOMES", 40)
    shop.people(120)
    for number in range(0, 120, 3):
        Paper.script[f"c{number}@shop.example"] = SILENT
    publication = shop.scheduled()
    shop.work(publication)
    publication.runs.update(state="live")
    type(publication).objects.filter(pk=publication.pk).update(state="live")
    assert sweeper.fuse() == 1
    publication.refresh_from_db()
    assert publication.state_reason == "fuse_doubts"


# --- A budget of the message's own ---


def test_only_answers_about_the_message_spend_its_budget(shop, time_machine):
    """An outage of 331 s made the first true greylisting give a recipient up that the server had seen once."""
    shop.people(1)
    Paper.script["c0@shop.example"] = answer(Result.RETRY, code="unreachable", blame=Blame.PROVIDER)
    publication = shop.scheduled()
    for _ in range(12):
        shop.work(publication)
        later(time_machine, 61)
    assert Attempt.objects.count() >= 8
    Paper.script["c0@shop.example"] = LATER
    later(time_machine, 61)
    shop.work(publication)
    row = Delivery.objects.get()
    assert (row.state, row.deferrals) == ("pending", 1)
    assert (row.next_at - clock.now()).total_seconds() <= 31, "and the first pause is the short one"
    Paper.script.clear()
    later(time_machine, 61)
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 1}


def test_eight_answers_about_the_message_spend_it(shop, time_machine):
    shop.people(1)
    Paper.script["c0@shop.example"] = LATER
    publication = shop.scheduled()
    for number in range(8):
        assert Delivery.objects.filter(state="rejected").count() == 0, number
        shop.work(publication)
        later(time_machine, 1801)
    assert states(publication) == {("rejected", "gave_up"): 1}
    assert publication.deliveries.get().deferrals == 8


# --- What waits for an answer has a lease of its own ---


def hangs(monkeypatch, before, *, seconds=VERY_LATE):
    """Let the watch look, at the age of `seconds`, when `before` says so of a job that is about to be answered."""
    aloft = []
    watching = tower.watching

    def remembering(flight):
        aloft[:] = [flight]
        return watching(flight)

    monkeypatch.setattr(tower, "watching", remembering)

    def answer_late(job):
        if before(job):
            aloft[0].slice.began -= seconds
            tower.look(aloft[0])
        return Outcome(job.ref, Result.ACCEPTED, provider_id="late")

    return answer_late


def test_what_hangs_is_set_apart_and_the_rest_is_free_at_once(shop, monkeypatch):
    people = shop.people(6)
    seen = {}

    def look_around(job):
        late(job)
        seen["states"] = states(publication)
        seen["chunks"] = list(Chunk.objects.order_by("number").values_list("state", "is_retry", "silent"))
        seen["unanswered"] = chunks.is_unanswered(publication.account_id)
        seen["slots"] = (slots.of_account[publication.account_id], slots.aside[publication.account_id])
        shop.work(publication)
        seen["fed"] = states(publication)
        seen["other"] = states(shop.work(other))
        return Outcome(job.ref, Result.ACCEPTED)

    late = hangs(monkeypatch, lambda job: True, seconds=tower.PATIENCE)
    Paper.script[people[0].endpoints.get().address] = look_around
    other = shop.scheduled(account=shop.account(ReplaySafe))
    publication = shop.scheduled()
    shop.work(publication)
    assert seen["states"] == {("attempting", ""): 1, ("pending", ""): 5}
    assert seen["slots"] == (0, 1), "it has its thread, and no slot"
    assert seen["fed"] == seen["states"]
    assert seen["other"] == {("accepted", ""): 6}, "another account goes on meanwhile"
    assert (ChunkState.LEASED, True, True) in seen["chunks"]
    assert (ChunkState.OPEN, False, False) in seen["chunks"]
    assert seen["unanswered"], "the account is given no more"
    shop.work(publication, turns=2)
    assert states(publication) == {("accepted", ""): 6}
    assert not chunks.is_unanswered(publication.account_id)
    assert not Chunk.objects.filter(waiting_since__isnull=False).exists()
    assert publication.state == "done"
    assert len(Paper.calls) == 6
    assert (slots.of_account.total(), slots.aside.total()) == (0, 0)


def test_a_slice_that_nobody_answers_makes_the_account_rest(shop, monkeypatch):
    shop.people(2)
    health_then = []

    def look_around(job):
        late(job)
        health_then.append(ChannelAccount.objects.get().health)
        return Outcome(job.ref, Result.AMBIGUOUS, code="timeout")

    late = hangs(monkeypatch, lambda job: True)
    Paper.script["c0@shop.example"] = look_around
    publication = shop.sent()
    account = ChannelAccount.objects.get()
    assert health_then == ["waiting"]
    assert account.strikes == 1, "one silence is one strike, though the answer was found lost in the end"
    assert "has not answered for 20 seconds" in account.last_error
    assert states(publication) == {("unknown", "no_answer"): 1, ("pending", ""): 1}


def test_a_worker_that_dies_while_it_waits_leaves_no_more_in_doubt_than_was_in_the_air(shop, monkeypatch):
    class Killed(BaseException):
        pass

    def die(job):
        late(job)
        raise Killed

    shop.people(6)
    late = hangs(monkeypatch, lambda job: True, seconds=tower.PATIENCE)
    Paper.script["c2@shop.example"] = die
    publication = shop.scheduled()
    with pytest.raises(Killed):
        shop.work(publication)
    assert sweeper.sweep_leases() == 1
    Paper.script.clear()
    shop.work(publication, turns=2)
    assert states(publication) == {("accepted", ""): 5, ("unknown", "worker_lost"): 1}
    assert not Chunk.objects.filter(waiting_since__isnull=False).exists()


# --- Health ---


def test_one_worker_tries_an_account_that_is_not_well(shop):
    account = shop.account()
    health.silent(account.pk, "Silence.")
    ChannelAccount.objects.update(blocked_until=clock.now())
    assert health.take_probe(account.pk)
    assert health.take_probe(account.pk) is None


def test_found_silent_by_several_at_once_is_one_strike(shop):
    account = shop.account()
    until = {health.silent(account.pk, "Silence.") for _ in range(4)}
    assert len(until) == 1
    account.refresh_from_db()
    assert account.strikes == 1
    assert health.fine(account.pk)
    assert not health.fine(account.pk)
