"""The processes an installation consists of: web, workers, scheduler."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings

from config.supervisor import Child, Supervisor

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]
WORKER_THREADS = 64
"""Threads of a worker process. At most `campaigns.publishing.services.slots.SLOTS` of them send at once; the others wait, for a
slot or for the answer of a slow provider, and cost next to nothing. They are made when they are needed."""
SPARE_THREADS = 4
BACKLOG = 4096
"""Connections that a web process keeps open at once, and as many that wait to be taken: a crowd at midnight."""
START_SECONDS = 20.0


def web(port: int, host: str = "127.0.0.1", env: Mapping[str, str] | None = None) -> Child:
    """The web server. Its threads are more than what may be inside Django and wait for it (`core.gate`), so that there is
    always one to answer what needs no Django."""
    threads = settings.ALMANAC_WEB_THREADS + settings.ALMANAC_WEB_WAITING + SPARE_THREADS
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--no-ws"]
    command += ["--host", host, "--port", str(port), "--workers", str(settings.ALMANAC_WEB_PROCESSES)]
    command += ["--blocking-threads", str(threads), "--backlog", str(BACKLOG), "--backpressure", str(BACKLOG)]
    # It warns of many threads at every start; nearly all of them only ever wait.
    command += ["--log-level", "error"]
    return Child("web", command, env or {})


def worker(number: int, env: Mapping[str, str] | None = None) -> Child:
    """A channel worker. Threads, because it waits for providers most of the time; more processes for more cores."""
    # Celery warns of root at every start; a container runs as root, and pickle, the reason for the warning, is not accepted.
    command = [sys.executable, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet"]
    command += ["-A", "config.celery", "worker", "--pool", "threads"]
    # One bell a thread at most: a process does not hoard what another one has time for.
    command += ["--concurrency", str(WORKER_THREADS), "--prefetch-multiplier", "1"]
    command += ["--hostname", f"worker{number}@%h", "--loglevel", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Child(f"worker{number}", command, env or {})


def scheduler(env: Mapping[str, str] | None = None) -> Child:
    """The clock: one pass a second over everything that is due. Any number of them may run."""
    return Child("scheduler", [*MANAGE, "scheduler"], env or {})


def sandbox(smtp_port: int, http_port: int) -> Child:
    """The servers that stand in for the providers in the demo."""
    return Child("sandbox", [*MANAGE, "sandbox", "--smtp-port", str(smtp_port), "--http-port", str(http_port)])


@contextmanager
def for_a_moment(child: Child) -> Iterator[None]:
    """Run `child` while the block runs, and wait before it until the child has said its first line."""
    supervisor = Supervisor([child], lambda line: None)
    supervisor.start()
    try:
        until = time.monotonic() + START_SECONDS
        while not child.tail and time.monotonic() < until and supervisor.failed is None:
            supervisor.pass_once()
        yield
    finally:
        supervisor.stop()


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
