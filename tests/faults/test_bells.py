"""Bells that are lost, doubled, torn or stuck, and two of everything that rings: F5, F6, F12."""

import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness import place as places
from tests.faults.harness.compare import check
from tests.faults.harness.place import wait_until
from tests.faults.harness.proxy import ChaosProxy
from tests.faults.test_workers import GOES_ON_WITHIN, PEOPLE, mailing
from tests.installation import free_port

pytestmark = [pytest.mark.slow, pytest.mark.faults]


@everywhere
def test_every_bell_rung_five_times_and_twenty_for_nothing(place, mail):
    """F6: four workers hear everything five times; later ones find nothing."""
    mailing(place, mail)
    place.do("ring", times=20)
    place.up(workers=4)
    while place.state()["state"] != "done":
        place.do("ring", times=5)
        time.sleep(0.2)
    place.do("ring", times=20)
    time.sleep(1)
    end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE == mail.total


@everywhere
def test_every_bell_is_lost_and_the_sweeper_rings_again(place, mail):
    """F5: the queue is emptied again and again."""
    mailing(place, mail)
    place.up()
    for count in (20, 60, 100, 140):
        wait_until(lambda count=count: mail.total >= count, GOES_ON_WITHIN, f"{count} messages")
        place.flush_bells()
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE == mail.total


@everywhere
def test_three_schedulers_and_four_workers_start_each_publication_once(place, mail):
    """F12: five publications due at once, three clocks, four workers."""
    place.do("set_up", people=40)
    account = place.do("account", provider="smtp", settings=mail.settings)
    named = [place.do("publish", account=account) for _number in range(5)]
    place.up(workers=4, schedulers=3)
    for publication in named:
        end = place.wait_for_state("done", publication=publication)
        assert end["ledger"]["targeted"] == 40
    check(place, mail)
    assert set(mail.record.addresses.values()) == {5}, "once for each publication"


# --- A broker of the test's own ---------------------------------------------------------------------------------------


@contextmanager
def own_redis(folder):
    """A Redis that nobody else uses: to be emptied, stopped and started again."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server on this machine")
    port = free_port()

    def start():
        return subprocess.Popen(
            [
                server,
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    running = [start()]
    try:
        yield f"redis://127.0.0.1:{port}/0", running, start
    finally:
        for process in running:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
                process.kill()
                process.wait()


@contextmanager
def own_broker(tmp_path, profile, kind):
    """A place of `profile` whose broker is this test's own Redis, or RabbitMQ behind a proxy."""
    if kind == "redis":
        with (
            own_redis(tmp_path) as (url, running, start),
            places.place(tmp_path / "home", profile, broker=url, env={"ALMANAC_BROKER_URL": url}) as place,
        ):
            yield place, running, start
        return
    target = os.environ[places.RABBITMQ]
    host = target.rsplit("@", 1)[-1].split("/", 1)[0]
    name, _colon, port = host.partition(":")
    with ChaosProxy(int(port or 5672), name) as proxy:
        url = target.replace(host, f"127.0.0.1:{proxy.port}")
        with places.place(tmp_path / "home", profile, broker=url) as place:
            try:
                yield place, proxy, None
            finally:
                proxy.heal()


@pytest.mark.everywhere
def test_flushall_in_the_middle_of_a_campaign(tmp_path, mail):
    """F5 and G4, embedded place with Redis: everything Redis knows is gone at 30 %."""
    with own_broker(tmp_path, "sqlite", "redis") as (place, _running, _start):
        mailing(place, mail)
        place.up()
        wait_until(lambda: mail.total >= PEOPLE * 0.3, GOES_ON_WITHIN, "30 %")
        subprocess.run(
            ["redis-cli", "-u", place.env["ALMANAC_BROKER_URL"], "FLUSHALL"], check=True, capture_output=True
        )
        place.wait_for_state("done")
        end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE == mail.total


def test_a_broker_that_stands_still_hangs_nobody(tmp_path, mail):
    """F5: Redis is stopped (SIGSTOP) while somebody schedules; that answers within seconds, and it is sent afterwards."""
    with own_broker(tmp_path, "sqlite", "redis") as (place, running, _start):
        place.do("set_up", people=60)
        account = place.do("account", provider="smtp", settings=mail.settings)
        planned = place.do("plan", account=account)
        place.do("verb", publication=planned, name="approve", by="reviewer")
        place.up()
        os.kill(running[0].pid, signal.SIGSTOP)
        asked = time.monotonic()
        place.do("verb", publication=planned, name="schedule")
        assert time.monotonic() - asked < 4, "a bell may take two seconds, a person is not kept waiting"
        time.sleep(8)
        os.kill(running[0].pid, signal.SIGCONT)
        healed = time.monotonic()
        wait_until(lambda: mail.total > 0, GOES_ON_WITHIN, "going on")
        assert time.monotonic() - healed < GOES_ON_WITHIN
        place.wait_for_state("done")
        check(place, mail)


@pytest.mark.everywhere
def test_a_broker_that_is_started_again(tmp_path, mail):
    """F5 and G3: Redis is killed, is away for some seconds, and comes back empty."""
    with own_broker(tmp_path, "sqlite", "redis") as (place, running, start):
        mailing(place, mail)
        place.up()
        wait_until(lambda: mail.total >= 40, GOES_ON_WITHIN, "a start")
        running[0].kill()
        running[0].wait()
        time.sleep(3)
        running.append(start())
        restarted = time.monotonic()
        at_rest = mail.total
        if at_rest < PEOPLE - 20:
            wait_until(lambda: mail.total > at_rest, GOES_ON_WITHIN, "going on")
        assert time.monotonic() - restarted < GOES_ON_WITHIN
        place.wait_for_state("done")
        check(place, mail)


@pytest.mark.postgres
@pytest.mark.rabbitmq
@pytest.mark.parametrize("harm", ["partition", pytest.param("restart", marks=pytest.mark.everywhere)])
def test_rabbitmq_is_cut_off(tmp_path, mail, harm):
    """F5: the road to RabbitMQ is a black hole, or every connection is reset and refused for a while."""
    with own_broker(tmp_path, "postgres-rabbitmq", "rabbitmq") as (place, proxy, _start):
        mailing(place, mail, people=300)
        place.up()
        wait_until(lambda: mail.total >= 40, GOES_ON_WITHIN, "a start")
        if harm == "partition":
            proxy.blackhole()
        else:
            proxy.shut()
        time.sleep(10)
        if harm == "partition":
            proxy.heal()
            proxy.reset()
        else:
            proxy.open()
        healed, at_rest = time.monotonic(), mail.total
        if at_rest < 280:
            wait_until(lambda: mail.total > at_rest, GOES_ON_WITHIN, "going on")
        assert time.monotonic() - healed < GOES_ON_WITHIN
        place.wait_for_state("done")
        check(place, mail)


def test_bells_that_are_garbage_end_no_worker(place, mail):
    """The embedded bell: half-written and meaningless files among the bells; workers live and everyone gets it."""
    mailing(place, mail)
    enough = threading.Event()

    def litter():
        number, queue, bells = 0, place.env["ALMANAC_QUEUE"], place.home / "bells"
        while not enough.wait(0.05):
            for folder in (bells, *(path for path in bells.rglob("*") if path.is_dir())):
                for ending in (queue, f"{queue}.msg"):
                    number += 1
                    (folder / f"{number}.{ending}").write_bytes((b'{"body": "aGFs', b"", b"[]")[number % 3])

    place.up()
    thread = threading.Thread(target=litter, daemon=True)
    thread.start()
    try:
        place.wait_for_state("done")
    finally:
        enough.set()
        thread.join()
    assert all(worker.poll() is None for worker in place.workers), "no worker died of it"
    end = check(place, mail)
    assert end["ledger"]["accepted"] == PEOPLE
