"""A month of sending, minute by minute: ``uv run python docs/explanation/scale.py``; every figure is an option.

Campaigns begin at the hours that shops choose and wait in one queue. What leaves it in a minute is the least of what the workers
can do, what the providers' accounts take, and what the database commits. The script prints what it was given, where that comes
from, and what follows: how long people wait, how many workers and hosts it takes, and how much is stored.
"""

import argparse
from dataclasses import dataclass, replace
from math import ceil

MINUTES = 30 * 24 * 60
HOURS = {8: 0.15, 9: 0.2, 10: 0.2, 12: 0.1, 17: 0.15, 18: 0.2}
"""The share of a day's messages that becomes due at each hour: an assumption; shops crowd at the same ones."""
WORKER_RATE = 220.0
WORKER_SOURCE = (
    "half of what two sent in `python -m benchmarks email_postgres_2 --short`, 441 against smtp-source's 459, with database, "
    "broker and mail server on the same two cores, which others kept busy: a lower bound"
)
DATABASE_RATE = 2000.0
DATABASE_SOURCE = "assumed for a primary with cores of its own; not measured: measure yours with the benchmark"
PEAK_DAYS, PEAK = 4, 3.0
"""So many days of the month carry so many times an ordinary day's messages (the days around Black Friday): an assumption."""


@dataclass(frozen=True)
class Given:
    """What the simulation goes by. Rates in messages a second, sizes in bytes."""

    month: int
    workers: int
    worker_rate: float
    database_rate: float
    accounts: int
    account_rate: float
    events: float
    hits: float
    workers_a_host: int


@dataclass(frozen=True)
class Came:
    """What came of it."""

    sent: int
    left: int
    longest_queue: int
    longest_wait: float
    busy: float
    narrow: str


BYTES = {"delivery": 641, "attempt": 217, "event": 521, "hit": 519}
"""A row with its indexes in PostgreSQL 15: 200,000 rows of each table as it stands, by pg_total_relation_size."""


def _told(rate: float, usual: float, source: str) -> str:
    """A rate and where it comes from."""
    return f"{rate:,.0f} a second: {source if rate == usual else 'as you said'}"


def due() -> list[float]:
    """The share of the month that becomes due in each minute."""
    days = 30
    weights = [PEAK if day < PEAK_DAYS else 1.0 for day in range(days)]
    whole = sum(weights)
    minutes = [0.0] * MINUTES
    for day, weight in enumerate(weights):
        for hour, share in HOURS.items():
            minutes[(day * 24 + hour) * 60] += share * weight / whole
    return minutes


def limits(given: Given) -> dict[str, float]:
    """What each part passes in a second."""
    return {
        "workers": given.workers * given.worker_rate,
        "the providers' accounts": given.accounts * given.account_rate,
        "the database": given.database_rate,
    }


def simulate(given: Given) -> Came:
    """The month, first in, first out."""
    passed = limits(given)
    narrow = min(passed, key=lambda name: passed[name])
    capacity = passed[narrow] * 60
    queue = sent = 0.0
    longest = wait = busy = 0.0
    for share in due():
        queue += share * given.month
        longest = max(longest, queue)
        wait = max(wait, queue / capacity)
        now = min(queue, capacity)
        busy += now / capacity
        queue -= now
        sent += now
    return Came(round(sent), round(queue), round(longest), wait, busy / MINUTES, narrow)


def least_workers(given: Given, hours: float) -> int | None:
    """How many workers it takes for nobody to wait longer; None when something else is too narrow."""
    others = min(value for name, value in limits(given).items() if name != "workers")
    enough = ceil(others / given.worker_rate)  # more of them change nothing
    for workers in range(1, enough + 1):
        if simulate(replace(given, workers=workers)).longest_wait <= hours * 60:
            return workers
    return None


def stored(given: Given) -> dict[str, float]:
    """Gigabytes a month."""
    rows = {"delivery": 1.0, "attempt": 1.0, "event": given.events, "hit": given.hits}
    return {name: given.month * count * BYTES[name] / 1e9 for name, count in rows.items()}


def read() -> Given:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--month", type=float, default=1e9, help="messages in a month")
    parser.add_argument("--workers", type=int, default=8, help="worker processes")
    parser.add_argument(
        "--worker-rate", type=float, default=WORKER_RATE, help="messages a second of one worker process"
    )
    parser.add_argument(
        "--database-rate", type=float, default=DATABASE_RATE, help="messages a second that PostgreSQL takes"
    )
    parser.add_argument("--accounts", type=int, default=4, help="accounts at providers")
    parser.add_argument("--account-rate", type=float, default=2000.0, help="messages a second that one account takes")
    parser.add_argument("--events", type=float, default=1.2, help="provider events for each message")
    parser.add_argument("--hits", type=float, default=0.35, help="clicks, opens and page views for each message")
    parser.add_argument(
        "--workers-a-host", type=int, default=2, help="worker processes on one host (one for each core)"
    )
    options = vars(parser.parse_args())
    return Given(**{**options, "month": int(options["month"])})


def show(given: Given) -> None:
    """Print it."""
    print("Given")
    print(f"  {given.month:,} messages a month; {PEAK_DAYS} days carry {PEAK:g} times an ordinary one's (assumed)")
    print(f"  a worker process sends {_told(given.worker_rate, WORKER_RATE, WORKER_SOURCE)}")
    print(f"  the database takes {_told(given.database_rate, DATABASE_RATE, DATABASE_SOURCE)}")
    print(f"  {given.accounts} accounts take {given.account_rate:,.0f} a second each (assumed: ask your provider)")
    print(f"  {given.events:g} events and {given.hits:g} hits for each message (assumed)")
    print(
        f"  bytes a row with indexes: {', '.join(f'{name} {size}' for name, size in BYTES.items())} (measured, PostgreSQL 15)"
    )
    came = simulate(given)
    print(f"With {given.workers} workers on {-(-given.workers // given.workers_a_host)} hosts")
    print(
        f"  the narrowest is {came.narrow}: {min(limits(given).values()):,.0f} a second; busy {came.busy:.0%} of the month"
    )
    print(f"  the longest queue is {came.longest_queue:,}; the last of it waits {came.longest_wait / 60:,.1f} hours")
    print(f"  {came.sent:,} are sent by the end of the month, {came.left:,} are left")
    for hours in (1.0, 5.0, 8.0):
        workers = least_workers(given, hours)
        told = f"{workers} workers" if workers else "no number of workers: the database or the accounts are too narrow"
        print(f"  nobody waits more than {hours:g} h: {told}")
    sizes = stored(given)
    print(
        f"Stored: {sum(sizes.values()):,.0f} GB a month ({', '.join(f'{name} {size:,.0f}' for name, size in sizes.items())})"
    )


if __name__ == "__main__":
    show(read())
