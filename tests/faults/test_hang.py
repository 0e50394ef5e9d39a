"""Mail servers that hang after the final dot: nobody else waits for them, and what they hold is bounded (F16)."""

import time
from contextlib import ExitStack

import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness.compare import unexplained
from tests.faults.harness.mail import MailServer, Reply
from tests.faults.harness.place import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults]

CONNECTIONS = 2
STARTS_WITHIN = 10.0
SHARE_OF_RATE = 0.9
MANY = 400


def hangs(stage, _address):
    """Never says a word about the message, and has not taken it."""
    return Reply(hang=True) if stage == "dot" else None


def sending(place, server, account):
    """Send to everybody over `server`; returns seconds until the first arrival, and messages a second after it."""
    place.do("publish", account=account)
    asked = time.monotonic()
    wait_until(lambda: server.total > 0, 60, "the first message")
    first = time.monotonic()
    wait_until(lambda: server.total >= MANY, 120, "the last message")
    return first - asked, MANY / (time.monotonic() - first)


@everywhere
def test_three_accounts_that_hang_take_nothing_from_the_others(place, tmp_path):
    """F16: a healthy account keeps nine tenths of its rate; killed then, in doubt is what is in flight, and nobody else."""
    place.do("set_up", people=MANY)
    with ExitStack() as stack:
        sick = [stack.enter_context(MailServer(tmp_path, rule=hangs, name=f"sick{n}")) for n in range(3)]
        # Slow enough that the wire, not this machine, sets the rate.
        well = [stack.enter_context(MailServer(tmp_path, delay=0.2, name=f"well{n}")) for n in range(2)]
        accounts = {
            server: place.do("account", provider="smtp", settings={**server.settings, "max_connections": CONNECTIONS})
            for server in [*sick, *well]
        }
        place.up()
        alone_after, alone = sending(place, well[0], accounts[well[0]])
        hanging = {server: place.do("publish", account=accounts[server]) for server in sick}
        time.sleep(4.0)
        beside_after, beside = sending(place, well[1], accounts[well[1]])
        print(f"alone: start {alone_after:.1f} s, {alone:.0f}/s; beside: start {beside_after:.1f} s, {beside:.0f}/s")
        assert beside_after <= STARTS_WITHIN
        assert beside >= SHARE_OF_RATE * alone
        in_flight = {}
        for server, publication in hanging.items():
            ledger = place.state(publication)["ledger"]
            in_flight[server] = ledger["attempting"]
            assert ledger["attempting"] <= 2 * 4 * CONNECTIONS, "what its connections hold, and no more"
            assert ledger["unknown"] == 0, "it may still answer"
            health = place.do("account_health", public_id=accounts[server])["health"]
            assert health == "waiting" or ledger["attempting"]
        for worker in list(place.workers):
            place.kill(worker)
        time.sleep(3.0)
        for server, publication in hanging.items():
            ledger = place.state(publication)["ledger"]
            assert ledger["attempting"] == 0
            assert ledger["unknown"] <= in_flight[server] + CONNECTIONS, (
                "and perhaps the message that tried it meanwhile"
            )
        assert place.do("audit") == []
        taken = [one for server in [*sick, *well] for one in server.record.read()]
        assert unexplained(taken, place.do("ledger")) == []
