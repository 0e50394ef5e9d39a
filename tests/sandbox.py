"""The sandbox as a child process of a test: real ports, real wire formats, and the ground truth of what arrived.

The fixture is there for every test::

    settings = sandbox.account_settings("smtp")  # or sandbox.accounts()["smtp"], with the database
    sandbox.fail("smtp", stage="rcpt", status=451, times=2)
    assert sandbox.refs("smtp") == ["d1", "d2"]

What can go wrong: `channels.sandbox.faults`. Recipients with a will of their own: `channels.sandbox.people`.
"""

import json
import multiprocessing
import time
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from channels.sandbox import keys, server
from channels.sandbox.store import Arrival, Store


def wait_until(condition, seconds, what):
    """The first true value of `condition`, asked often."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.005)
    return value


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["__main__", "channels.sandbox.server"])
"""Children are forked from a process that has everything imported: a sandbox for each test costs a few milliseconds."""


class RunningSandbox:
    """One sandbox in `folder`; its store survives `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp_port = self.http_port = 0
        self.process = None
        self.start()

    def start(self) -> None:
        """Start it, on the former ports if there were any."""
        arguments = (self.folder, self.smtp_port, self.http_port)
        self.process = PROCESSES.Process(target=server.run, args=arguments, daemon=True)
        self.process.start()
        ports = wait_until(self._ports, 20, "the sandbox")
        self.smtp_port, self.http_port = ports["smtp_port"], ports["http_port"]

    def _ports(self) -> dict | None:
        assert self.process.is_alive(), f"the sandbox did not start (exit code {self.process.exitcode})"
        try:
            ports = json.loads((self.folder / server.PORTS_FILE).read_text())
        except FileNotFoundError:
            return None
        return ports if ports["pid"] == self.process.pid else None

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        """TERM; it must end well."""
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(10)
            assert self.process.exitcode == 0

    # -- how to reach it --

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def keys(self) -> keys.Keys:
        return keys.kept(self.folder / server.KEYS_FILE)

    def account_settings(self, provider: str, **more) -> dict:
        """`settings` for `POST /api/v1/channel-accounts`; provider is smtp, sendgrid, x or fcm."""
        made = self.keys.account_settings(provider, smtp_port=self.smtp_port, http_port=self.http_port)
        return {**made, **more}

    def accounts(self, by=None) -> dict:
        """The four channel accounts by provider; SendGrid's events go to this installation's door."""
        from channels.sandbox.accounts import ensure

        return ensure(self.smtp_port, self.http_port, by, folder=self.folder)

    # -- what arrived --

    def arrivals(self, service: str = "", **filters) -> list[Arrival]:
        """Everything that was taken, in order; a message that arrived twice stands twice."""
        store = Store(self.folder / server.STORE_FILE, read_only=True)
        try:
            return store.arrivals(service=service, **filters)
        finally:
            store.close()

    def refs(self, service: str = "") -> list[str]:
        """Our delivery reference of every arrival, in order."""
        return [arrival.ref for arrival in self.arrivals(service)]

    def count(self, service: str = "") -> int:
        """How many arrived, duplicates counted."""
        store = Store(self.folder / server.STORE_FILE, read_only=True)
        try:
            return store.count(service=service)
        finally:
            store.close()

    def copies(self, service: str = "") -> dict[str, int]:
        """How often each reference arrived: every number above 1 is a duplicate."""
        return dict(Counter(self.refs(service)))

    def raw(self, arrival: Arrival) -> bytes:
        """The bytes of a message as they came over the wire."""
        store = Store(self.folder / server.STORE_FILE, read_only=True)
        try:
            return store.payload(arrival.payload_id)
        finally:
            store.close()

    def wait_for(self, count: int, service: str = "", seconds: float = 20) -> list[Arrival]:
        """Wait until at least `count` arrived."""
        wait_until(lambda: self.count(service) >= count, seconds, f"{count} arrivals")
        return self.arrivals(service)

    # -- control --

    def control(self, method: str, what: str, body=None) -> dict:
        """Speak to the control address; see `channels.sandbox.server`."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.base_url}/_sandbox/{what}", data=data, method=method)
        try:
            with urlopen(request, timeout=10) as response:
                return json.loads(response.read())
        except HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def fail(self, service: str, **fault) -> None:
        """Set a fault: `sandbox.fail("smtp", stage="rcpt", status=451)`, `sandbox.fail("sendgrid", close=True)`."""
        self.control("POST", "faults", {"service": service, **fault})

    def heal(self) -> None:
        """No fault any more."""
        self.control("DELETE", "faults")

    def set(self, **settings) -> None:
        """Settings: sendgrid_webhook, sendgrid_events, durable, smtp_require_auth."""
        self.control("POST", "settings", settings)


@cache
def shared_keys() -> str:
    """Keys that every sandbox of a test run shares: making them takes longer than starting it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / server.KEYS_FILE
        keys.kept(path)
        return path.read_text()


@pytest.fixture
def sandbox(tmp_path):
    """A running sandbox on free loopback ports."""
    folder = tmp_path / "sandbox"
    folder.mkdir()
    (folder / server.KEYS_FILE).write_text(shared_keys())
    running = RunningSandbox(folder)
    yield running
    running.stop()
