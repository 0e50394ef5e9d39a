"""People who change their minds while it is being sent: F21, F22, F23."""

import threading
import time

import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness.compare import check
from tests.faults.harness.place import ConsoleError, wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, PEOPLE, mailing

pytestmark = [pytest.mark.slow, pytest.mark.faults]


@pytest.mark.everywhere
def test_an_edit_in_the_middle_changes_no_message_that_is_left(place, mail):
    """F21: what was approved is what everybody gets, though the message was edited and published at half time."""
    mailing(place, mail)
    place.up()
    wait_until(lambda: mail.total >= PEOPLE // 2, GOES_ON_WITHIN, "half of it")
    place.do("edit_message", subject="Something else for {{ first_name }}")
    place.wait_for_state("done")
    check(place, mail)
    assert {one.subject.partition(" ")[0] for one in mail.record.read()} == {"Hi"}


@everywhere
def test_ten_pauses_and_resumptions_by_two_people_at_once(place, mail):
    """F22 and A2: both press the same button each time; one wins, the other gets a conflict, nobody gets it twice."""
    publication = mailing(place, mail, people=300)
    people = [place.console(), place.console()]
    place.up()
    won, lost = [], []

    def press(console, verb):
        try:
            console.do("verb", publication=publication, name=verb)
            won.append(verb)
        except ConsoleError as error:
            assert error.kind == "Conflict", error
            lost.append(verb)

    for turn in range(20):
        wait_until(lambda turn=turn: mail.total >= 8 * turn, GOES_ON_WITHIN, "some messages") if turn % 2 == 0 else None
        verb = "pause" if turn % 2 == 0 else "resume"
        threads = [threading.Thread(target=press, args=(console, verb)) for console in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won.count(verb) == turn // 2 + 1, "exactly one of the two won"
        if verb == "pause":
            paused = time.time()
            time.sleep(1.2)
            assert [one for one in mail.record.read() if one.at > paused + 1.0] == [], "a pause holds within a second"
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == 300
    assert (len(won), len(lost)) == (20, 20)
    assert set(mail.record.addresses.values()) == {1}


@everywhere
def test_a_cancellation_ends_it_within_five_seconds(place, mail):
    """F22 and G6: after the click only what was in the air; whoever is left is skipped, and the ledger adds up."""
    publication = mailing(place, mail, people=400)
    place.up()
    wait_until(lambda: mail.total >= 60, GOES_ON_WITHIN, "a start")
    place.do("verb", publication=publication, name="cancel")
    cancelled = time.time()
    time.sleep(4)
    end = check(place, mail)
    assert max(one.at for one in mail.record.read()) < cancelled + 1.0
    assert end["state"] == "cancelled"
    assert end["ledger"]["accepted"] + end["ledger"]["skipped"] == 400


def test_contacts_that_come_and_go_in_the_middle(place, mail):
    """F23: the audience is who it was at the start; a hundred new ones get nothing, a hundred who leave get no more."""
    mailing(place, mail, people=300)
    place.up()
    wait_until(lambda: mail.total >= 40, GOES_ON_WITHIN, "a start")
    place.do("add_people", count=100, prefix="new")
    left = {f"c{number}": place.do("unsubscribe_one", external_id=f"c{number}") for number in range(299, 279, -1)}
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["targeted"] == 300
    assert not [address for address in mail.record.addresses if address.startswith("new")]
    late = [one for one in mail.record.read() if one.at > left.get(one.address.partition("@")[0], one.at) + 1.5]
    assert late == []
    assert {row["reason"] for row in end["rows"] if row["state"] == "skipped"} <= {"suppressed"}
