"""Profiles and fakes for the fault suite, and which of it a plain `uv run pytest` runs."""

import os

import pytest

from tests.faults.harness import place as places
from tests.faults.harness.api import ApiServer
from tests.faults.harness.mail import MailServer

_REDIS = pytest.param("postgres-redis", marks=[pytest.mark.postgres, pytest.mark.redis, pytest.mark.everywhere])
_RABBITMQ = [pytest.mark.postgres, pytest.mark.rabbitmq]
EVERYWHERE = [
    "sqlite",
    pytest.param("postgres-rabbitmq", marks=[*_RABBITMQ, pytest.mark.everywhere]),
    _REDIS,
]
"""Every profile; `-m "faults and not everywhere"`, which is what CI takes, takes the first.

A test with the mark `everywhere` itself is left out by CI altogether: another one is of its kind.
"""
ON_SERVERS_TOO = ["sqlite", pytest.param("postgres-rabbitmq", marks=_RABBITMQ), _REDIS]
"""The same, for what CI shall see on servers too."""


@pytest.fixture
def place(tmp_path, profile):
    """An installation of the test's profile, nothing running yet."""
    with places.standing() if profile == "sqlite" else places.place(tmp_path / "home", profile) as made:
        yield made
        if os.environ.get("ALMANAC_TEST_SHOW_LOG"):
            print(made.logged.read_text()[-5000:])


@pytest.fixture
def profile():
    """SQLite and the embedded bell, unless the test is told otherwise."""
    return "sqlite"


@pytest.fixture
def mail(tmp_path):
    """A mail server that counts."""
    with MailServer(tmp_path) as server:
        yield server


@pytest.fixture
def api(tmp_path):
    """SendGrid that counts."""
    with ApiServer(tmp_path) as server:
        yield server


everywhere = pytest.mark.parametrize("profile", EVERYWHERE)
on_servers_too = pytest.mark.parametrize("profile", ON_SERVERS_TOO)
