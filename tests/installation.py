"""A whole installation for a test: its own home and database, `manage.py up`, and API clients for its service accounts."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from django.conf import settings
from kombu import Connection

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=60.0, what="it"):
    """The first true value of `condition`, asked about ten times a second."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.1)


class Answer:
    """Status, headers and body of an answer; errors are answers too."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Client:
    """HTTP to one installation; `token` makes it an API client."""

    def __init__(self, port: int, *, token: str = "", headers: dict[str, str] | None = None) -> None:
        self.port = port
        self.headers = dict(headers or {})
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method, path, body=None, **headers) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
        request = Request(
            f"http://127.0.0.1:{self.port}{path}", data=data, method=method, headers={**self.headers, **kind, **headers}
        )
        try:
            with urlopen(request, timeout=30) as response:
                return Answer(response)
        except HTTPError as error:
            return Answer(error)

    def get(self, path, **headers):
        answer = self.ask("GET", f"/api/v1/{path}", **headers)
        assert answer.status == 200, answer.body
        return answer.json()

    def post(self, path, body=None, *, expect=(200, 201, 202), **headers):
        answer = self.ask("POST", f"/api/v1/{path}", {} if body is None else body, **headers)
        assert answer.status in expect, (answer.status, answer.body)
        return answer.json()


class Installation:
    """What a test does to an installation from outside: commands, processes, clients."""

    def __init__(self, home: Path, env: dict[str, str], port: int) -> None:
        self.home, self.port = home, port
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
        }
        self.env = {**clean, **env}
        self.headers = {"X-Forwarded-Proto": "https", "Host": urlsplit(env["ALMANAC_BASE_URL"]).netloc}
        self.process: subprocess.Popen | None = None
        self.output = home / "up.log"

    def manage(self, *arguments, check=True, **options) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [*MANAGE, *arguments], env=self.env, capture_output=True, text=True, check=False, timeout=300, **options
        )
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def client(self, name: str, *scopes: str) -> Client:
        printed = self.manage("create_token", "--name", name, "--scope", *(scopes or ("*",))).stdout
        return Client(self.port, token=printed.split()[-1], headers=self.headers)

    def anonymous(self, **headers) -> Client:
        return Client(self.port, headers={**self.headers, **headers})

    def watcher(self) -> Client:
        """Whoever brings the token of those who watch."""
        return Client(self.port, token=self.env["ALMANAC_MONITOR_TOKEN"], headers=self.headers)

    def up(self, workers=1) -> None:
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [*MANAGE, "up", "--port", str(self.port), "--workers", str(workers)],
                env=self.env,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 60, "the web process")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output.read_text()[-3000:]
        try:
            return self.anonymous().ask("GET", "/api/v1/openapi.json").status == 200
        except OSError:
            return False

    def down(self) -> None:
        """One Ctrl-C; everything ends, with exit code 0."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            code = self.process.wait(40)
            self.process = None
            assert code == 0, self.output.read_text()[-3000:]


@contextmanager
def postgres_database(url: str):
    """A database of its own on the server that `url` names; dropped at the end."""
    import psycopg

    name = f"almanac_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{url.rsplit('/', 1)[0]}/{name}"
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def installation(home: Path, *, database_url: str = "", broker_url: str = "", workers: int = 1):
    """A migrated installation that is up; embedded unless a database is named."""
    port = free_port()
    env = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_BASE_URL": f"http://127.0.0.1:{port}",
        "ALMANAC_QUEUE": f"almanac-{secrets.token_hex(4)}",
        "ALMANAC_MONITOR_TOKEN": secrets.token_urlsafe(16),
    }
    if database_url:
        env |= {
            "ALMANAC_PROFILE": "production",
            "DATABASE_URL": database_url,
            "ALMANAC_BROKER_URL": broker_url,
            "ALMANAC_BASE_URL": "https://shop.example",
            "ALMANAC_STAFF_MAIL_HOST": "127.0.0.1",
            # The test speaks to it without the TLS proxy that stands in front of a real one.
            "ALMANAC_SSL_REDIRECT": "0",
            "ALMANAC_ALLOWED_HOSTS": "127.0.0.1",
        }
    home.mkdir(parents=True, exist_ok=True)
    place = Installation(home, env, port)
    place.manage("migrate", "--verbosity", "0")
    if database_url:
        place.manage("createcachetable")
    try:
        place.up(workers)
        yield place
        place.down()
    finally:
        if place.process is not None:
            place.process.kill()
            place.process.wait()
        if broker_url.startswith("amqp"):
            with Connection(broker_url) as broker:
                broker.default_channel.queue_delete(env["ALMANAC_QUEUE"])
