"""An audience becomes the rows of the ledger, against as many rows by the ORM."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks import data
from benchmarks.frame import Benchmark, Pair

PEOPLE, FEW = 200_000, 1_000


@contextmanager
def _people(database: str, short: bool) -> Iterator[Pair]:
    with data.console(database) as console:
        console.do("people", count=FEW if short else PEOPLE)
        console.do("everyone")
        console.do("analyze")
        console.do("freeze")
        yield Pair(lambda: float(console.do("freeze")), lambda: float(console.do("bulk_create_deliveries")))


_WHAT = "freezing an audience of 200,000"
_ORM = "`bulk_create` of as many rows by the ORM"
BENCHMARKS = (
    Benchmark("freeze_sqlite", f"{_WHAT}, SQLite", _ORM, 4, 8, partial(_people, "sqlite")),
    Benchmark("freeze_postgres", f"{_WHAT}, PostgreSQL", _ORM, 4, 8, partial(_people, "postgres")),
)
