"""Workers that die or stand still, at every place where it could hurt: F1, F2, F3, F4, F8, F24."""

import os
import signal
import time

import pytest

from tests.faults.conftest import everywhere, on_servers_too
from tests.faults.harness.compare import check, in_doubt
from tests.faults.harness.place import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults]
PEOPLE = 200
GOES_ON_WITHIN = 60.0


def mailing(place, server, people=PEOPLE):
    """Everyone of a fresh shop gets a mail over `server`."""
    place.do("set_up", people=people)
    return place.do("publish", account=place.do("account", provider="smtp", settings=server.settings))


def killed_at(place, point, times, then):
    """Start a worker that dies at `point`, again and again; then a sound one. Returns how many died."""
    place.up(workers=0)
    died = 0
    for _number in range(times):
        worker = place.start_worker(f"{point}:kill:{then}")
        try:
            wait_until(lambda worker=worker: worker.poll() is not None, GOES_ON_WITHIN, f"a worker to die at {point}")
        except AssertionError:
            if died:
                break  # the others have sent everything there was
            raise
        assert worker.returncode == -signal.SIGKILL
        place.workers.remove(worker)
        died += 1
    place.start_worker()
    return died


@everywhere
def test_killed_before_the_call_everyone_gets_it_once(place, mail):
    """F1: the journal proves that nothing had begun, so nothing is in doubt."""
    mailing(place, mail)
    assert killed_at(place, "before_call", times=3, then=1) == 3
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE == mail.total
    assert set(mail.record.addresses.values()) == {1}


@on_servers_too
def test_killed_after_the_provider_took_it_nobody_gets_it_twice(place, mail):
    """F2 over SMTP: at most what was in the air is in doubt, and every gap is listed."""
    mailing(place, mail)
    died = killed_at(place, "after_accept", times=3, then=9)
    place.wait_for_state("done")
    end = check(place, mail)
    doubts = in_doubt(end["rows"])
    assert died <= len(doubts) <= died * 8, "each death leaves what was in the air, no more"
    assert len(doubts) + end["ledger"]["accepted"] == PEOPLE
    assert set(mail.record.addresses.values()) == {1}


@pytest.mark.everywhere
@everywhere
def test_killed_in_the_middle_of_a_slice_the_rest_goes_on(place, mail):
    """F3: item 17 of a slice."""
    mailing(place, mail)
    assert killed_at(place, "in_flight", times=1, then=17) == 1
    place.wait_for_state("done")
    end = check(place, mail)
    assert len(in_doubt(end["rows"])) <= 8
    assert end["ledger"]["accepted"] >= PEOPLE - 8


@everywhere
def test_the_whole_container_is_killed(place, mail):
    """F4: workers and scheduler at one blow; others start and go on within a minute."""
    mailing(place, mail)
    place.up()
    wait_until(lambda: mail.total >= 40, 60, "a start")
    place.kill_everything()
    at_rest = mail.total
    place.up()
    killed = time.monotonic()
    # What was in the sockets comes within a moment: going on means more than that.
    wait_until(lambda: mail.total > at_rest + 16, GOES_ON_WITHIN, "going on")
    assert time.monotonic() - killed < GOES_ON_WITHIN
    place.wait_for_state("done")
    check(place, mail)


@pytest.mark.everywhere
@everywhere
def test_a_commit_that_fails_after_the_provider_took_it_is_closed_by_the_journal(place, mail):
    """F8: the answers are in the journal; nothing stays in doubt and nothing is sent again."""
    mailing(place, mail)
    place.up(workers=1, failpoints="commit:database:2,commit:database:4")
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE == mail.total
    assert end["ledger"]["unknown"] == 0


@everywhere
def test_killed_between_answer_and_commit_the_journal_closes_every_row(place, mail):
    """F8, with a kill: what was answered is in the journal of the dead worker."""
    mailing(place, mail)
    assert killed_at(place, "commit", times=2, then=2) == 2
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE == mail.total


@everywhere
def test_a_worker_that_stood_still_for_longer_than_its_lease_sends_nobody_anything_twice(place, mail):
    """A pause of the machine (SIGSTOP): others take over, and the one that wakes up has lost its lease."""
    mailing(place, mail)
    place.up()
    wait_until(lambda: mail.total >= 40, 60, "a start")
    sleeper = place.workers[0]
    os.kill(sleeper.pid, signal.SIGSTOP)
    time.sleep(8)  # the lease is five seconds
    os.kill(sleeper.pid, signal.SIGCONT)
    place.wait_for_state("done")
    check(place, mail)
    assert set(mail.record.addresses.values()) == {1}


@pytest.mark.parametrize("leaving", ["unsubscribe_one", pytest.param("erase_one", marks=pytest.mark.everywhere)])
def test_who_leaves_between_claim_and_call_is_not_written_to(place, mail, leaving):
    """F24: the worker holds the chunk and sleeps; who leaves meanwhile is asked about again before the call."""
    mailing(place, mail, people=30)
    place.up(workers=1, failpoints="claimed:sleep=4")
    wait_until(lambda: any(chunk["state"] == "leased" for chunk in place.do("chunks")), 60, "the claim", 0.1)
    place.do(leaving, external_id="c7")
    assert mail.total == 0, "the claim came first, the sending did not"
    place.wait_for_state("done")
    end = check(place, mail)
    assert "c7@shop.example" not in mail.record.addresses
    assert end["ledger"]["accepted"] == 29
    assert [row["reason"] for row in end["rows"] if row["state"] == "skipped"] in (["suppressed"], ["erased"])


@pytest.mark.everywhere
@everywhere
def test_no_call_begins_a_second_after_an_unsubscription(place, mail):
    """F24 and G7, in the middle of sending: nobody's mail comes later than a second after they left."""
    mailing(place, mail, people=400)
    place.up()
    wait_until(lambda: mail.total >= 60, 60, "a start")
    left = {f"c{number}": place.do("unsubscribe_one", external_id=f"c{number}") for number in range(399, 339, -10)}
    place.wait_for_state("done")
    check(place, mail)
    for one in mail.record.read():
        committed = left.get(one.address.partition("@")[0])
        assert committed is None or one.at < committed + 1.5, "1 s, and the server's own delay"
