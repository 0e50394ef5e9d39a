"""The database goes away, comes back, is copied, or is full: F7, F9, F10, F13."""

import os
import subprocess
import sys
import threading
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness import place as places
from tests.faults.harness.compare import check, in_doubt
from tests.faults.harness.place import wait_until
from tests.faults.harness.postgres import cluster, program
from tests.faults.test_workers import GOES_ON_WITHIN, mailing
from tests.installation import free_port

pytestmark = [pytest.mark.slow, pytest.mark.faults]


# --- F7: it restarts --------------------------------------------------------------------------------------------------


@pytest.mark.redis
def test_postgresql_restarts_immediately_in_the_middle_of_sending(tmp_path, mail):
    """F7: cut without a good-bye. Web answers 503 (never a trace), sending goes on within a minute, nobody twice."""
    port = free_port()
    with cluster() as own, places.postgres_copy(own.url) as database:
        env = {"ALMANAC_BASE_URL": "https://shop.example"}
        with places.place(tmp_path / "home", "postgres-redis", database=database, env=env) as place:
            mailing(place, mail, people=400)
            place.start_web(port)
            place.up()
            wait_until(lambda: mail.total >= 60, GOES_ON_WITHIN, "a start")
            own.stop()
            answers = {asked(port) for _time in range(5)}
            time.sleep(2)
            own.start()
            restarted, at_rest = time.monotonic(), mail.total
            assert answers == {503}
            if at_rest < 360:
                wait_until(lambda: mail.total > at_rest + 8, GOES_ON_WITHIN, "going on")
            assert time.monotonic() - restarted < GOES_ON_WITHIN
            place.wait_for_state("done")
            end = check(place, mail)
            assert asked(port) == 200
    assert set(mail.record.addresses.values()) == {1}
    assert len(in_doubt(end["rows"])) <= 16


def asked(port: int) -> int:
    """The status of /readyz/database."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz/database", timeout=20) as response:
            return response.status
    except HTTPError as error:
        assert b"Traceback" not in error.read()
        return error.code


@pytest.mark.everywhere
@pytest.mark.postgres
@pytest.mark.parametrize("profile", [pytest.param("postgres-redis", marks=pytest.mark.redis)])
def test_every_session_is_terminated_again_and_again(place, mail):
    """F7: `pg_terminate_backend` on every session of this database, five times while it sends."""
    mailing(place, mail, people=300)
    place.up()
    name = place.env["DATABASE_URL"].rsplit("/", 1)[1]
    with psycopg.connect(os.environ[places.POSTGRES], autocommit=True) as admin:
        for count in (20, 80, 140, 200, 260):
            wait_until(lambda count=count: mail.total >= count, GOES_ON_WITHIN, f"{count} messages")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    place.wait_for_state("done")
    end = check(place, mail)
    assert set(mail.record.addresses.values()) == {1}
    assert len(in_doubt(end["rows"])) <= 5 * 16


LOCK = """
import sqlite3, sys, time
file = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
file.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
file.execute("COMMIT")
"""


def test_a_sqlite_file_that_somebody_locks_stops_nobody_for_good(place, mail):
    """F7 and G15 on SQLite: somebody's backup holds the file for six seconds; it goes on, nobody twice, nothing surfaces."""
    mailing(place, mail, people=300)
    place.up()
    wait_until(lambda: mail.total >= 60, GOES_ON_WITHIN, "a start")
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, str(place.home / "almanac.sqlite3"), "6"], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline()
    holder.wait()
    holder.stdout.close()
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == 300
    assert "database is locked" not in place.logged.read_text()


# --- F9: the disk is full ---------------------------------------------------------------------------------------------


def test_the_journals_disk_is_full_and_nothing_is_sent_that_could_not_be_noted(place, mail):
    """F8/F9 in one place: the journal cannot be written before a message, so that message does not go out."""
    mailing(place, mail, people=60)
    place.up(workers=1, failpoints="before_call:disk:5,before_call:disk:6,before_call:disk:7")
    place.wait_for_state("done")
    end = check(place, mail)
    assert (end["ledger"]["accepted"], end["ledger"]["unknown"]) == (60, 0), "what was in the air was waited for"


# --- F13: it is a copy ------------------------------------------------------------------------------------------------


def test_a_copied_sqlite_file_is_held_until_a_person_confirms(tmp_path, place, mail):
    """F13 and A3: the same file in another folder, started beside the first."""
    place.do("set_up", people=30)
    account = place.do("account", provider="smtp", settings=mail.settings)
    place.do("beat")
    due = place.do("publish", account=account, seconds=8)
    copied = tmp_path / "copy"
    copied.mkdir()
    subprocess.run(
        [sys.executable, "-c", BACKUP, str(place.home / "almanac.sqlite3"), str(copied / "almanac.sqlite3")], check=True
    )
    copy = places.Place(copied, {**place.env, "ALMANAC_HOME": str(copied)}, place.profile)
    try:
        the_copy_is_held(place, copy, due, mail)
    finally:
        copy.down()


BACKUP = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as source, sqlite3.connect(sys.argv[2]) as target:
    source.backup(target)
"""


@pytest.mark.everywhere
@pytest.mark.postgres
@pytest.mark.parametrize("profile", [pytest.param("postgres-redis", marks=pytest.mark.redis)])
def test_a_dump_that_is_restored_is_held_until_a_person_confirms(tmp_path, place, mail):
    """F13 and A3: pg_dump, restore into another database, start it: nothing is sent."""
    if program("pg_dump") is None or program("psql") is None:
        pytest.skip("no pg_dump on this machine")
    place.do("set_up", people=30)
    account = place.do("account", provider="smtp", settings=mail.settings)
    place.do("beat")
    due = place.do("publish", account=account, seconds=15)
    with places.postgres_copy(os.environ[places.POSTGRES]) as other:
        with psycopg.connect(other, autocommit=True) as target:
            target.execute("DROP SCHEMA public CASCADE")
            target.execute("CREATE SCHEMA public")
        dump = subprocess.run([program("pg_dump"), place.env["DATABASE_URL"]], capture_output=True, check=True).stdout
        subprocess.run(
            [program("psql"), "-q", "-v", "ON_ERROR_STOP=0", other], input=dump, capture_output=True, check=True
        )
        home = tmp_path / "copy"
        home.mkdir()
        copy = places.Place(
            home,
            {**place.env, "ALMANAC_HOME": str(home), "DATABASE_URL": other, "ALMANAC_QUEUE": "almanac-copy"},
            place.profile,
        )
        try:
            the_copy_is_held(place, copy, due, mail)
        finally:
            copy.down()


def the_copy_is_held(place, copy, due, mail) -> None:
    """The copy sends nothing though it is due there too; the original does; a person lets the copy go on."""
    copy.up(workers=1)
    copy.wait_for_state("held", publication=due, seconds=60)
    assert not copy.do("standing")["may_send"]
    assert mail.total == 0
    place.up(workers=1)
    place.wait_for_state("done", publication=due)
    check(place, mail)
    assert set(mail.record.addresses.values()) == {1}
    copy.do("confirm")
    assert copy.do("standing")["may_send"]


# --- A healthy installation is never taken for a copy ------------------------------------------------------------------


def test_a_process_that_is_held_up_in_its_beat_holds_nothing(place):
    """F13 the other way round: paused after any of its reads, it finds newer beats of others, and that is no copy."""
    place.do("beat")
    for reading in (1, 2):
        assert place.do("slow_beat", after=reading, seconds=6.0) == {"may_send": True, "reason": ""}


# --- F10: the clock jumps ----------------------------------------------------------------------------------------------


@pytest.mark.everywhere
@everywhere
def test_what_is_due_is_never_early_whatever_the_machine_does(place, mail):
    """Never early: twenty seconds ahead, workers and schedulers running and rung all the time."""
    place.do("set_up", people=20)
    account = place.do("account", provider="smtp", settings=mail.settings)
    before = time.time()
    due = place.do("publish", account=account, seconds=10)
    place.up(schedulers=2)
    stop = threading.Event()

    def ring():
        while not stop.wait(0.5):
            place_rings.do("ring")

    place_rings = place.console()
    thread = threading.Thread(target=ring, daemon=True)
    thread.start()
    try:
        place.wait_for_state("done", publication=due)
    finally:
        stop.set()
        thread.join()
    check(place, mail, publication=due)
    assert min(one.at for one in mail.record.read()) >= before + 10
