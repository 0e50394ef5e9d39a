"""Workers are killed with SIGKILL in the middle of sending: nobody is written to twice, nobody is lost, every gap is listed.

The processes are the production ones (the Celery worker and the scheduler that `manage.py up` starts), the database and the
broker are real, and a mail server that counts is the ground truth. Many more deaths: ``python -m tests.faults.kills``.
"""

import random
import secrets
import time

import pytest

from tests.faults.harness.compare import check
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import Place, wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, mailing

pytestmark = pytest.mark.slow
DELIVERIES = 2_000
KILLS = 20
WORKERS = 2
IN_THE_AIR = WORKERS * 4 * 2
"""Connections that one kill can cut: threads of a worker times connections of an account."""


def test_twenty_kills_on_the_embedded_profile(place, mail):
    kill_and_count(place, mail)


@pytest.mark.faults
@pytest.mark.postgres
@pytest.mark.parametrize(
    "profile",
    [
        pytest.param("postgres-rabbitmq", marks=pytest.mark.rabbitmq),
        pytest.param("postgres-redis", marks=[pytest.mark.redis, pytest.mark.everywhere]),
    ],
)
def test_twenty_kills_on_the_production_profile(place, mail):
    kill_and_count(place, mail)


def kill_and_count(place: Place, mail: MailServer) -> None:
    """Twenty kills, and all bells lost at the tenth."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    mailing(place, mail, people=DELIVERIES)
    place.up(workers=WORKERS)
    gaps = []
    for number, count in enumerate(sorted(dice.sample(range(50, DELIVERIES - 150), KILLS))):
        wait_until(lambda count=count: mail.total >= count, GOES_ON_WITHIN + 30, f"{count} messages", 0.002)
        before, killed = mail.total, time.monotonic()
        place.kill(dice.choice(place.workers))
        place.start_worker()
        if number == KILLS // 2:
            place.flush_bells()
        # What the dead worker still had in its sockets comes within a moment: going on means more than that.
        wait_until(lambda before=before: mail.total > before, GOES_ON_WITHIN + 30, "going on", 0.002)
        gaps.append(time.monotonic() - killed)
    place.wait_for_state("done")
    assert max(gaps) < GOES_ON_WITHIN, gaps
    ledger = check(place, mail)["ledger"]
    assert set(mail.record.addresses.values()) == {1}
    assert ledger["targeted"] == DELIVERIES == ledger["accepted"] + ledger["unknown"]
    assert ledger["unknown"] <= KILLS * IN_THE_AIR
    assert '"violations": []' in place.manage("audit_ledger", "--json"), "the command says what the audit found"


def test_an_orderly_end_leaves_nothing_in_doubt(place, mail):
    """TERM in mid-sending: the slice in the air is finished, the chunks are given back, another worker goes on."""
    mailing(place, mail, people=600)
    place.up(workers=WORKERS)
    wait_until(lambda: mail.total >= 50, GOES_ON_WITHIN, "a start")
    asked = time.monotonic()
    for worker in place.workers:
        worker.terminate()
    for worker in place.workers:
        worker.wait(15)
    assert time.monotonic() - asked < 8
    place.workers.clear()
    assert mail.total < 600
    assert place.state()["ledger"]["unknown"] == 0
    for _number in range(WORKERS):
        place.start_worker()
    place.wait_for_state("done")
    assert check(place, mail)["ledger"]["accepted"] == 600 == mail.total
