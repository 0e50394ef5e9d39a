"""Contacts with an address and consent, against the same rows put into the same tables the bare way."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks import data
from benchmarks.frame import Benchmark, Pair

PEOPLE, FEW = 30_000, 1_000


@contextmanager
def _people(database: str, short: bool) -> Iterator[Pair]:
    count = FEW if short else PEOPLE
    with data.console(database) as console:
        console.do("people", count=count)
        assert console.do("keep_people") == count

        def ours() -> float:
            console.do("empty_people")
            return float(console.do("import_people", count=count))

        yield Pair(ours, lambda: float(console.do("bare_people")))


_WHAT = "import of contacts with consent and address"
BENCHMARKS = (
    Benchmark(
        "import_sqlite",
        f"{_WHAT}, SQLite",
        "bare `executemany` into the same tables",
        0.35,
        0.6,
        partial(_people, "sqlite"),
    ),
    Benchmark(
        "import_postgres",
        f"{_WHAT}, PostgreSQL",
        "bare `COPY` into the same tables",
        0.35,
        0.6,
        partial(_people, "postgres"),
    ),
)
