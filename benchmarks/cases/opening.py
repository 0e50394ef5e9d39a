"""The opening of a sale: a thousand visitors through the instant at which the price changes, against nginx with the same bytes.

What is compared is the 95th percentile of how long an answer takes. An error, a price that is early or one that is late makes the
benchmark fail.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks import crowd
from benchmarks.cases.page import copied, shop
from benchmarks.frame import Benchmark, Broken, Pair

VISITORS = 1_000
SECONDS, SHORT = 60, 10
CODE = b"HEARTH"
"""Stands on the page while the offer is open, and at no other time."""


@dataclass
class Witness:
    """Looks at the page all the time and compares it with the clock."""

    url: str
    opens_at: float
    wrong: list[str] = field(default_factory=list)
    seen: set[bool] = field(default_factory=set)
    enough: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Until `enough`."""
        while not self.enough.wait(0.02):
            asked = time.time()
            try:
                with urlopen(self.url, timeout=20) as answer:
                    is_open = CODE in answer.read()
            except (URLError, OSError) as error:
                self.wrong.append(f"an error: {error}")
                continue
            self.seen.add(is_open)
            if is_open and time.time() < self.opens_at:
                self.wrong.append(f"{self.opens_at - time.time():.3f} s early")
            if not is_open and asked > self.opens_at:
                self.wrong.append(f"{asked - self.opens_at:.3f} s late")


def _settle(url: str) -> None:
    """Until a price that was changed by hand shows; what the clock changes is what is measured."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with urlopen(url, timeout=20) as answer:
            if CODE not in answer.read():
                return
        time.sleep(0.1)
    raise Broken("a change does not show")


@contextmanager
def _open(short: bool) -> Iterator[Pair]:
    crowd.wrk()
    seconds = SHORT if short else SECONDS
    with tempfile.TemporaryDirectory(prefix="almanac-benchmark-") as name, crowd.nginx(Path(name)) as fast:
        folder = Path(name)
        with shop(folder) as (console, port, (_home, sale)):
            files = copied(port, [sale], folder)

            def ours() -> float:
                witness = Witness(f"http://127.0.0.1:{port}{sale}", time.time() + seconds / 2)
                console.do("set_start", at=witness.opens_at)
                _settle(witness.url)
                watching = threading.Thread(target=witness.look)
                watching.start()
                found = crowd.visit(port, [sale], VISITORS, seconds, folder)
                witness.enough.set()
                watching.join()
                if witness.wrong or witness.seen != {False, True}:
                    raise Broken(f"the price was wrong {len(witness.wrong)} times: {witness.wrong[:3]}")
                return 1 / crowd.without_errors(found).p95

            yield Pair(ours, lambda: 1 / crowd.visit(fast, files, VISITORS, max(4, seconds // 3), folder).p95)


BENCHMARKS = [
    Benchmark(
        name="opening",
        what="1,000 visitors through the switch of a price",
        reference="nginx serving the same bytes, p95",
        floor=1 / 3,
        ambition=1 / 1.5,
        open=_open,
        unit="/s (one divided by p95)",
    )
]
