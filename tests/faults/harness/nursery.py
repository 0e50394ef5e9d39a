"""Processes in no time: one process loads what an installation's processes are made of, and each of them is its fork.

Loading takes some five seconds of a core, a fork a few hundredths. What is forked runs the same command line, in a session of
its own, as the process that `config.processes` describes; only its modules are there already. Soaks and kill runs can be told
to start cold (``--cold``), as the copy guard's scenarios and the web process always do.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONTROL = "ALMANAC_FAULTS_NURSERY"
"""The number of the socket on which a nursery is asked."""
ASKED = 65_536


class Forked:
    """What a test holds of a forked process: the part of `subprocess.Popen` that tests use."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.nursery, self.pid = nursery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, as `Popen` says it; None while it lives."""
        if self.returncode is None:
            self.returncode = self.nursery.ended(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        end = time.monotonic() + (timeout if timeout is not None else 1e9)
        pause = 0.001
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)


class Nursery:
    """The loaded process for one environment. Threads may ask at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        ours, its = socket.socketpair()
        self._wire = ours
        self._asking = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.harness.nursery"],
            env={**env, CONTROL: str(its.fileno())},
            cwd=ROOT,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
        )
        its.close()

    def start(self, command: Sequence[str], env: Mapping[str, str], files: tuple[int, int, int]) -> Forked:
        """Run `command` (of this Python) with `env` besides; `files` are its standard input, output and error."""
        told = json.dumps({"command": list(command), "env": dict(env)}).encode()
        return Forked(self, int(self._ask(told, files)))

    def ended(self, pid: int) -> int | None:
        """The return code of a child that has ended."""
        return self._ask(json.dumps({"ended": pid}).encode())

    def _ask(self, told: bytes, files: Sequence[int] = ()) -> int | None:
        with self._asking:
            socket.send_fds(self._wire, [told], files) if files else self._wire.sendall(told)
            answer = self._wire.recv(ASKED)
        assert answer, "the nursery is gone"
        found: int | None = json.loads(answer)
        return found

    def close(self) -> None:
        """No more children; those there are live on."""
        self._wire.close()
        self._process.wait()


# --- Inside the nursery -----------------------------------------------------------------------------------------------


def load() -> None:
    """What the processes need, without a connection or a thread: those do not survive a fork."""
    import gc

    from config import env

    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # the package set it, for whoever has no profile
    env.use_settings()
    import django

    django.setup()
    import celery.__main__
    import celery.bin.celery
    import celery.bin.worker
    import celery.concurrency.thread
    import celery.worker.components
    import celery.worker.consumer  # noqa: F401
    import django.core.management.commands.migrate
    from django.db import connections
    from django.urls import get_resolver

    import config.celery
    import config.management.commands.scheduler
    import tests.faults.harness.inside  # noqa: F401

    config.celery.app.loader.import_default_modules()
    get_resolver().url_patterns  # noqa: B018 - loads the views
    connections.close_all()
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()


def serve(wire: socket.socket) -> list[str] | None:
    """Fork whenever asked. Returns the command in a child, and None in the nursery once nobody asks any more."""
    while True:
        told, files, _flags, _address = socket.recv_fds(wire, ASKED, 3)
        if not told:
            return None
        asked = json.loads(told)
        if "ended" in asked:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif answer := os.fork():
            for file in files:
                os.close(file)
        else:
            os.setsid()
            wire.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            os.environ.update(asked["env"])
            return list(asked["command"])
        wire.sendall(json.dumps(answer).encode())


def run(command: Sequence[str]) -> None:
    """What the command line of a Python means: options, then a module or a file."""
    import runpy
    import warnings

    from core import failpoints

    failpoints.reached = failpoints.compiled(os.environ.get(failpoints.VARIABLE, ""))
    rest = list(command[1:])
    while rest[0] == "-W":
        action, _colon, message = rest[1].partition(":")
        assert action == "ignore"
        warnings.filterwarnings("ignore", message=message)
        del rest[:2]
    if rest[0] == "-m":
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = rest
        runpy.run_path(rest[0], run_name="__main__")


def main() -> None:
    """Load, then fork whenever asked."""
    wire = socket.socket(fileno=int(os.environ.pop(CONTROL)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    command = serve(wire)
    if command is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run(command)


if __name__ == "__main__":
    main()
