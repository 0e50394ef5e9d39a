"""A command that becomes one of the processes of an installation."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.supervisor import Child
from core import database
from core.errors import FixSettings


class Alone(BaseCommand):
    """Looks at the database and then *becomes* the process, so that whoever started it sends TERM to the process itself."""

    def child(self, **options: Any) -> Child:
        """The process."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse on a database that is not up to date; otherwise never return."""
        try:
            database.prepare(self.stderr.write)
        except FixSettings as error:
            raise CommandError(error.message) from error
        connection.close()
        child = self.child(**options)
        os.environ.update(child.env)
        os.execv(child.command[0], list(child.command))  # noqa: S606 - no shell, our own command
