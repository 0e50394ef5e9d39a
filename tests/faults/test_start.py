"""On time: twenty publications due at one second begin within ten, and none of them early."""

import time

import pytest

from tests.faults.harness.compare import check
from tests.faults.harness.place import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults]
PUBLICATIONS = 20
PEOPLE = 60
WITHIN = 10.0
AHEAD = 12
"""Seconds until they are due: everything is up and waits by then."""


def test_twenty_publications_due_at_one_second_begin_within_ten(place, mail):
    mail.delay = 0.01
    place.do("set_up", people=PEOPLE)
    account = place.do("account", provider="smtp", settings=mail.settings)
    made = [place.do("publish", account=account, seconds=3600) for _number in range(PUBLICATIONS)]
    due = int(time.time()) + AHEAD
    place.do("set_due", publications=made, at=due)
    place.up()
    wait_until(lambda: mail.total >= PUBLICATIONS * PEOPLE, 120, "everything")
    late = sorted(place.do("starts"))
    print(f"first messages after {late[0]:.1f} to {late[-1]:.1f} s")
    assert len(late) == PUBLICATIONS
    assert late[0] >= 0
    assert late[-1] <= WITHIN
    assert min(one.at for one in mail.record.read()) >= due
    for publication in made:
        place.wait_for_state("done", publication=publication)
    check(place, mail)
    assert set(mail.record.addresses.values()) == {PUBLICATIONS}
