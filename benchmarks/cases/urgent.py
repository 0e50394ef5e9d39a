"""A publication that is due now while ten large ones are live: how late its first message begins.

Ours is one divided by the seconds of the latest of so many starts (which is p99 or beyond), the reference one divided by the
ten seconds that a start may take at most.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.cases.email import shop
from benchmarks.frame import Benchmark, Pair
from tests.faults.harness.place import wait_until

LARGE, PEOPLE, URGENT = 10, 40_000, 20
FEW = 400
MAY_TAKE = 10.0
THREE = {"field": "external_id", "op": "in", "value": ["c0", "c1", "c2"]}


@contextmanager
def _urgent(short: bool) -> Iterator[Pair]:
    with shop("sqlite", FEW if short else PEOPLE) as (made, _port):
        for _number in range(2 if short else LARGE):
            made.do("publish", account=made.account)
        made.place.up(2)
        time.sleep(1 if short else 20)  # all are frozen, and live

        def latest() -> float:
            due = [made.do("publish", account=made.account, rule=THREE) for _number in range(2 if short else URGENT)]
            late = wait_until(lambda: _all_started(due), 600, "the urgent ones to begin", 0.5)
            return 1 / max(late)

        def _all_started(due: list[str]) -> list[float]:
            late = made.do("lateness", publications=due)
            return [] if None in late else late

        yield Pair(latest, lambda: 1 / MAY_TAKE)


BENCHMARKS = (
    Benchmark(
        "urgent",
        "the latest of 20 starts while ten publications to 40,000 are live, two workers, SQLite",
        "ten seconds after its moment",
        1,
        3.33,
        _urgent,
        unit="/s (one start)",
    ),
)
