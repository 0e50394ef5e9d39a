"""`manage.py up`: web, workers and scheduler under one supervisor."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config import assets, processes
from config.supervisor import Supervisor
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
        """Check that the database is ready, then supervise."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not up to date. Run `manage.py migrate` first.")
        connection.close()
        try:
            assets.build(self.stderr.write)
        except FixSettings as error:
            raise CommandError(error.message) from error
        self.stderr.write(f"Almanac at {settings.ALMANAC_BASE_URL} (listening on {options['host']}:{options['port']})")
        children = processes.installation(options["port"], options["workers"], options["host"])
        sys.exit(Supervisor(children, self.stderr.write).run())
