"""The processes an installation consists of: web, workers, scheduler."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
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


def web(port: int, host: str = "127.0.0.1", env: Mapping[str, str] | None = None, name: str = "web") -> Child:
    """A web process (`config.web`)."""
    return Child(name, [sys.executable, "-m", "config.web", host, str(port)], env or {})


def worker(number: int, env: Mapping[str, str] | None = None) -> Child:
    """A channel worker. Threads, because it waits for providers most of the time; more processes for more cores."""
    # Celery warns of root at every start; a container runs as root, and pickle, the reason for the warning, is not accepted.
    command = [sys.executable, "-W", "ignore:You're running the worker", "-m", "celery", "-A", "config.celery"]
    return Child(f"worker{number}", [*command, *worker_arguments(number)], env or {})


def worker_arguments(number: int) -> list[str]:
    """What Celery is told for channel worker `number`."""
    # One bell a thread at most: a process does not hoard what another one has time for.
    name = f"{settings.CELERY_TASK_DEFAULT_QUEUE}-worker{number}@%h"
    arguments = ["--quiet", "worker", "--pool", "threads", "--concurrency", str(WORKER_THREADS)]
    arguments += ["--prefetch-multiplier", "1", "--hostname", name, "--loglevel", "WARNING"]
    return [*arguments, "--without-gossip", "--without-mingle", "--without-heartbeat"]


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


def webs(port: int, host: str = "127.0.0.1") -> list[Child]:
    """As many web processes as the settings ask for; they share the port."""
    count = settings.ALMANAC_WEB_PROCESSES
    names = ["web"] if count == 1 else [f"web{number + 1}" for number in range(count)]
    return [web(port, host, name=name) for name in names]


def installation(port: int, workers: int, host: str = "127.0.0.1") -> list[Child]:
    """Everything that `manage.py up` runs on this host."""
    return [
        *webs(port, host),
        *(worker(number + 1) for number in range(workers)),
        scheduler(),
    ]


def beginning(child: Child, port: int, host: str) -> Callable[[], None]:
    """What a child of `installation` does, called in a process that has everything imported."""
    if child.name.startswith("web"):
        return partial(_begin_web, host, port)
    if child.name.startswith("worker"):
        return partial(_begin_worker, int(child.name.removeprefix("worker")))
    from config import scheduler as clock

    return clock.run


def _begin_web(host: str, port: int) -> None:
    from config.web import serve

    serve(host, port)


def _begin_worker(number: int) -> None:
    from config.celery import app

    warnings.filterwarnings("ignore", "You're running the worker")
    app.start(worker_arguments(number))


def import_all() -> None:
    """Whatever the children will need, so that they share it."""
    import granian.server  # noqa: F401
    from celery.apps import worker  # noqa: F401
    from celery.concurrency import thread  # noqa: F401
    from django.urls import get_resolver
    from django.utils.module_loading import import_string

    from config import front, web  # noqa: F401

    get_resolver().url_patterns  # noqa: B018
    for name in settings.MIDDLEWARE:
        import_string(name)


def answers(base_url: str) -> bool:
    """Whether the web process of the installation at `base_url` answers yet."""
    try:
        with urlopen(f"{base_url}/healthz", timeout=2) as response:  # noqa: S310 - our own address
            return response.status == 200
    except (URLError, OSError, HTTPException):  # another program's port may speak another protocol
        return False
