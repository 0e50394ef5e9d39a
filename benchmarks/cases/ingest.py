"""From the spool to hits with their verdicts, touches, visits and hourly counts, against the same rows put in the bare way."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks import data
from benchmarks.frame import Benchmark, Pair

HITS, FEW = 60_000, 3_000


@contextmanager
def _hits(database: str, short: bool) -> Iterator[Pair]:
    count = FEW if short else HITS
    with data.console(database) as console:
        console.do("people", count=count // 6)
        console.do("sent", copies=count // 6)
        console.do("analyze")
        console.do("write_spool", count=count)
        console.do("drain")
        assert console.do("keep_hits") == count

        def ours() -> float:
            console.do("empty_hits")
            console.do("write_spool", count=count)
            return float(console.do("drain"))

        yield Pair(ours, lambda: float(console.do("bare_hits")))


_WHAT = "hits: from the spool to rows with verdict, touch, visit and hourly count"
BENCHMARKS = (
    Benchmark(
        "ingest_sqlite", f"{_WHAT}, SQLite", "bare `executemany` of the same rows", 0.15, 0.25, partial(_hits, "sqlite")
    ),
    Benchmark(
        "ingest_postgres",
        f"{_WHAT}, PostgreSQL",
        "bare `COPY` of the same rows",
        0.15,
        0.25,
        partial(_hits, "postgres"),
    ),
)
