"""A place: an installation of its own (home, database, queue) whose processes a test starts, stops, pauses and kills."""

import atexit
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from kombu import Connection

from tests.faults.harness.nursery import ROOT, Forked, Nursery
from tests.faults.harness.postgres import program

Process = subprocess.Popen[bytes] | Forked
Files = tuple[int, int, int]
"""Standard input, output and error of a process."""
Starter = Callable[[list[str], dict[str, str], Files], Process]
MANAGE = [sys.executable, str(ROOT / "manage.py")]
LEASE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Profile:
    """A database and a broker; the variables name the servers, "" needs none."""

    name: str
    database: str = ""
    broker: str = ""

    @property
    def missing(self) -> str:
        """The first variable that is not set."""
        return next((name for name in (self.database, self.broker) if name and not os.environ.get(name)), "")


POSTGRES, RABBITMQ, REDIS = (f"ALMANAC_TEST_{name}_URL" for name in ("POSTGRES", "RABBITMQ", "REDIS"))
PROFILES = {
    profile.name: profile
    for profile in (
        Profile("sqlite"),
        Profile("postgres-rabbitmq", POSTGRES, RABBITMQ),
        Profile("postgres-redis", POSTGRES, REDIS),
    )
}


def wait_until(condition: Callable[[], Any], seconds: float = 60.0, what: str = "it", pause: float = 0.02) -> Any:
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}"
        time.sleep(pause)
    return value


class ConsoleError(Exception):
    """What a function of `inside` raised in the place's console; `kind` is the exception's name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def cold_start(command: list[str], env: dict[str, str], files: Files) -> Process:
    """A process that loads everything itself, in a session of its own."""
    stdin, stdout, stderr = files
    return subprocess.Popen(
        command, env=env, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, cwd=ROOT
    )


class Console:
    """A process inside the place that does what `inside` (or another `module`) knows, call by call."""

    def __init__(
        self,
        env: dict[str, str],
        log: Any,
        module: str = "tests.faults.harness.inside",
        start: "Starter | None" = None,
    ) -> None:
        its_in, told = os.pipe()
        answers, its_out = os.pipe()
        command = [sys.executable, "-m", "tests.faults.harness.console", module]
        self.process = (start or cold_start)(command, env, (its_in, its_out, log.fileno()))
        os.close(its_in)
        os.close(its_out)
        self._told = os.fdopen(told, "w")
        self._answers = os.fdopen(answers)

    def do(self, name: str, /, **given: Any) -> Any:
        """Call `inside.<name>`."""
        self._told.write(json.dumps({"do": name, "with": given}) + "\n")
        self._told.flush()
        line = self._answers.readline()
        assert line, f"the console died in {name}"
        answer = json.loads(line)
        if "error" in answer:
            raise ConsoleError(answer["error"], answer["message"])
        return answer["value"]

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        with suppress(BrokenPipeError):
            self._told.close()
        self._answers.close()


class Place:
    """An installation without its web process (unless `start_web`), whose workers die a lot.

    Its processes are forks of one that is loaded already (`nursery`), unless it is `cold`.
    """

    def __init__(
        self,
        home: Path,
        env: dict[str, str],
        profile: Profile | None = None,
        logs: Path | None = None,
        *,
        cold: bool = False,
    ) -> None:
        self.home, self.profile = home, profile or PROFILES["sqlite"]
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
        }
        self.env = {**clean, **env}
        self.logged = (logs or home) / "processes.log"
        self.log = self.logged.open("ab")
        self.cold = cold
        self.workers: list[Process] = []
        self.schedulers: list[Process] = []
        self.web: Process | None = None
        self._nurseries: set[frozenset[tuple[str, str]]] = set()
        self._consoles: list[Console] = []
        self._numbers = 0
        self._speaking = threading.Lock()

    # --- commands and the console

    def manage(self, *arguments: str, text: str | None = None, check: bool = True) -> str:
        """A `manage.py` command; returns what it printed."""
        with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as said:
            told.write(text or "")
            told.seek(0)
            with tempfile.TemporaryFile("w+") as errors:
                code = self._spawn([*MANAGE, *arguments], {}, (told.fileno(), said.fileno(), errors.fileno())).wait(300)
                said.seek(0)
                errors.seek(0)
                printed = said.read()
                assert not check or code == 0, printed[-2000:] + errors.read()[-4000:]
        return printed

    def console(self, failpoints: str = "") -> Console:
        """Another console: for a second person at the same time, or for one that dies."""
        more = {"ALMANAC_FAILPOINTS": failpoints, "ALMANAC_FAILPOINTS_ALLOWED": "1"} if failpoints else {}
        if not self._consoles and failpoints:
            self.console()  # the first one is everybody's
        self._consoles.append(Console({**self.env, **more}, self.log, start=self._start_as_asked))
        return self._consoles[-1]

    def end_consoles(self) -> None:
        """The next call starts a new one, with the environment as it is then."""
        for console in self._consoles:
            console.close()
        self._consoles = []

    def do(self, name: str, /, **given: Any) -> Any:
        """Call `inside.<name>` in the first console."""
        with self._speaking:
            return (self._consoles[0] if self._consoles else self.console()).do(name, **given)

    # --- processes

    def start(self, command: list[str], failpoints: str = "", *, cold: bool = False) -> Process:
        """A process of this place in a session of its own."""
        more = {"ALMANAC_FAILPOINTS": failpoints, "ALMANAC_FAILPOINTS_ALLOWED": "1"} if failpoints else {}
        with Path(os.devnull).open() as nothing:
            files = (nothing.fileno(), self.log.fileno(), self.log.fileno())
            return self._spawn(command, more, files, cold=cold)

    def _spawn(self, command: list[str], more: dict[str, str], files: Files, *, cold: bool = False) -> Process:
        """Run it with `more` in its environment; `files` are its standard input, output and error."""
        if self.cold or cold:
            return cold_start(command, {**self.env, **more}, files)
        key = frozenset(self.env.items())
        self._nurseries.add(key)
        return nursery(key).start(command, more, files)

    def _start_as_asked(self, command: list[str], env: dict[str, str], files: Files) -> Process:
        return self._spawn(command, {name: value for name, value in env.items() if self.env.get(name) != value}, files)

    def start_worker(self, failpoints: str = "") -> Process:
        """One more worker, as `manage.py up` starts it."""
        from config import processes

        self._numbers += 1
        worker = self.start(list(processes.worker(self._numbers).command), failpoints)
        self.workers.append(worker)
        return worker

    def start_scheduler(self, failpoints: str = "") -> Process:
        """One more scheduler."""
        from config import processes

        scheduler = self.start(list(processes.scheduler().command), failpoints)
        self.schedulers.append(scheduler)
        return scheduler

    def start_web(self, port: int) -> None:
        """The web process; returns when it answers."""
        from urllib.error import HTTPError
        from urllib.request import urlopen

        from config import processes

        self.web = self.start(list(processes.web(port).command), cold=True)  # Granian makes its own processes

        def answers() -> bool:
            assert self.web is not None and self.web.poll() is None, self.logged.read_text()[-3000:]
            try:
                with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                    return True
            except HTTPError:
                return True
            except OSError:
                return False

        wait_until(answers, 90, "the web process", 0.2)

    def up(self, workers: int = 2, schedulers: int = 1, failpoints: str = "") -> None:
        """Workers (with `failpoints`) and schedulers."""
        for _number in range(schedulers):
            self.start_scheduler()
        for _number in range(workers):
            self.start_worker(failpoints)

    def kill(self, process: Process) -> None:
        """SIGKILL to it and to everything it started."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        process.wait()
        for group in (self.workers, self.schedulers):
            if process in group:
                group.remove(process)

    def kill_everything(self) -> None:
        """Workers, schedulers and web at one blow: the container is gone."""
        for process in [*self.workers, *self.schedulers, *filter(None, [self.web])]:
            self.kill(process)

    def down(self) -> None:
        """The end of the place's processes."""
        self.end_consoles()
        self.kill_everything()  # and what they started
        self.web = None
        for key in self._nurseries - _kept:
            _forget_nursery(key)
        self._nurseries.clear()
        if not self.log.closed:
            self.log.close()

    # --- what became of it

    def state(self, publication: str = "") -> dict[str, Any]:
        """State, ledger and rows; see `inside.state`."""
        found: dict[str, Any] = self.do("state", publication=publication)
        return found

    def wait_for_state(self, *states: str, publication: str = "", seconds: float = 90.0) -> dict[str, Any]:
        """Wait until the publication is in one of `states`."""
        wanted = states or ("done",)

        def reached() -> dict[str, Any] | None:
            here = self.do("states")  # without the rows, of which there may be many
            if (here[publication] if publication else next(iter(here.values()))) not in wanted:
                return None
            now = self.state(publication)
            return now if now["state"] in wanted else None

        try:
            found: dict[str, Any] = wait_until(reached, seconds, f"the publication to be {' or '.join(wanted)}", 0.25)
        except AssertionError as error:
            now = self.state(publication)
            now.pop("rows")
            raise AssertionError(f"{error}; it is {now}\n{self.logged.read_text()[-3000:]}") from None
        return found

    def flush_bells(self) -> None:
        """Whatever rings is gone: the queue is emptied."""
        broker = self.env.get("ALMANAC_BROKER_URL", "")
        if not broker:
            for bell in (self.home / "bells").rglob("*"):
                if bell.is_file():
                    bell.unlink(missing_ok=True)
            return
        with Connection(broker) as connection:
            if broker.startswith("redis"):
                connection.default_channel.client.delete(self.env["ALMANAC_QUEUE"])
            else:
                connection.default_channel.queue_purge(self.env["ALMANAC_QUEUE"])


# --- Loaded once, forked ever after -----------------------------------------------------------------------------------

_loaded: dict[frozenset[tuple[str, str]], Nursery] = {}
_kept: set[frozenset[tuple[str, str]]] = set()
"""Environments that more than one place has."""
_loading = threading.Lock()


def nursery(key: frozenset[tuple[str, str]]) -> Nursery:
    """The loaded process for an environment."""
    with _loading:
        if key not in _loaded:
            _loaded[key] = Nursery(dict(key))
        return _loaded[key]


def _forget_nursery(key: frozenset[tuple[str, str]]) -> None:
    with _loading:
        if key in _loaded:
            _loaded.pop(key).close()


@atexit.register
def _forget_nurseries() -> None:
    for key in list(_loaded):
        _forget_nursery(key)


@cache
def _standing_env() -> dict[str, str]:
    home = Path(tempfile.mkdtemp(prefix="almanac-standing-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return base_env(home)


@contextmanager
def standing() -> Iterator["Place"]:
    """A fresh place on SQLite, always in the same folder: one process is loaded for all of them. One at a time."""
    home = Path(_standing_env()["ALMANAC_HOME"])
    shutil.rmtree(home)
    with place(home, env=_standing_env()) as made:
        _kept.add(frozenset(made.env.items()))
        yield made


# --- Making one: migrated once, copied ever after --------------------------------------------------------------------


def base_env(home: Path) -> dict[str, str]:
    """What every place has."""
    return {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_LEASE_SECONDS": str(LEASE_SECONDS),
        "ALMANAC_QUEUE": f"almanac-{secrets.token_hex(4)}",
        "ALMANAC_BASE_URL": "http://127.0.0.1:8000",
        "ALMANAC_ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    }


def production_env(database: str, broker: str) -> dict[str, str]:
    """What the production profile wants besides; HTTP without a TLS proxy in front."""
    return {
        "ALMANAC_PROFILE": "production",
        "DATABASE_URL": database,
        "ALMANAC_BROKER_URL": broker,
        "ALMANAC_BASE_URL": "https://shop.example",
        "ALMANAC_STAFF_MAIL_HOST": "127.0.0.1",
        "ALMANAC_SSL_REDIRECT": "0",
    }


@cache
def _sqlite_template() -> Path:
    home = Path(tempfile.mkdtemp(prefix="almanac-template-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    made = Place(home, base_env(home), PROFILES["sqlite"])
    made.manage("migrate", "--verbosity", "0")
    made.down()
    return home / "almanac.sqlite3"


@cache
def _postgres_template(url: str) -> str:
    name = f"almanac_faults_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    atexit.register(_drop_if_there, url, name)
    with tempfile.TemporaryDirectory(prefix="almanac-template-") as folder:
        home = Path(folder)
        broker = os.environ.get(RABBITMQ) or os.environ.get(REDIS) or "redis://127.0.0.1:6379/15"
        env = base_env(home) | production_env(f"{url.rsplit('/', 1)[0]}/{name}", broker)
        made = Place(home, env, PROFILES["postgres-redis"])
        if not _copied_from_the_shared_one(url, env["DATABASE_URL"]):
            made.manage("migrate", "--verbosity", "0")
            made.manage("createcachetable")
        made.down()
    return name


def _copied_from_the_shared_one(url: str, database: str) -> bool:
    """Fill a server of a test's own with what the shared one has migrated: a copy takes a second, migrating twenty."""
    shared, dump, psql = os.environ.get(POSTGRES, url), program("pg_dump"), program("psql")
    if shared == url or dump is None or psql is None:
        return False
    source = f"{shared.rsplit('/', 1)[0]}/{_postgres_template(shared)}"
    told = subprocess.run([dump, "--no-owner", "--no-privileges", source], capture_output=True, check=True).stdout
    subprocess.run([psql, "-q", "-v", "ON_ERROR_STOP=1", database], input=told, capture_output=True, check=True)
    return True


def _drop_if_there(url: str, name: str) -> None:
    with suppress(psycopg.OperationalError):  # a test's own cluster is gone by then
        drop_database(url, name)


def drop_database(url: str, name: str) -> None:
    """Drop it, whoever is connected."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def postgres_copy(url: str) -> Iterator[str]:
    """A migrated database of its own on the server that `url` names; dropped at the end."""
    template, name = _postgres_template(url), f"almanac_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield f"{url.rsplit('/', 1)[0]}/{name}"
    finally:
        drop_database(url, name)


@contextmanager
def place(
    home: Path,
    profile: Profile | str = "sqlite",
    *,
    database: str = "",
    broker: str = "",
    env: dict[str, str] | None = None,
    logs: Path | None = None,
    cold: bool = False,
) -> Iterator[Place]:
    """A migrated place of `profile`, nothing running yet. `database` and `broker` name other servers than the profile's;
    `logs` is a folder for what the processes say, if not the home; `cold`: nothing is forked.
    """
    profile = PROFILES[profile] if isinstance(profile, str) else profile
    home.mkdir(parents=True, exist_ok=True)
    made: Place | None = None
    try:
        if not profile.database:
            shutil.copy(_sqlite_template(), home / "almanac.sqlite3")
            made = Place(home, {**base_env(home), **(env or {})}, profile, logs, cold=cold)
            yield made
            return
        broker = broker or os.environ[profile.broker]
        if database:
            made = Place(
                home, {**base_env(home), **production_env(database, broker), **(env or {})}, profile, logs, cold=cold
            )
            yield made
            return
        with postgres_copy(os.environ[profile.database]) as own:
            made = Place(
                home, {**base_env(home), **production_env(own, broker), **(env or {})}, profile, logs, cold=cold
            )
            try:
                yield made
            finally:
                made.down()
    finally:
        if made is not None:
            made.down()
            _forget_queue(made.env.get("ALMANAC_BROKER_URL", ""), made.env["ALMANAC_QUEUE"])


def _forget_queue(broker: str, queue: str) -> None:
    try:
        if broker.startswith("amqp"):
            with Connection(broker, connect_timeout=5) as connection:
                connection.default_channel.queue_delete(queue)
        elif broker.startswith("redis"):
            with Connection(broker, connect_timeout=5) as connection:
                connection.default_channel.client.delete(queue)
    except Exception as error:
        print(f"the queue {queue} could not be removed: {type(error).__name__}")
