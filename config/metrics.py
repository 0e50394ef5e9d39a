"""What Prometheus reads: figures of the installation, from the database, and of this host's web processes, from their files.

The first are the same whichever web process answers. The second are counted rightly however many processes answer: each writes
a file of its own (prometheus-client's multi-process mode) in a folder of their parent, the web server, and a scrape adds the
files up. A web server that is started again begins a new folder, so that its counters begin at zero together, as Prometheus
expects of a process that was started again.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

log = logging.getLogger(__name__)


def _server() -> str:
    """The web server that this process answers for: its process id, and when it was started."""
    parent = os.getppid()
    with suppress(OSError, IndexError):
        return f"{parent}-{Path(f'/proc/{parent}/stat').read_text().rpartition(')')[2].split()[19]}"
    return str(parent)


HOME = Path(settings.ALMANAC_HOME) / "metrics"
FOLDER = HOME / _server()
# The library looks for it while it is imported.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)

from prometheus_client import CollectorRegistry, Histogram, generate_latest  # noqa: E402
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric  # noqa: E402
from prometheus_client.exposition import CONTENT_TYPE_LATEST  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

from campaigns.measurement import spool  # noqa: E402
from campaigns.publishing import watch  # noqa: E402
from core import disk, heartbeat, obstacles  # noqa: E402

REQUESTS = Histogram(
    "almanac_http_request_seconds",
    "How long answers took, by route; without tracked links, which are answered before.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


ROOM = 1024 * 1024
MOST_SERIES = 300
"""Of some 2,600 bytes each they stay within `ROOM`; what is more is counted together."""
_series: set[tuple[str, str, str]] = set()
_measuring = False


def begin() -> None:
    """Make this process's file, and take away those of web servers that are gone.

    The library maps its file into memory, and a mapped page for which a full disk has no room ends the process. So the room is
    taken first; without it nothing is measured.
    """
    global _measuring, FOLDER
    # Once more, in the process that answers: it may have been forked from one that had imported this module.
    FOLDER = HOME / _server()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        file = FOLDER / f"histogram_{os.getpid()}.db"
        if not file.exists():
            file.write_bytes(bytes(ROOM))
        _measuring = True
    except OSError as error:
        log.warning("Answers are not timed: %s cannot be written (%s).", FOLDER, error.strerror)
        return
    for other in HOME.iterdir():
        if other != FOLDER and not Path(f"/proc/{other.name.partition('-')[0]}").exists():
            shutil.rmtree(other, ignore_errors=True)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Note how long an answer took."""
    if not _measuring:
        return
    series = (method, route, str(status))
    if series not in _series:
        if len(_series) >= MOST_SERIES:
            series = ("other", "(other)", "other")
        _series.add(series)
    REQUESTS.labels(*series).observe(seconds)


def exposition() -> tuple[bytes, str]:
    """The figures in Prometheus' text format, and its content type."""
    registry = CollectorRegistry()
    registry.register(Installation())
    MultiProcessCollector(registry, path=str(FOLDER))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class Installation(Collector):
    """Figures that are read when they are asked for."""

    def collect(self) -> Iterator[Metric]:
        """All of them; without a database, those that need none."""
        yield InfoMetricFamily("almanac_build", "The release.", value={"version": settings.VERSION})
        yield _by("almanac_disk_free_bytes", "Free bytes on this host.", ["place"], disk.free().items())
        yield GaugeMetricFamily("almanac_spool_bytes", "Hits noted on this host and not yet read.", value=_spooled())
        try:
            found = [*_of_processes(), *_of_the_ledger(watch.figures())]
        except DatabaseError:
            found = [GaugeMetricFamily("almanac_database_up", "Whether the database answers.", value=0)]
        yield from found


def _of_processes() -> Iterator[Metric]:
    yield GaugeMetricFamily("almanac_database_up", "Whether the database answers.", value=1)
    kinds = ("worker", "scheduler")
    yield _by(
        "almanac_processes",
        "Processes heard within a minute.",
        ["kind"],
        [(kind, heartbeat.alive(kind)) for kind in kinds],
    )
    delay = heartbeat.delay("scheduler")
    if delay is not None:
        yield GaugeMetricFamily(
            "almanac_scheduler_delay_seconds", "By how much the scheduler's latest sign of life is late.", value=delay
        )
    found = obstacles.standing()
    yield GaugeMetricFamily("almanac_may_send", "0 while something stands in the way of all sending.", value=not found)
    yield _by(
        "almanac_obstacle", "1 for what stands in the way of all sending.", ["code"], [(one.code, 1) for one in found]
    )


def _of_the_ledger(figures: watch.Figures) -> Iterator[Metric]:
    simple = (
        ("almanac_queue_age_seconds", "How long the due work that waits longest has had no worker.", figures.queue_age),
        ("almanac_due_runs", "Runs that are due and have not begun.", figures.due_runs),
        ("almanac_open_chunks", "Ranges of live runs that no worker holds.", figures.open_chunks),
        ("almanac_leased_chunks", "Ranges of live runs that a worker holds.", figures.leased_chunks),
        ("almanac_provider_events_unread", "Providers' events that nobody has read yet.", figures.events_unread),
    )
    for name, words, value in simple:
        yield GaugeMetricFamily(name, words, value=value)
    yield from _of_accounts(figures.accounts)
    yield from _of_runs(figures.runs)


def _of_accounts(accounts: list[watch.AccountFigures]) -> Iterator[Metric]:
    info = InfoMetricFamily("almanac_account", "What an account is called.", labels=["account"])
    for one in accounts:
        info.add_metric([one.account], {"name": one.name, "channel": one.channel, "provider": one.provider})
    yield info
    yield _by("almanac_account_rate", "Messages a second.", ["account"], [(one.account, one.rate) for one in accounts])
    yield _by(
        "almanac_account_lag_seconds",
        "How long its oldest run with open messages has been due.",
        ["account"],
        [(one.account, one.lag) for one in accounts],
    )
    yield _by(
        "almanac_account_blocked_seconds",
        "For how long it still waits.",
        ["account"],
        [(one.account, one.blocked) for one in accounts],
    )
    health = GaugeMetricFamily("almanac_account_health", "1 for its state.", labels=["account", "health"])
    doubts = GaugeMetricFamily("almanac_account_doubts", "Messages in doubt, of all time.", labels=["account", "state"])
    for one in accounts:
        health.add_metric([one.account, one.health], 1)
        doubts.add_metric([one.account, "unknown"], one.unknown)
        doubts.add_metric([one.account, "unconfirmed"], one.unconfirmed)
    yield health
    yield doubts


def _of_runs(runs: list[watch.RunFigures]) -> Iterator[Metric]:
    names = ["run", "publication", "account"]
    counts = GaugeMetricFamily("almanac_run_deliveries", "Messages by state.", labels=[*names, "state"])
    states = GaugeMetricFamily("almanac_run_state", "1 for its state.", labels=[*names, "state"])
    rate = GaugeMetricFamily("almanac_run_rate", "Messages a second.", labels=names)
    late = GaugeMetricFamily("almanac_run_start_delay_seconds", "By how much it began late.", labels=names)
    idle = GaugeMetricFamily("almanac_run_idle_seconds", "How long it has made no progress.", labels=names)
    for one in runs:
        labels = [one.run, one.publication, one.account]
        for state, count in one.counts.items():
            counts.add_metric([*labels, state], count)
        states.add_metric([*labels, one.state], 1)
        rate.add_metric(labels, one.rate)
        late.add_metric(labels, one.late)
        idle.add_metric(labels, one.idle)
    yield from (counts, states, rate, late, idle)


def _by(name: str, words: str, labels: list[str], values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for label, value in values:
        family.add_metric([label], value)
    return family


def _spooled() -> int:
    total = 0
    for path in spool.folder().glob("*.jsonl"):
        with suppress(OSError):
            total += path.stat().st_size
    return total
