"""The tables, before a command needs them."""

import fcntl
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.errors import FixSettings

Say = Callable[[str], object]


def is_up_to_date() -> bool:
    """Whether every migration was applied."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def prepare(say: Say) -> None:
    """Bring the tables up to date where the profile lets a command do so; raises `FixSettings` elsewhere.

    `say` gets a line for standard error when there is something to do.
    """
    if is_up_to_date():
        return
    if not settings.ALMANAC_MIGRATES_ITSELF:
        raise FixSettings("The database is not up to date. Run `manage.py migrate` first.")
    # Two commands started at once on a new home: one of them does it, the other waits.
    with (Path(settings.ALMANAC_HOME) / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_up_to_date():
            return
        say("Preparing the database …")
        call_command("migrate", verbosity=0, interactive=False)
