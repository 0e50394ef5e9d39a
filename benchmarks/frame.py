"""The frame: what a benchmark is, how it is run in turns with its reference, and what is said of it."""

import importlib
import os
import pkgutil
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cases

PAIRS = 3
"""So many pairs at least: one says nothing of how much the figures stray."""


class Missing(Exception):
    """Something that is measured against is not installed; `package` is Debian's that has it."""

    def __init__(self, what: str, package: str, how: str = "") -> None:
        super().__init__(f"{what} is not there: install Debian's package {package}{how and f', {how}'}.")


class Broken(Exception):
    """What was measured did not do what it should: there is no figure."""


Rate = Callable[[], float]
"""Runs one side once; returns how much it did in a second, or the inverse of the seconds that it took: more is better."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides, set up and ready to be run again and again."""

    ours: Rate
    reference: Rate


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One figure that is promised.

    `open` sets both sides up and is given whether this is the short form: a small amount, for CI, whose figures mean nothing.
    It raises `Missing` where a reference is not installed, and `Broken`, or an assertion, where a plan that the path rests on
    is not the one that the database takes.
    """

    name: str
    what: str
    """What is measured, in a few words."""
    reference: str
    """What it is compared with, in the same run."""
    floor: float
    ambition: float | None
    open: Callable[[bool], AbstractContextManager[Pair]]
    unit: str = "/s"
    """Of what the two sides return."""
    pairs: int = PAIRS


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one benchmark. A ratio of None: it could not be measured, and `problem` says why."""

    benchmark: Benchmark
    ratios: Sequence[float] = ()
    ours: Sequence[float] = ()
    references: Sequence[float] = ()
    load: float = 0.0
    """The share of this machine that others used just before each pair, 0 to 1: the median."""
    problem: str = ""
    missing: bool = False
    short: bool = False

    @property
    def ratio(self) -> float | None:
        """The median of the pairs' ratios."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def spread(self) -> float | None:
        """From the lowest to the highest ratio, as a part of the median."""
        return (max(self.ratios) - min(self.ratios)) / self.ratio if self.ratio else None

    @property
    def ok(self) -> bool:
        """Whether it ran and, but for the short form, reached its floor."""
        return self.ratio is not None and (self.short or self.ratio >= self.benchmark.floor)

    def as_json(self) -> dict[str, object]:
        """As ``--json`` prints it."""
        return {
            "name": self.benchmark.name,
            "reference": self.benchmark.reference,
            "ratio": _rounded(self.ratio),
            "spread": _rounded(self.spread),
            "floor": self.benchmark.floor,
            "ambition": self.benchmark.ambition,
            "ok": self.ok,
        }

    def line(self) -> str:
        """As it is printed for people."""
        own = self.benchmark
        if self.ratio is None:
            return f"{own.name:18} not measured: {self.problem}"
        told = f"{own.name:18} {self.ratio:8.2f}  spread {self.spread or 0:4.0%}  load {self.load:4.0%}"
        told += f"  floor {own.floor:g}  ambition {own.ambition if own.ambition is not None else '-'}"
        told += (
            f"  {amount(statistics.median(self.ours))} against {amount(statistics.median(self.references))} {own.unit}"
        )
        return f"{told}  {'short' if self.short else 'ok' if self.ok else 'BELOW'}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def amount(value: float) -> str:
    """A figure as people read it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def registered() -> dict[str, Benchmark]:
    """Every benchmark of every file in `benchmarks.cases`, by name, in the order of the files' names."""
    found: dict[str, Benchmark] = {}
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda module: module.name):
        for benchmark in importlib.import_module(f"{cases.__name__}.{module.name}").BENCHMARKS:
            assert benchmark.name not in found, f"two benchmarks are called {benchmark.name}"
            found[benchmark.name] = benchmark
    return found


def run(benchmark: Benchmark, *, short: bool) -> Measured:
    """Run one benchmark: its pairs, in turns."""
    ratios, ours, references, loads = [], [], [], []
    try:
        with benchmark.open(short) as pair:
            for _number in range(1 if short else max(benchmark.pairs, PAIRS)):
                loads.append(busy())
                reference, own = pair.reference(), pair.ours()
                references.append(reference)
                ours.append(own)
                ratios.append(own / reference)
    except Missing as error:
        return Measured(benchmark, problem=str(error), missing=True, short=short)
    except (Broken, AssertionError) as error:
        return Measured(benchmark, problem=f"it broke: {str(error)[-2000:]}", short=short)
    return Measured(
        benchmark,
        ratios,
        ours,
        references,
        statistics.median(loads),
        short=short,
    )


def run_all(benchmarks: Sequence[Benchmark], *, short: bool) -> Iterator[Measured]:
    """One after the other."""
    for benchmark in benchmarks:
        yield run(benchmark, short=short)


def exit_code(measured: Sequence[Measured]) -> int:
    """1 when something is below its floor or broke, 2 when something could not be measured for want of its reference."""
    if any(not one.ok and not one.missing for one in measured):
        return 1
    return 2 if any(one.missing for one in measured) else 0


# --- The machine -----------------------------------------------------------------------------------------------------


def busy(seconds: float = 0.5) -> float:
    """Which share of this machine is in use now, 0 to 1. 0 where the kernel does not say."""
    before = _cpu_times()
    time.sleep(seconds)
    after = _cpu_times()
    idle, total = after[0] - before[0], after[1] - before[1]
    return 1 - idle / total if total else 0.0


def _cpu_times() -> tuple[float, float]:
    """Idle and all, in ticks (proc(5), ``/proc/stat``)."""
    try:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0.0, 0.0
    return fields[3] + fields[4], sum(fields)


def machine() -> str:
    """This machine in a sentence."""
    model = ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024**2
    except (OSError, ValueError, IndexError):
        memory = 0
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model or platform.machine()}, {memory} GB, {system}, Python {platform.python_version()}"
