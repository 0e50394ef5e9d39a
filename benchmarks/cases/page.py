"""Public pages (home and a promotion, in turns), against nginx serving the same bytes from files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from benchmarks import crowd, tools
from benchmarks.frame import Benchmark, Pair
from tests.faults.harness.place import Console, place

SECONDS, SHORT = 8, 1


@contextmanager
def shop(folder: Path) -> Iterator[tuple[Console, int, list[str]]]:
    """A site whose web process runs: a console inside, the port, and the paths of its pages."""
    with place(folder / "home", "sqlite") as made:
        console = Console(made.env, made.log, "tests.faults.harness.site")
        paths = console.do("set_up_site")
        port = tools.free_port()
        made.start_web(port)
        try:
            yield console, port, paths
        finally:
            console.close()


def copied(port: int, paths: list[str], folder: Path) -> list[str]:
    """Put what the web process answers into files of `folder`; their paths."""
    names = []
    for number, path in enumerate(paths):
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            (folder / f"page{number}.html").write_bytes(answer.read())
        names.append(f"/page{number}.html")
    return names


@contextmanager
def _open(connections: int, short: bool) -> Iterator[Pair]:
    crowd.wrk()
    with tempfile.TemporaryDirectory(prefix="almanac-benchmark-") as name, crowd.nginx(Path(name)) as fast:
        folder = Path(name)
        with shop(folder) as (_console, port, paths):
            files = copied(port, paths, folder)
            asked = partial(crowd.visit, connections=connections, seconds=SHORT if short else SECONDS, folder=folder)
            yield Pair(
                lambda: crowd.without_errors(asked(port, paths)).rate,
                lambda: asked(fast, files).rate,
            )


BENCHMARKS = [
    Benchmark(
        name=f"page_{connections}",
        what=f"public pages, {connections:,} connections",
        reference="nginx serving the same bytes",
        floor=floor,
        ambition=ambition,
        open=partial(_open, connections),
    )
    for connections, floor, ambition in ((100, 0.35, 0.6), (1000, 0.3, 0.45))
]
