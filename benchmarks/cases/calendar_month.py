"""A month of the calendar in a year with 5,000 items, against the same month in a year with 50."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import data
from benchmarks.frame import Benchmark, Broken, Pair
from tests.faults.harness.place import Console

ITEMS, REFERENCE = 5_000, 50
PEOPLE, FEW = 30_000, 500
MOST_BYTES = 150_000


def _prepare(console: Console, people: int, items: int) -> int:
    """Fills the shop; returns how many queries a look takes once the shared people are counted."""
    console.do("people", count=people)
    console.do("items", count=items)
    console.do("analyze")
    console.do("look_at_the_month")
    seen = console.do("look_at_the_month")
    if seen["bytes"] > MOST_BYTES:
        raise Broken(f"an answer has {seen['bytes']} bytes")
    return int(seen["queries"])


@contextmanager
def _month(short: bool) -> Iterator[Pair]:
    people = FEW if short else PEOPLE
    with data.console("sqlite") as large, data.console("sqlite") as small:
        few = _prepare(small, people, REFERENCE)
        many = _prepare(large, people, ITEMS)
        if many > few:
            raise Broken(f"a large month takes {many} queries, and a small one {few}")
        yield Pair(
            lambda: 1 / float(large.do("look_at_the_month")["seconds"]),
            lambda: 1 / float(small.do("look_at_the_month")["seconds"]),
        )


BENCHMARKS = (
    Benchmark(
        "calendar",
        "a month of the calendar with 5,000 items in the year, 30,000 contacts",
        "the same month with 50 items",
        0.5,
        None,
        _month,
        unit="looks/s",
    ),
)
