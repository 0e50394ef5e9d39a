"""The processes an installation consists of: web, workers, scheduler."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings

from config.supervisor import Child, Supervisor
from core.errors import FixSettings

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]
WORKER_THREADS = 64
"""Threads of a worker process. At most `campaigns.publishing.services.slots.SLOTS` of them send at once; the others wait, for a
slot or for the answer of a slow provider, and cost next to nothing. They are made when they are needed."""
TELL_EVERY = 5.0


def web(port: int, host: str = "127.0.0.1", env: Mapping[str, str] | None = None) -> Child:
    """The web server. `--blocking-threads` always: without it uncached pages answered 5xx under load."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--no-ws"]
    command += [
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
        "--blocking-threads",
        "4",
        "--log-level",
        "warning",
    ]
    return Child("web", command, env or {})


def worker(number: int, env: Mapping[str, str] | None = None) -> Child:
    """A channel worker. Threads, because it waits for providers most of the time; more processes for more cores."""
    # Celery warns of root at every start; a container runs as root, and pickle, the reason for the warning, is not accepted.
    command = [sys.executable, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet"]
    command += ["-A", "config.celery", "worker", "--pool", "threads"]
    # One bell a thread at most: a process does not hoard what another one has time for.
    command += ["--concurrency", str(WORKER_THREADS), "--prefetch-multiplier", "1"]
    command += ["--hostname", f"{settings.CELERY_TASK_DEFAULT_QUEUE}-worker{number}@%h", "--loglevel", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Child(f"worker{number}", command, env or {})


def scheduler(env: Mapping[str, str] | None = None) -> Child:
    """The clock: one pass a second over everything that is due. Any number of them may run."""
    return Child("scheduler", [*MANAGE, "scheduler"], env or {})


def sandbox(smtp_port: int, http_port: int) -> Child:
    """The servers that stand in for the providers in the demo."""
    return Child("sandbox", [*MANAGE, "sandbox", "--smtp-port", str(smtp_port), "--http-port", str(http_port)])


@contextmanager
def for_a_moment(child: Child, say: Callable[[str], object] = lambda line: None) -> Iterator[None]:
    """Run `child` while the block runs, and wait before it until the child has said, as a line of JSON, that it is ready.

    However slow the machine is, a child that lives is waited for; `say` hears of it every `TELL_EVERY` seconds. Raises
    `FixSettings` with the child's last lines when it has ended instead.
    """
    supervisor = Supervisor([child], lambda line: None)
    supervisor.start()
    try:
        began = told = time.monotonic()
        while not any(line.startswith("{") for line in child.tail):
            supervisor.pass_once()
            if child.deaths:
                last = "\n".join(child.tail) or "It printed nothing."
                raise FixSettings(f"{child.name} ended instead of starting. {last}")
            if time.monotonic() - told >= TELL_EVERY:
                told = time.monotonic()
                say(f"    {child.name} is starting, for {told - began:.0f} s now; this machine is slow …")
        yield
    finally:
        supervisor.stop()


class AgainWhenChanged:
    """Starts every child again when a file has changed that settings are made of: they are read once, at the start."""

    def __init__(self, path: Path, supervisor: Supervisor) -> None:
        self._path = Path(path)
        self._supervisor = supervisor
        self._seen = self._state()

    def _state(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def __call__(self) -> None:
        """Look; called several times a second."""
        now = self._state()
        if now != self._seen:
            self._seen = now
            self._supervisor.say(f"{self._path.name} has changed: every process is started again")
            self._supervisor.again()


def installation(port: int, workers: int, host: str = "127.0.0.1") -> list[Child]:
    """Everything that `manage.py up` runs on this host."""
    return [web(port, host), *(worker(number + 1) for number in range(workers)), scheduler()]


def answers(base_url: str) -> bool:
    """Whether the web process of the installation at `base_url` answers yet."""
    try:
        with urlopen(f"{base_url}/healthz", timeout=2) as response:  # noqa: S310 - our own address
            return response.status == 200
    except (URLError, OSError, HTTPException):  # another program's port may speak another protocol
        return False
