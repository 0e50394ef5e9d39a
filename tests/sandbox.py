"""The sandbox as a child process of a test: real ports, real wire formats, and the ground truth of what arrived.

from tests.sandbox import sandbox  # the fixture

def test_it(sandbox):
    settings = sandbox.account_settings("smtp")
    …
    assert sandbox.refs() == ["d1", "d2"]
"""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from channels.sandbox import keys, server
from channels.sandbox.store import Arrival, Store

ROOT = Path(__file__).resolve().parents[1]


class RunningSandbox:
    """One sandbox in `folder`; its store survives `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp_port = self.http_port = 0
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Start it, on the former ports if there were any."""
        command = [sys.executable, "-m", "channels.sandbox.server", "--home", str(self.folder)]
        command += ["--smtp-port", str(self.smtp_port), "--http-port", str(self.http_port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line, f"the sandbox did not start (exit code {self.process.wait()})"
        ports = json.loads(line)
        self.smtp_port, self.http_port = ports["smtp_port"], ports["http_port"]

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self) -> None:
        """TERM; it must end well."""
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(10) == 0
        self.process.stdout.close()

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
        end = time.monotonic() + seconds
        while (found := self.count(service)) < count:
            assert time.monotonic() < end, f"{found} of {count} arrived in {seconds} s"
            time.sleep(0.05)
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
        """Set a fault: `sandbox.fail("smtp", status=451, times=3)`, `sandbox.fail("sendgrid", close=True)`."""
        self.control("POST", "faults", {"service": service, **fault})

    def heal(self) -> None:
        """No fault any more."""
        self.control("DELETE", "faults")

    def set(self, **settings) -> None:
        """Settings: sendgrid_webhook, sendgrid_events, durable, smtp_require_auth."""
        self.control("POST", "settings", settings)


@pytest.fixture
def sandbox(tmp_path):
    """A running sandbox on free loopback ports."""
    running = RunningSandbox(tmp_path / "sandbox")
    yield running
    running.stop()
