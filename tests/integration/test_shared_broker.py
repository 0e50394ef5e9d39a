"""Two installations, one broker, one machine: neither hears the other."""

import os

import pytest

from tests.faults.harness import place as places
from tests.faults.harness.place import MANAGE, wait_until


def asked(place) -> set[str]:
    """The workers that answer somebody who asks from within this installation."""
    ask = "from config.celery import app; print(*(name for one in app.control.ping(timeout=1) for name in one))"
    return set(place.manage("shell", "--no-imports", "-c", ask).split())


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_workers_of_two_installations_share_a_broker(tmp_path):
    broker = {"ALMANAC_BROKER_URL": os.environ.get(places.RABBITMQ, "")}
    with (
        places.place(tmp_path / "one", env=broker) as one,
        places.place(tmp_path / "two", env=broker) as two,
    ):
        for place in (one, two):
            place.workers.append(place.start([*MANAGE, "worker", "--number", "1"]))
        host = os.uname().nodename
        for place in (one, two):
            only = {f"{place.env['ALMANAC_QUEUE']}-worker1@{host}"}
            wait_until(lambda place=place, only=only: asked(place) == only, 60, "the installation's own worker, alone")
        for place in (one, two):
            assert "already using this process mailbox" not in place.logged.read_text()
            place.workers[0].terminate()
            assert place.workers[0].wait(20) == 0


def test_a_worker_of_its_own_refuses_a_database_that_is_not_up_to_date(tmp_path, monkeypatch):
    from django.core.management import CommandError, call_command

    from core import database
    from core.errors import FixSettings

    def refuse(say):
        raise FixSettings("The database is not up to date. Run `manage.py migrate` first.")

    monkeypatch.setattr(database, "prepare", refuse)
    for command in ("worker", "web"):
        with pytest.raises(CommandError, match=r"Run `manage\.py migrate` first"):
            call_command(command)
