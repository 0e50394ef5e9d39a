"""Mail servers that hang after the final dot: nobody else waits for them, and what they hold is bounded (F16).

The processes are the production ones; counting servers are the ground truth.
"""

import asyncio
import json
import os
import secrets
import signal
import time
from contextlib import ExitStack

import pytest

from tests.faults.bare import Place
from tests.faults.counting import CountingServer

FOR_EVER = 3600.0
CONNECTIONS = 2
STARTS_WITHIN = 10.0
SHARE_OF_RATE = 0.9
MANY = 200

SET_UP = """
from core.models import Market, User
from campaigns.audiences.services import contacts, segments
from campaigns.planning.services import campaigns, stages
from channels.services import accounts
from cms.services import messages

author, reviewer = (User.objects.create_user(name) for name in ("author", "reviewer"))
market = Market.objects.create(code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True)
contacts.upsert({{"external_id": f"c{{n}}", "email": f"c{{n}}@shop.example", "attributes": {{"tier": "few" if n < 5 else "many"}},
                 "consents": ["email"]}} for n in range({count}))
campaign = campaigns.create("Hang", market=market, by=author)
stages.add(campaign, name="Now", by=author)
messages.create("M", {{"email": {{"subject": "Hi", "html": "<p>Hi</p>", "text": "Hi"}}}}, by=author)
segments.create("All", {{"all": True}})
for port in {ports}:
    accounts.create("smtp", f"Mail {{port}}", {{"host": "127.0.0.1", "port": port, "security": "none",
                    "max_connections": {connections}, "from_email": "news@shop.example"}}, by=author)
"""

SEND = """
from core.models import User
from campaigns.audiences.models import Segment
from campaigns.audiences.services import audiences
from campaigns.planning.models import Stage
from campaigns.planning.moments import Moment
from campaigns.planning.services import publications as plans
from campaigns.publishing.services import publications
from channels.models import ChannelAccount
from cms.models import Message

author, reviewer = User.objects.get(username="author"), User.objects.get(username="reviewer")
message = Message.objects.get()
for port in {ports}:
    audience = audiences.create("", [Segment.objects.get()])
    publication = plans.plan(Stage.objects.get(), "email", "message", message.translation_key,
                             ChannelAccount.objects.get(name=f"Mail {{port}}"), audience, Moment.now(), by=author)
    publications.approve(publication, reviewer)
    publications.schedule(publication, author)
"""

LOOK = """
import json
from campaigns.planning.models import Publication
from campaigns.publishing import selectors
print(json.dumps({p.account.name: {"state": p.state, "account": p.account.health, **selectors.ledger(p)}
                  for p in Publication.objects.select_related("account")}))
"""


class HangingServer(CountingServer):
    """Takes a letter and never says so."""

    def __init__(self):
        super().__init__(delay=FOR_EVER)

    def __exit__(self, *error):
        async def let_go():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(let_go(), self._loop).result(10)
        super().__exit__(*error)


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)


def sending(place, server, count):
    """Send to everybody over `server`; returns seconds until the first arrival, and messages a second after it."""
    place.manage("shell", "--no-imports", "-c", SEND.format(ports=[server.port]))
    asked = time.monotonic()
    wait_for(lambda: server.total > 0, 60, "the first message")
    first = time.monotonic()
    wait_for(lambda: server.total >= count, 120, "the last message")
    return first - asked, count / (time.monotonic() - first)


@pytest.mark.slow
def test_three_accounts_that_hang_take_nothing_from_the_others(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_BASE_URL": "http://127.0.0.1:8000",
    }
    place = Place(home, env)
    place.manage("migrate", "--verbosity", "0")
    with ExitStack() as stack:
        sick = [stack.enter_context(HangingServer()) for _ in range(3)]
        # Slow enough that the wire, not this machine, sets the rate.
        well = [stack.enter_context(CountingServer(delay=0.1)) for _ in range(2)]
        ports = [server.port for server in [*sick, *well]]
        place.manage("shell", "--no-imports", "-c", SET_UP.format(count=MANY, ports=ports, connections=CONNECTIONS))
        stack.callback(place.down)
        place.up()
        alone_after, alone = sending(place, well[0], MANY)
        place.manage("shell", "--no-imports", "-c", SEND.format(ports=[server.port for server in sick]))
        time.sleep(4.0)
        beside_after, beside = sending(place, well[1], MANY)
        seen = json.loads(place.manage("shell", "--no-imports", "-c", LOOK))
        print(f"alone: start {alone_after:.1f} s, {alone:.0f}/s; beside: start {beside_after:.1f} s, {beside:.0f}/s")
        print(seen)
        assert beside_after <= STARTS_WITHIN
        assert beside >= SHARE_OF_RATE * alone
        for server in sick:
            mine = seen[f"Mail {server.port}"]
            assert mine["attempting"] <= 2 * 4 * CONNECTIONS, "what its connections hold, and no more"
            assert mine["unknown"] == 0, "it may still answer"
            assert mine["account"] == "waiting" or mine["attempting"]
        # Killed now, in doubt is what is in flight, and nobody else.
        for worker in place.workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        in_flight = {server.port: seen[f"Mail {server.port}"]["attempting"] for server in sick}
        time.sleep(3.0)
        seen = json.loads(place.manage("shell", "--no-imports", "-c", LOOK))
        for port, held in in_flight.items():
            mine = seen[f"Mail {port}"]
            assert mine["attempting"] == 0
            assert mine["unknown"] <= held + CONNECTIONS, "and perhaps the message that tried it meanwhile"
        assert json.loads(place.manage("audit_ledger", "--json"))["violations"] == []
