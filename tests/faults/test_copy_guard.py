"""The copy guard with real processes: one that is stopped holds nobody, a restore under running processes is found, and
every command of an installation works out the same fingerprint whether or not it was told the address."""

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager

import pytest

from tests.installation import MANAGE, Installation, free_port, postgres_database, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults]

TABLES = ("core_installation", "core_witness")


class Embedded:
    """SQLite: the whole file is backed up and put back, under the feet of whoever has it open."""

    def __init__(self, home):
        self.path = home / "almanac.sqlite3"
        self.copy = home.parent / "backup.sqlite3"

    def ask(self, sql):
        with closing(sqlite3.connect(self.path, timeout=20)) as database:
            return database.execute(sql).fetchall()

    def backup(self):
        with closing(sqlite3.connect(self.path, timeout=20)) as one, closing(sqlite3.connect(self.copy)) as other:
            one.backup(other)

    def restore(self):
        with closing(sqlite3.connect(self.copy)) as one, closing(sqlite3.connect(self.path, timeout=20)) as other:
            one.backup(other)


class Server:
    """PostgreSQL: the tables that decide are put back in one transaction; the database stays the same one."""

    def __init__(self, url):
        self.url = url

    def ask(self, sql):
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as database:
            return database.execute(sql).fetchall()

    def backup(self):
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as database:
            for table in TABLES:
                database.execute(f"CREATE TABLE backup_{table} AS TABLE {table}")

    def restore(self):
        import psycopg

        with psycopg.connect(self.url) as database:
            for table in TABLES:
                database.execute(f"DELETE FROM {table}")
                database.execute(f"INSERT INTO {table} TABLE backup_{table}")


@contextmanager
def shop(tmp_path, database_url=""):
    """A migrated installation of which nothing runs yet, and its database."""
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_BASE_URL": "https://shop.example",
    }
    if database_url:
        env["DATABASE_URL"] = database_url
    place = Installation(home, env, free_port())
    place.manage("migrate", "--verbosity", "0")
    running = []

    def start():
        with place.output.open("ab") as log:
            running.append(subprocess.Popen([*MANAGE, "scheduler"], env=place.env, stdout=log, stderr=log))
        return running[-1]

    try:
        yield place, Server(database_url) if database_url else Embedded(home), start
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.faults, pytest.mark.everywhere]),
    ]
)
def started(request, tmp_path):
    if request.param == "sqlite":
        with shop(tmp_path) as made:
            yield made
        return
    with postgres_database(os.environ["ALMANAC_TEST_POSTGRES_URL"]) as url, shop(tmp_path, url) as made:
        yield made


def test_a_stopped_process_holds_nobody_and_a_restore_under_running_ones_is_found(started):
    place, database, start = started

    def beats():
        return sum(number for (number,) in database.ask("SELECT number FROM core_witness"))

    def held():
        rows = database.ask("SELECT held_reason FROM core_installation")
        return rows[0][0] if rows else ""

    one, _other = start(), start()
    wait_until(lambda: len(database.ask("SELECT life FROM core_witness")) == 2, 90, "two processes that beat")
    # Stopped wherever it stands, while the other beats on: at another place in its beat each time.
    for seconds in (2.1, 6.3, 7.9):
        one.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        one.send_signal(signal.SIGCONT)
        time.sleep(0.4)
        assert held() == ""
    before = beats()
    wait_until(lambda: beats() >= before + 4, 60, "both to beat on")
    assert held() == ""

    database.backup()
    before = beats()
    wait_until(lambda: beats() >= before + 3, 60, "beats after the backup")
    one.send_signal(signal.SIGSTOP)
    database.restore()
    assert held() == ""
    wait_until(held, 60, "the hold")
    one.send_signal(signal.SIGCONT)
    assert held() == "restored"
    assert place.output.read_text().count("This installation sends nothing from now on") == 1


ASK = (
    "from core import installation; installation.check_and_beat(); import json; "
    "print(json.dumps([installation.fingerprint(), installation.may_send()[0]]))"
)


@pytest.mark.everywhere
def test_every_command_works_out_the_same_fingerprint(tmp_path):
    """Told no address, the one that `up --port` takes by itself, or the same in other words: it is one installation."""
    with shop(tmp_path) as (place, database, _start):
        seen = []
        addresses = (None, f"http://127.0.0.1:{place.port}", f"http://localhost:{place.port}/", "http://127.0.0.1:8000")

        def told(address):
            place.env.pop("ALMANAC_BASE_URL", None)
            if address is not None:
                place.env["ALMANAC_BASE_URL"] = address
            place.headers = {"Host": f"127.0.0.1:{place.port}"}

        def ask():
            printed = place.manage("shell", "--no-imports", "-c", ASK).stdout
            found, may_send = json.loads(printed.strip().splitlines()[-1])
            seen.append(json.dumps(found, sort_keys=True))
            return may_send

        for address in addresses:
            told(address)
            assert ask(), address
        # `up` and what it starts (web, worker, scheduler), while a shell with another environment asks.
        told(addresses[1])
        place.up()
        told(None)
        assert ask()
        wait_until(lambda: _health(place)["schedulers"] and _health(place)["workers"], 60, "worker and scheduler")
        assert _health(place)["state"] == "ok"
        place.down()
        told(None)
        place.up()
        wait_until(lambda: _health(place)["schedulers"] and _health(place)["workers"], 60, "worker and scheduler")
        assert _health(place)["state"] == "ok"
        place.down()
        assert len(set(seen)) == 1
        assert database.ask("SELECT held_reason FROM core_installation") == [("",)]


def _health(place):
    return place.watcher().ask("GET", "/readyz").json()
