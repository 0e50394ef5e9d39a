"""SendGrid in batches as shipped, against one call per recipient; both with the ledger, in one process, over loopback.

The API that answers does so at once: over a network, where a call takes tens of milliseconds, batches win by far more.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import tools
from benchmarks.cases.email import SHIPPED
from benchmarks.frame import Benchmark, Pair
from tests.faults.harness.place import Console, place

PEOPLE, FEW = 4_000, 200


@contextmanager
def _batches(short: bool) -> Iterator[Pair]:
    port = tools.free_port()
    with (
        tools.listening([sys.executable, "-m", "benchmarks.api_sink", str(port)], port),
        tempfile.TemporaryDirectory(prefix="almanac-benchmark-") as folder,
        place(Path(folder), "sqlite", env=SHIPPED) as made,
    ):
        console = Console(made.env, made.log, "benchmarks.inside")
        try:
            console.do("set_up", people=FEW if short else PEOPLE)

            def account(**more: Any) -> str:
                settings = {"api_key": "SG.benchmark", "base_url": f"http://127.0.0.1:{port}", **more}
                settings["from_email"] = "news@shop.example"
                return str(console.do("account", provider="sendgrid", settings=settings, name=f"SendGrid {more}"))

            shipped, single = account(), account(batch_size=1)

            def rate(of: str) -> float:
                return float(console.do("send_with_ledger", publication=console.do("publish", account=of)))

            rate(shipped)  # not measured: the process warms up
            yield Pair(lambda: rate(shipped), lambda: rate(single))
        finally:
            console.close()


BENCHMARKS = (
    Benchmark(
        "sendgrid",
        "personalised mail over SendGrid's API in batches as shipped, SQLite",
        "one call per recipient",
        15,
        30,
        _batches,
    ),
)
