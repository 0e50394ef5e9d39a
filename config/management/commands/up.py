"""`manage.py up`: web, workers and scheduler under one supervisor."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config import assets, first_run, logs, nursery, processes
from config.supervisor import AgainWhenChanged, Supervisor
from core import database
from core.errors import FixSettings


class Command(BaseCommand):
    """Run an installation on this host. A child that dies is started again; one Ctrl-C ends all."""

    help = "Run web, workers and scheduler of this installation until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen and how many workers."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
        parser.add_argument("--workers", type=int, default=2, help="channel worker processes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make sure that the database is ready, then supervise."""
        _tell_settings(options["port"])
        try:
            database.prepare(self.stderr.write)
            connections.close_all()
            assets.build(self.stderr.write)
        except FixSettings as error:
            raise CommandError(error.message) from error
        address = os.environ.get("ALMANAC_BASE_URL") or f"http://127.0.0.1:{options['port']}"
        say = logs.relay(self.stderr.write, settings.ALMANAC_LOG_FORMAT)
        port, host = options["port"], options["host"]
        say(f"Almanac at {address} (listening on {host}:{port})")
        if line := first_run.invitation(address):
            say(line)
        os.environ[first_run.SUPERVISED] = "1"
        children = processes.installation(port, options["workers"], host)
        connections.close_all()
        if not nursery.can_fork():
            supervisor = Supervisor(children, say)
            sys.exit(supervisor.run(AgainWhenChanged(settings.ALMANAC_LANGUAGES_FILE, supervisor)))
        processes.import_all()
        connections.close_all()
        nursery.bear([(child, processes.beginning(child, port, host)) for child in children])


def _tell_settings(port: int) -> None:
    """Whoever names no address is reached where this listens. Settings were read before the port was known, and the children
    are born with them: so it begins once more when they have another one."""
    os.environ["ALMANAC_PORT"] = str(port)
    default = settings.ALMANAC_DEFAULT_URL
    if default == settings.ALMANAC_BASE_URL and default != f"http://127.0.0.1:{port}":
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
