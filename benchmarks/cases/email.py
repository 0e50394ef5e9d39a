"""Personalised, tracked, durable mail, against `smtp-source` handing messages of the same size to the same `smtp-sink`.

Ours is measured from the start of the run to the last answer in the ledger, with the processes that ``up`` runs but the web
server: workers and scheduler, each with the settings that they are shipped with.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import postfix, tools
from benchmarks.frame import Benchmark, Broken, Pair
from tests.faults.harness.place import POSTGRES, RABBITMQ, Console, Place, place, wait_until

PEOPLE, FEW = 20_000, 400
SHIPPED = {"ALMANAC_LEASE_SECONDS": "60"}
"""The fault suite, whose harness this uses, has shorter leases."""


class Shop:
    """An installation whose newsletters go to the sink."""

    def __init__(self, made: Place, port: int, people: int) -> None:
        self.people = people
        self.place = made
        self.console = Console(made.env, made.log, "benchmarks.inside")
        self.do = self.console.do
        self.do("set_up", people=people)
        settings = {"host": "127.0.0.1", "port": port, "security": "none", "from_email": "news@shop.example"}
        self.account = self.do("account", provider="smtp", settings=settings)

    def newsletter(self) -> float:
        """Send one to everybody; accepted messages in a second."""
        publication = self.do("publish", account=self.account)
        told = wait_until(lambda: self._done(publication), 600, "the newsletter to be sent", 0.5)
        if told["accepted"] != self.people or told["attempts"] != self.people:
            raise Broken(f"not everybody was sent one: {told}")
        return float(told["accepted"] / told["seconds"])

    def _done(self, publication: str) -> dict[str, Any] | None:
        told: dict[str, Any] = self.do("progress", publication=publication)
        return told if told["state"] == "done" else None


@contextmanager
def shop(profile: str, people: int) -> Iterator[tuple[Shop, int]]:
    """A shop of `profile` and the port of its sink; no worker runs yet."""
    if profile != "sqlite":
        tools.server(POSTGRES, "PostgreSQL", "postgresql")
        tools.server(RABBITMQ, "RabbitMQ", "rabbitmq-server")
    with (
        postfix.sink() as port,
        tempfile.TemporaryDirectory(prefix="almanac-benchmark-") as folder,
        place(Path(folder), profile, env=SHIPPED, cold=True) as made,
    ):
        made_shop = Shop(made, port, people)
        try:
            yield made_shop, port
        finally:
            made_shop.console.close()


@contextmanager
def _workers(profile: str, workers: int, short: bool) -> Iterator[Pair]:
    people = FEW if short else PEOPLE
    with shop(profile, people) as (made, port):
        made.place.up(workers)
        first = made.do("publish", account=made.account)  # not measured: processes and pages warm up
        wait_until(lambda: made._done(first), 600, "the first newsletter to be sent", 0.5)
        size = made.do("message_size", publication=first)
        yield Pair(made.newsletter, partial(postfix.source, port, people, size))


@contextmanager
def _one_process(short: bool) -> Iterator[Pair]:
    with shop("sqlite", FEW if short else PEOPLE) as (made, _port):
        latest = ""

        def with_ledger() -> float:
            nonlocal latest
            latest = made.do("publish", account=made.account)
            return float(made.do("send_with_ledger", publication=latest))

        with_ledger()
        yield Pair(with_ledger, lambda: float(made.do("send_without_ledger", publication=latest)))


_SOURCE = "`smtp-source -d -s 20` into the same smtp-sink"
_WHAT = "personalised, tracked, durable mail, 17 KB, 12 links"
BENCHMARKS = (
    Benchmark("email_sqlite_1", f"{_WHAT}, one worker, SQLite", _SOURCE, 0.45, 0.6, partial(_workers, "sqlite", 1)),
    Benchmark("email_sqlite_2", f"{_WHAT}, two workers, SQLite", _SOURCE, 0.6, 0.85, partial(_workers, "sqlite", 2)),
    Benchmark(
        "email_postgres_2",
        f"{_WHAT}, two workers, PostgreSQL and RabbitMQ",
        _SOURCE,
        0.6,
        0.85,
        partial(_workers, "postgres-rabbitmq", 2),
    ),
    Benchmark(
        "email_stateless",
        "the same mail in one process with the ledger, SQLite",
        "the same code without the ledger",
        0.75,
        0.9,
        _one_process,
    ),
)
