"""What cases share: programs to measure against, free ports, something that listens, a queue of a console's own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.frame import Broken, Missing


def program(name: str, package: str) -> str:
    """Where a program is; raises `Missing` with Debian's package that has it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Missing(name, package)
    return found


def server(variable: str, what: str, package: str) -> str:
    """The address of a server that an environment variable names; raises `Missing`."""
    if not os.environ.get(variable):
        raise Missing(what, package, f"start it and name it in {variable}")
    return os.environ[variable]


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def listening(command: Sequence[str], port: int, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run `command` while the block runs, which begins when `port` of loopback takes connections; gives the process's id."""
    process: subprocess.Popen[bytes] = subprocess.Popen(
        list(command),
        env=dict(env or os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 20
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                said = process.communicate()[1].decode(errors="replace")[-500:] if process.poll() is not None else ""
                raise Broken(f"{Path(command[0]).name} does not listen. {said}")
            time.sleep(0.05)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
