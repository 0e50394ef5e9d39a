"""A PostgreSQL cluster of a test's own, which may be restarted, killed and filled: the shared server is never touched."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.installation import free_port


def program(name: str) -> str | None:
    """Debian keeps the server's programs out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def owner() -> str | None:
    """Who runs it: PostgreSQL refuses root, so its own user then; None for whoever we are."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return None


class Cluster:
    """Started on a port of its own; `restart` as `pg_ctl restart -m immediate` does it: without a good-bye."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.user = folder, port, owner()
        self.url = f"postgres://almanac@127.0.0.1:{port}/postgres"

    def call(self, name: str, *arguments: str) -> None:
        """One of the server's programs."""
        tool = program(name)
        assert tool is not None
        done = subprocess.run(
            [tool, *arguments], user=self.user, cwd="/", capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def make(self) -> None:
        """`initdb`."""
        self.call("initdb", "-D", str(self.folder), "-U", "almanac", "--auth", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Listen on loopback only."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c shared_buffers=32MB"
        self.call("pg_ctl", "-D", str(self.folder), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """Immediately: sessions are cut, recovery comes at the next start."""
        self.call("pg_ctl", "-D", str(self.folder), "-m", "immediate", "-w", "stop")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running one in a temporary folder; skipped on a machine without the server's programs."""
    if program("initdb") is None or program("pg_ctl") is None:
        pytest.skip("no PostgreSQL server programs on this machine")
    with tempfile.TemporaryDirectory(prefix="almanac-pg-") as folder:
        made = Cluster(Path(folder) / "data", free_port())
        Path(folder).chmod(0o777)
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()
            if made.user is not None:
                shutil.rmtree(made.folder, ignore_errors=True)
