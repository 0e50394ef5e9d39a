"""What the cases of the data share: an installation without processes, and a console in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import tools
from tests.faults.harness.place import POSTGRES, Console, place


@contextmanager
def console(database: str) -> Iterator[Console]:
    """A console in a new shop on `database`, ``sqlite`` or ``postgres``."""
    if database == "postgres":
        tools.server(POSTGRES, "PostgreSQL", "postgresql")
    # No process of the installation runs, so nobody speaks with its broker.
    profile = "sqlite" if database == "sqlite" else "postgres-rabbitmq"
    with (
        tempfile.TemporaryDirectory(prefix="almanac-benchmark-") as folder,
        place(Path(folder), profile) as made,
    ):
        opened = Console(made.env, made.log, "benchmarks.inside_data")
        try:
            opened.do("shop")
            yield opened
        finally:
            opened.close()
