"""Workers are killed with SIGKILL in the middle of sending: nobody is written to twice, nobody is lost, every gap is listed.

The processes are the production ones (the Celery worker and the scheduler that `manage.py up` starts), the database and the
broker are real, and a mail server that counts is the ground truth.
"""

import json
import os
import random
import secrets
import subprocess
import time
from pathlib import Path

import pytest
from django.conf import settings

from config import processes
from tests.faults.counting import CountingServer
from tests.installation import MANAGE, postgres_database

DELIVERIES = 2_000
KILLS = 20
WORKERS = 2
GOES_ON_WITHIN = 60.0
IN_THE_AIR = WORKERS * 4 * 2
"""Connections that one kill can cut: the slots that one account has in a worker, times its connections."""

SET_UP = """
from django.utils import timezone
from core.models import Market, User
from campaigns.audiences.services import audiences, contacts, segments
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications as plans, stages
from campaigns.publishing.services import publications
from channels.services import accounts
from cms.services import messages

author, reviewer = (User.objects.create_user(name) for name in ("author", "reviewer"))
market = Market.objects.create(code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True)
contacts.upsert({{"external_id": f"c{{n}}", "email": f"c{{n}}@shop.example", "first_name": f"N{{n}}", "consents": ["email"]}}
                for n in range({count}))
campaign = campaigns.create("Kill", market=market, by=author)
stage = stages.add(campaign, name="Now", by=author)
message = messages.create("M", {{"email": {{"subject": "Hi {{{{ first_name }}}}", "html": "<p>Hi {{{{ first_name }}}}</p>",
                                          "text": "Hi {{{{ first_name }}}}"}}}}, by=author)
account = accounts.create("smtp", "Mail", {{"host": "127.0.0.1", "port": {port}, "security": "none", "max_connections": 2,
                                           "from_email": "news@shop.example"}}, by=author)
audience = audiences.create("", [segments.create("All", {{"all": True}})])
publication = plans.plan(stage, "email", "message", message.translation_key, account, audience, Moment.now(), by=author)
publications.approve(publication, reviewer)
publications.schedule(publication, author)
print(publication.public_id)
"""

LEDGER = """
import json
from campaigns.planning.models import Publication
from campaigns.publishing import selectors
publication = Publication.objects.get()
rows = list(publication.deliveries.values_list("contact__external_id", "state", "reason"))
print(json.dumps({"state": publication.state, "ledger": selectors.ledger(publication), "rows": rows}))
"""


class Place:
    """An installation without its web process, whose workers die a lot."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
        }
        self.env = {**clean, **env}
        self.home = home
        self.log = (home / "processes.log").open("ab")
        self.workers: list[subprocess.Popen] = []
        self.scheduler: subprocess.Popen | None = None

    def manage(self, *arguments: str, text: str | None = None, check: bool = True, timeout: float = 200) -> str:
        done = subprocess.run(
            [*MANAGE, *arguments], env=self.env, input=text, capture_output=True, text=True, timeout=timeout
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def start(self, command) -> subprocess.Popen:
        return subprocess.Popen(
            list(command), env=self.env, stdout=self.log, stderr=self.log, start_new_session=True, cwd=settings.BASE_DIR
        )

    def start_worker(self, number: int) -> subprocess.Popen:
        return self.start(processes.worker(number).command)

    def start_scheduler(self) -> subprocess.Popen:
        return self.start(processes.scheduler().command)

    def up(self) -> None:
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker(number) for number in range(WORKERS)]

    def down(self) -> None:
        for process in [*self.workers, *filter(None, [self.scheduler])]:
            process.kill()
            process.wait()
        self.log.close()

    def kill_one(self, dice: random.Random) -> None:
        number = dice.randrange(WORKERS)
        self.workers[number].kill()
        self.workers[number].wait()
        self.workers[number] = self.start_worker(number)

    def state(self) -> dict:
        return json.loads(self.manage("shell", "--no-imports", "-c", LEDGER))


def flush_files(place: Place) -> None:
    for bell in (place.home / "bells").glob("[!.]*"):
        bell.unlink(missing_ok=True)


def flush_broker(url: str, queue: str):
    def flush(_place: Place) -> None:
        from kombu import Connection

        with Connection(url) as broker:
            if url.startswith("redis"):
                broker.default_channel.client.delete(queue)
            else:
                broker.default_channel.queue_purge(queue)

    return flush


def kill_and_count(home: Path, env: dict[str, str], flush) -> None:
    home.mkdir(parents=True, exist_ok=True)
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    kill_at = sorted(dice.sample(range(50, DELIVERIES - 150), KILLS))
    base = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_LEASE_SECONDS": "5",
        "ALMANAC_BASE_URL": "http://127.0.0.1:8000",
    }
    place = Place(home, {**base, **env})
    place.manage("migrate", "--verbosity", "0")
    with CountingServer(delay=0.02) as server:
        place.manage("shell", "--no-imports", "-c", SET_UP.format(count=DELIVERIES, port=server.port))
        place.up()
        try:
            gaps = sow_death(place, server, kill_at, dice, flush)
            end = wait_for_the_end(place)
        finally:
            place.down()
    assert max(gaps) < GOES_ON_WITHIN, gaps
    check(place, server, end)


def sow_death(place, server, kill_at, dice, flush) -> list[float]:
    """Kill at the given counts; returns how long it took to go on after each kill."""
    gaps: list[float] = []
    for number, count in enumerate(kill_at):
        wait_for_count(server, count)
        before, killed = server.total, time.monotonic()
        place.kill_one(dice)
        if number == KILLS // 2:
            flush(place)
        # What the dead worker still had in its sockets comes within a moment: going on means more than that.
        wait_for_count(server, before + 1, since=killed)
        gaps.append(time.monotonic() - killed)
    return gaps


def wait_for_count(server, count, since=None) -> None:
    deadline = (since or time.monotonic()) + GOES_ON_WITHIN + 30
    while server.total < count:
        assert time.monotonic() < deadline, f"stuck at {server.total} of {count}"
        time.sleep(0.002)


def wait_for_the_end(place) -> dict:
    deadline = time.monotonic() + 90
    while True:
        now = place.state()
        if now["state"] == "done" or time.monotonic() > deadline:
            return now
        time.sleep(0.5)


def check(place, server, end) -> None:
    ledger = end["ledger"]
    print(ledger)
    twice = {address: times for address, times in server.taken.items() if times > 1}
    assert not twice
    assert end["state"] == "done"
    assert ledger["targeted"] == DELIVERIES == ledger["accepted"] + ledger["unknown"]
    states = {f"{external_id}@shop.example": state for external_id, state, _reason in end["rows"]}
    lost = [address for address, state in states.items() if state == "accepted" and address not in server.taken]
    assert not lost, "the ledger says accepted and nothing arrived"
    gaps = {address for address in server.taken if states[address] != "accepted"}
    assert all(states[address] == "unknown" for address in gaps), "every gap is listed"
    assert ledger["unknown"] <= KILLS * IN_THE_AIR
    audited = json.loads(place.manage("audit_ledger", "--json"))
    assert audited["violations"] == []


@pytest.mark.slow
def test_twenty_kills_on_the_embedded_profile(tmp_path):
    kill_and_count(tmp_path / "home", {}, flush_files)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize(
    "variable",
    [
        pytest.param("ALMANAC_TEST_RABBITMQ_URL", marks=pytest.mark.rabbitmq),
        pytest.param("ALMANAC_TEST_REDIS_URL", marks=pytest.mark.redis),
    ],
)
def test_twenty_kills_on_the_production_profile(tmp_path, variable):
    broker, queue = os.environ[variable], f"almanac-{secrets.token_hex(4)}"
    with postgres_database(os.environ["ALMANAC_TEST_POSTGRES_URL"]) as database:
        env = {
            "ALMANAC_PROFILE": "production",
            "DATABASE_URL": database,
            "ALMANAC_BROKER_URL": broker,
            "ALMANAC_QUEUE": queue,
            "ALMANAC_BASE_URL": "https://shop.example",
            "ALMANAC_STAFF_MAIL_HOST": "127.0.0.1",
        }
        try:
            kill_and_count(tmp_path / "home", env, flush_broker(broker, queue))
        finally:
            if broker.startswith("amqp"):
                from kombu import Connection

                with Connection(broker) as connection:
                    connection.default_channel.queue_delete(queue)


@pytest.mark.slow
def test_an_orderly_end_leaves_nothing_in_doubt(tmp_path):
    """TERM in mid-sending: the slice in the air is finished, the chunks are given back, another worker goes on."""
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
    }
    place = Place(home, env)
    place.manage("migrate", "--verbosity", "0")
    with CountingServer(delay=0.02) as server:
        place.manage("shell", "--no-imports", "-c", SET_UP.format(count=600, port=server.port))
        place.up()
        try:
            wait_for_count(server, 50)
            for worker in place.workers:
                worker.terminate()
            asked = time.monotonic()
            for worker in place.workers:
                worker.wait(15)
            assert time.monotonic() - asked < 8
            at_rest = server.total
            assert at_rest < 600
            assert place.state()["ledger"]["unknown"] == 0
            place.workers = [place.start_worker(number) for number in range(WORKERS)]
            end = wait_for_the_end(place)
        finally:
            place.down()
    assert end["ledger"]["accepted"] == 600 == server.total
