"""F10: the machine's clock is set by hours and days under running workers. Nothing goes out early and nothing twice.

The workers and the scheduler are the real ones. Only what they take for the machine's clock is set, in the file that
``ALMANAC_TEST_CLOCK`` names (libfaketime upsets the workers' threads and the database's own clock).
"""

import os
import time
from datetime import UTC, datetime

import pytest

from tests.installation import postgres_database, wait_until
from tests.small_place import Mail, production, small_place

HOUR = 3600
COUNT = 60

PLANS = """
plan(Moment.now())
for hours in (3, 48, 1):
    at = clock.now() + timedelta(hours=hours)
    plan(Moment.fixed(at.date(), at.time(), "UTC"))
"""
SOON = 12


def jump_about(place, clock_file, mail):
    """The clock is set while the first publication goes out; the last one is due after it is right again."""
    place.env["ALMANAC_TEST_CLOCK"] = str(clock_file)
    place.set_up(COUNT, mail.port, PLANS)
    mail.delay = 0.15
    place.up()
    for number, offset in enumerate((2 * HOUR, -2 * HOUR, 24 * HOUR, -24 * HOUR), start=1):
        wait_until(lambda least=number * 8: mail.total >= least, 90, "mail")
        clock_file.write_text(str(offset))
    wait_until(lambda: mail.total >= COUNT, 60, "the first publication")
    due = time.time() + SOON
    moment = datetime.fromtimestamp(due, UTC).replace(tzinfo=None)
    place.execute(f"UPDATE publishing_run SET due_at = '{moment}' WHERE id = (SELECT max(id) FROM publishing_run)")
    clock_file.write_text(str(24 * HOUR))
    time.sleep(3)
    clock_file.write_text(str(-24 * HOUR))
    time.sleep(3)
    assert mail.total == COUNT, "nothing that is due tomorrow goes out today"
    clock_file.write_text("0")
    wait_until(lambda: mail.total > COUNT, SOON + 30, "the second publication")
    assert time.time() >= due - 0.5, "never early"
    return place.wait_for(["done", "scheduled", "scheduled", "done"])


def check(place, mail, end):
    assert set(mail.taken.values()) == {2}, "one copy of each publication"
    for number in (0, 3):
        ledger = end[number]["ledger"]
        assert (ledger["accepted"], ledger["unknown"]) == (COUNT, 0)
    assert place.audit() == []
    assert "Traceback" not in place.said()


@pytest.mark.slow
def test_jumps_on_sqlite(tmp_path):
    with Mail() as mail, small_place(tmp_path / "home") as place:
        check(place, mail, jump_about(place, tmp_path / "clock", mail))


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
def test_jumps_on_postgresql(tmp_path):
    broker = os.environ["ALMANAC_TEST_REDIS_URL"]
    with (
        postgres_database(os.environ["ALMANAC_TEST_POSTGRES_URL"]) as database,
        Mail() as mail,
        small_place(tmp_path / "home", **production(database, broker)) as place,
    ):
        check(place, mail, jump_about(place, tmp_path / "clock", mail))
