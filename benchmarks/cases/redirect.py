"""Tracked links, each noted durably in the spool, against nginx with ``return 302``."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import crowd, tools
from benchmarks.frame import Benchmark, Broken, Pair
from tests.faults.harness.place import Console, place

RECIPIENTS = 2_000
SECONDS, SHORT = 8, 1


@contextmanager
def _open(connections: int, short: bool) -> Iterator[Pair]:
    crowd.wrk()
    with tempfile.TemporaryDirectory(prefix="almanac-benchmark-") as name, crowd.nginx(Path(name)) as fast:
        folder = Path(name)
        with place(folder / "home", "sqlite") as made:
            console = Console(made.env, made.log, "tests.faults.harness.site")
            paths = console.do("tracked_paths", count=RECIPIENTS)
            console.close()
            port = tools.free_port()
            made.start_web(port)
            seconds = SHORT if short else SECONDS
            crowd.visit(port, paths, connections, 1, folder)  # not measured: links are looked up once
            asked = partial(crowd.visit, paths=paths, connections=connections, seconds=seconds, folder=folder)

            def ours() -> float:
                before = _noted(folder / "home")
                rate = crowd.without_errors(asked(port)).rate
                if _noted(folder / "home") - before < 0.99 * rate * seconds:
                    raise Broken("not every redirect was noted")
                return rate

            yield Pair(ours, lambda: asked(fast).rate)


def _noted(home: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (home / "spool").glob("*.jsonl"))


BENCHMARKS = [
    Benchmark(
        name=f"redirect_{connections}",
        what=f"tracked redirects, {connections:,} connections",
        reference="nginx `return 302`",
        floor=0.3,
        ambition=0.45,
        open=partial(_open, connections),
    )
    for connections in (100, 1000)
]
