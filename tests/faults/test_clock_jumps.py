"""F10: the machine's clock is set by hours and days under running workers. Nothing goes out early and nothing twice.

The workers and the scheduler are the real ones. Only what they take for the machine's clock is set, in the file that
``ALMANAC_TEST_CLOCK`` names (libfaketime upsets the workers' threads and the database's own clock).
"""

import time

import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness import place as places
from tests.faults.harness.compare import check
from tests.faults.harness.place import wait_until
from tests.faults.test_workers import GOES_ON_WITHIN

pytestmark = [pytest.mark.slow, pytest.mark.faults]

HOUR = 3600
COUNT = 60
SOON = 12


@everywhere
def test_a_clock_that_jumps_sends_nothing_early_and_nothing_twice(tmp_path, mail, profile):
    """The clock is set while the first publication goes out; the last one is due after it is right again."""
    clock = tmp_path / "clock"
    with places.place(tmp_path / "home", profile, env={"ALMANAC_TEST_CLOCK": str(clock)}) as place:
        place.do("set_up", people=COUNT)
        account = place.do("account", provider="smtp", settings=mail.settings)
        first = place.do("publish", account=account)
        tomorrow = [place.do("publish", account=account, seconds=hours * HOUR) for hours in (3, 48)]
        last = place.do("publish", account=account, seconds=HOUR)
        mail.delay = 0.15
        place.up(workers=1)
        for number, offset in enumerate((2 * HOUR, -2 * HOUR, 24 * HOUR, -24 * HOUR), start=1):
            wait_until(lambda least=number * 8: mail.total >= least, GOES_ON_WITHIN, "mail")
            clock.write_text(str(offset))
        wait_until(lambda: mail.total >= COUNT, GOES_ON_WITHIN, "the first publication")
        due = time.time() + SOON
        place.do("set_due", publications=[last], at=due)
        clock.write_text(str(24 * HOUR))
        time.sleep(3)
        clock.write_text(str(-24 * HOUR))
        time.sleep(3)
        assert mail.total == COUNT, "nothing that is due tomorrow goes out today"
        clock.write_text("0")
        wait_until(lambda: mail.total > COUNT, SOON + 30, "the second publication")
        assert min(one.at for one in mail.record.read()[COUNT:]) >= due, "never early"
        for publication in (first, last):
            ledger = place.wait_for_state("done", publication=publication)["ledger"]
            assert (ledger["accepted"], ledger["unknown"]) == (COUNT, 0)
        check(place, mail)
        states = place.do("states")
        assert [states[publication] for publication in tomorrow] == ["scheduled", "scheduled"]
        assert set(mail.record.addresses.values()) == {2}, "one copy of each publication"
        assert "Traceback" not in place.logged.read_text()
