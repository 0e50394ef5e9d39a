"""Starts the processes of an installation, keeps them running, and ends them all.

Each child gets a session of its own (so that Ctrl-C reaches the supervisor only) and is sent TERM when the supervisor dies,
however it dies. A child that ends is started again, ever later; one that keeps dying ends everything, and its exit code and
last lines are told.

``python -m config.supervisor FD`` takes over children that were born before it (`config.nursery`). Nothing here may import
Django: a process that only waits shall hold ten megabytes and not a hundred.
"""

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from config import logs

TAIL_LINES = 20
QUICK_DEATHS = 5
"""So many deaths within `QUICK_SECONDS` are more than bad luck."""
QUICK_SECONDS = 60.0
GRACE_SECONDS = 10.0
LONGEST_PAUSE = 5.0
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to send TERM when the supervisor is gone; elsewhere there is nothing to ask."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Adopted:
    """A child that was born before this program began: what is used of `subprocess.Popen`, by its id alone."""

    def __init__(self, pid: int, output: int) -> None:
        self.pid = pid
        self.stdout = os.fdopen(output, "rb", buffering=0)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._look(os.WNOHANG)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        code = self._look(0)
        assert code is not None
        return code

    def _look(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@dataclass
class Child:
    """One process: its name, what to run, and how it has fared."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | Adopted | None = None
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=QUICK_DEATHS))
    start_at: float = 0.0
    rest: bytes = b""

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs `children` until it is told to stop; `say` gets a line at a time, of the children and of its own."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None]) -> None:
        self.children = list(children)
        self.say = say
        self.stopping = False
        self.failed: Child | None = None
        self._watched = selectors.DefaultSelector()

    # -- one child --

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603
            list(child.command),
            env={**os.environ, **child.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self._listen(child)

    def _listen(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._watched.register(child.process.stdout, selectors.EVENT_READ, child)

    def _read(self, child: Child, stream: IO[bytes]) -> None:
        try:
            data = os.read(stream.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self._watched.unregister(stream)
            return
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            if text:
                child.tail.append(text)
                self.say(f"{child.name}: {text}")

    def _bury(self, child: Child) -> None:
        """Take note of a death and plan the next start."""
        assert child.process is not None and child.process.stdout is not None
        if child.process.stdout in self._watched.get_map():
            self._read(child, child.process.stdout)
        if child.process.stdout in self._watched.get_map():
            self._watched.unregister(child.process.stdout)
        child.process.stdout.close()
        code = child.process.returncode
        child.process = None
        now = time.monotonic()
        child.deaths.append(now)
        recent = sum(1 for death in child.deaths if death > now - QUICK_SECONDS)
        if recent >= QUICK_DEATHS:
            self.failed = child
            self.stopping = True
            last = "\n".join(f"    {line}" for line in child.tail) or "    (it printed nothing)"
            self.say(f"{child.name} keeps dying; its last exit code was {code}. Its last lines:\n{last}")
            return
        pause = min(LONGEST_PAUSE, 0.25 * 2 ** (recent - 1))
        child.start_at = now + pause
        self.say(f"{child.name} ended with exit code {code}; starting it again in {pause:g} s")

    # -- all of them --

    def start(self) -> None:
        """Start every child that does not run yet."""
        for child in self.children:
            if child.process is None:
                self._start(child)
            else:
                self._listen(child)

    def pass_once(self, wait: float = 0.5) -> None:
        """Read what children print for at most `wait` seconds, and start again those that ended."""
        for key, _ in self._watched.select(wait):
            self._read(key.data, key.fileobj)  # type: ignore[arg-type]
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child)
            if child.process is None and not self.stopping and time.monotonic() >= child.start_at:
                self._start(child)

    def again(self) -> None:
        """TERM to every child; `pass_once` starts each again. That they end now is no sign of trouble."""
        for child in self.children:
            if child.running:
                self._signal(child, signal.SIGTERM)

    def stop(self) -> None:
        """TERM to every child's session, then KILL to those still there after the grace."""
        self.stopping = True
        alive = [child for child in self.children if child.running]
        for child in alive:
            self._signal(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(child.running for child in alive):
            for key, _ in self._watched.select(0.05):
                self._read(key.data, key.fileobj)  # type: ignore[arg-type]
            time.sleep(0.02)
        for child in alive:
            if child.running:
                self.say(f"{child.name} did not end in {GRACE_SECONDS:g} s and is killed")
            self._signal(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()

    @staticmethod
    def _signal(child: Child, number: int) -> None:
        """To the whole session, so that no grandchild stays behind."""
        if child.process is not None:
            try:
                os.killpg(child.process.pid, number)
            except ProcessLookupError:
                return

    def run(self, meanwhile: Callable[[], None] | None = None) -> int:
        """Run until Ctrl-C, TERM or a child that keeps dying; returns the exit code."""

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            self.stopping = True

        before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start()
            while not self.stopping:
                self.pass_once()
                if meanwhile is not None:
                    meanwhile()
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
        return 1 if self.failed else 0


class AgainWhenChanged:
    """Starts every child again when a file has changed that settings are made of: they are read once, at the start."""

    def __init__(self, path: Path, supervisor: Supervisor) -> None:
        self._path = path
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


def main() -> int:
    """Supervise the children that a pipe tells of: name, command, environment, id and output of each, as JSON; and the file
    that starts them again when it changes."""
    with os.fdopen(int(sys.argv[1])) as pipe:
        told = json.loads(pipe.read())
    children = [
        Child(
            one["name"], one["command"], one["env"], Adopted(one["pid"], one["output"]) if one["output"] >= 0 else None
        )
        for one in told["children"]
    ]
    say = logs.relay(lambda line: print(line, file=sys.stderr, flush=True), told["style"])  # noqa: T201
    supervisor = Supervisor(children, say)
    return supervisor.run(AgainWhenChanged(Path(told["settings_file"]), supervisor))


if __name__ == "__main__":
    sys.exit(main())
