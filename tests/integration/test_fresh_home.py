"""On a new home every command makes its tables first; in production it says what to run."""

import os
import secrets
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial

import pytest
from django.conf import settings

from tests.installation import MANAGE, Client, Installation, free_port, postgres_database, wait_until


@pytest.fixture
def fresh(tmp_path):
    """Nothing but an empty folder: no migration has run, and nobody has named an address."""
    port = free_port()
    place = Installation(
        tmp_path, {"ALMANAC_HOME": str(tmp_path), "ALMANAC_BASE_URL": f"http://127.0.0.1:{port}"}, port
    )
    del place.env["ALMANAC_BASE_URL"]
    yield place
    if place.process is not None:
        place.process.kill()
        place.process.wait()


def test_two_tokens_at_once_and_then_up(fresh):
    first = subprocess.Popen(
        [*MANAGE, "create_token", "--name", "first", "--scope", "*"],
        env=fresh.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    second = fresh.manage("create_token", "--name", "second", "--scope", "*")
    out, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    assert len(out.split()) == len(second.stdout.split()) == 1  # the token, alone
    assert (err + second.stderr).count("Preparing the database") == 1
    # The address is where it listens, and another port at the next start is not taken for a copy.
    for _start in range(2):
        fresh.up(1)
        account = Client(fresh.port, token=out.strip()).post(
            "channel-accounts",
            {"provider": "sendgrid", "name": f"mail {secrets.token_hex(3)}", "settings": {"api_key": "SG.x"}},
        )
        assert account["webhook_url"].startswith(f"http://127.0.0.1:{fresh.port}/hooks/")
        with closing(sqlite3.connect(fresh.home / "almanac.sqlite3")) as database:
            # The web process may answer before the first beat has made the row.
            reasons = partial(database.execute, "SELECT held_reason FROM core_installation")
            assert wait_until(lambda: reasons().fetchall(), what="a first beat") == [("",)]  # noqa: B023 - called here
        fresh.down()
        fresh.port = free_port()
        fresh.headers["Host"] = f"127.0.0.1:{fresh.port}"


@pytest.mark.postgres
@pytest.mark.parametrize(
    "command", [("up", "--port", "1"), ("create_token", "--name", "n", "--scope", "*"), ("results",)]
)
def test_production_says_what_to_run(tmp_path, command):
    with postgres_database(os.environ["ALMANAC_TEST_POSTGRES_URL"]) as url:
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("ALMANAC_", "DJANGO_"))},
                "ALMANAC_HOME": str(tmp_path),
                "ALMANAC_PROFILE": "production",
                "ALMANAC_SECRET_KEY": "s" * 60,
                "ALMANAC_BASE_URL": "https://shop.example",
                "ALMANAC_STAFF_MAIL_HOST": "127.0.0.1",
                "ALMANAC_BROKER_URL": "redis://127.0.0.1:6379/0",
                "DATABASE_URL": url,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "manage.py migrate" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
