"""Failpoints are nothing unless set, say what is wrong with a rule, and cannot be left on in production."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings
from django.db import OperationalError

from core import failpoints
from core.failpoints import Failed, Failpoints


def test_without_the_variable_a_place_is_an_empty_function():
    assert os.environ.get(failpoints.VARIABLE, "") == ""
    assert failpoints.reached is failpoints._nothing
    assert failpoints.compiled(" ") is failpoints._nothing
    assert failpoints.reached("before_call") is None


def test_a_rule_hits_its_place_and_its_passing_only():
    come_by = Failpoints("here:error:2, there:database:3+")
    come_by("here")
    with pytest.raises(Failed, match="here"):
        come_by("here")
    come_by("here")
    for _time in range(2):
        come_by("there")
    for _time in range(3):
        with pytest.raises(OperationalError):
            come_by("there")
    come_by("elsewhere")


def test_without_a_number_every_passing_is_hit():
    come_by = Failpoints("here:disk")
    for _time in range(3):
        with pytest.raises(OSError, match="here") as raised:
            come_by("here")
        assert raised.value.errno == errno.ENOSPC


def test_it_can_wait():
    come_by = Failpoints("here:sleep=0.05:1")
    begun = time.monotonic()
    come_by("here")
    assert time.monotonic() - begun >= 0.05


def test_threads_are_counted_together():
    come_by = Failpoints("here:error:50")
    hit = []

    def walk():
        for _time in range(10):
            try:
                come_by("here")
            except Failed:
                hit.append(1)

    threads = [threading.Thread(target=walk) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hit) == 1


@pytest.mark.parametrize(
    "text", ["here", "here:", ":kill", "here:burn", "here:kill:0", "here:kill:x", "here:sleep", "here:kill=3"]
)
def test_a_rule_that_makes_no_sense_stops_the_start(text):
    with pytest.raises(ValueError, match=r"ALMANAC_FAILPOINTS|invalid literal"):
        Failpoints(text)


def child(code: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_kills_the_process_it_is_set_for():
    done = child(
        "from core import failpoints; failpoints.reached('here'); print('alive')", ALMANAC_FAILPOINTS="here:kill"
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == ""


@pytest.mark.parametrize(("allowed", "starts"), [("", False), ("1", True)])
def test_production_refuses_to_start_with_it(tmp_path, allowed, starts):
    """A variable left over from a test would kill the workers of a real shop."""
    done = child(
        "from django.conf import settings; settings.SECRET_KEY; print('started')",
        DJANGO_SETTINGS_MODULE="config.settings.production",
        ALMANAC_HOME=str(tmp_path),
        ALMANAC_SECRET_KEY="s" * 60,
        DATABASE_URL="postgres://postgres@127.0.0.1/almanac",
        ALMANAC_BROKER_URL="redis://127.0.0.1/0",
        ALMANAC_BASE_URL="https://shop.example",
        ALMANAC_STAFF_MAIL_HOST="mail.shop.example",
        ALMANAC_FAILPOINTS="before_call:kill",
        ALMANAC_FAILPOINTS_ALLOWED=allowed,
    )
    assert (done.stdout.strip() == "started") is starts, done.stderr
    if not starts:
        assert "ALMANAC_FAILPOINTS is for tests" in done.stderr
