"""The results page at 10 million hits, against a scan of the raw rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import data
from benchmarks.frame import Benchmark, Pair

HITS, FEW = 10_000_000, 6_000
FIRST, FIRST_FEW = 60_000, 3_000


@contextmanager
def _results(short: bool) -> Iterator[Pair]:
    first, count = (FIRST_FEW, FEW) if short else (FIRST, HITS)
    with data.console("sqlite") as console:
        console.do("people", count=first // 6)
        console.do("sent", copies=first // 6)
        console.do("write_spool", count=first)
        console.do("drain")
        assert console.do("multiply_hits", count=count) == count
        console.do("analyze")
        yield Pair(lambda: float(console.do("look_at_results")), lambda: float(console.do("scan_hits")))


BENCHMARKS = (
    Benchmark(
        "dashboard",
        "the results page and its live part at 10 million hits",
        "scan of the raw rows",
        50,
        150,
        _results,
        unit="/s",
    ),
)
