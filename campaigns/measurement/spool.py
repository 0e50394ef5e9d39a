"""Where the edge notes hits before anything else happens: files that are only ever appended to.

One file per process and UTC day in ``ALMANAC_HOME/spool``. A line is handed to the operating system in one `write` with
``O_APPEND``, so lines of several threads never mix, and a line survives the death of any process from the moment the
visitor is answered. The web process does not call `fsync` (a redirect would wait for the disk): the drainer reads a line
within about a second and commits it with the database's own durability. A power failure can cost that second.

A file name is never used twice (it holds a random word), so ``<name>:<offset>`` names a line for ever.
"""

import json
import logging
import os
import re
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

ROTATE_AT = 64 * 1024 * 1024
KEPT = 10_000
"""Lines (some 200 bytes each) that wait in memory while the disk is full."""
_NAME = re.compile(r"(?P<day>\d{8})-(?P<host>[A-Za-z0-9.-]{1,40})-\d+-[0-9a-f]{8}\.jsonl")


def folder() -> Path:
    """The folder of this host's spool; made when it is not there."""
    path = Path(settings.ALMANAC_HOME) / "spool"
    path.mkdir(parents=True, exist_ok=True)
    return path


def host() -> str:
    """This host's name as it stands in file names."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:40] or "host"


def day_of(name: str) -> date | None:
    """The UTC day a spool file of this name is written on; None when it is no spool file of this host."""
    match = _NAME.fullmatch(name)
    if not match or match["host"] != host():
        return None
    return datetime.strptime(match["day"], "%Y%m%d").replace(tzinfo=UTC).date()


class Spool:
    """Appends lines to this process's file; safe for threads and after a fork."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = -1
        self._opened_for: tuple[int, int] = (0, 0)
        self._size = 0
        self._torn = False
        self._complained_at = float("-inf")
        self._waiting: deque[bytes] = deque()
        self.lost = 0

    def append(self, entry: Mapping[str, Any]) -> bool:
        """Note `entry`; never raises. False when it could not be written (a full disk).

        It is kept in memory then and written before the next one; beyond `KEPT` lines the oldest is given up, and counted
        in `lost`.
        """
        return self.append_line(json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode() + b"\n")

    def append_line(self, line: bytes) -> bool:
        """As `append`, for an entry that is written as JSON already and ends with a line feed."""
        with self._lock:
            self._waiting.append(line)
            try:
                self._write_waiting()
            except OSError as error:
                if len(self._waiting) > KEPT:
                    self._waiting.popleft()
                    self.lost += 1
                self._complain(error)
                return False
        return True

    def _write_waiting(self) -> None:
        while self._waiting:
            self._write(self._waiting[0])
            self._waiting.popleft()

    def close(self) -> None:
        """Close the file; the next line opens a new one."""
        with self._lock:
            with suppress(OSError):
                self._write_waiting()
            if self._file >= 0 and self._opened_for[0] == os.getpid():
                os.close(self._file)
            self._file = -1

    def _write(self, line: bytes) -> None:
        self._open_for_today()
        if self._torn:  # A short write left half a line behind: end it, so that it spoils no other.
            line = b"\n" + line
        written = os.write(self._file, line)
        self._size += written
        self._torn = written != len(line)
        if self._torn:
            raise OSError("short write")

    def _open_for_today(self) -> None:
        wanted = (os.getpid(), int(time.time() // 86400))
        if self._file >= 0 and wanted == self._opened_for and self._size < ROTATE_AT:
            return
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        today = time.strftime("%Y%m%d", time.gmtime())
        name = f"{today}-{host()}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        path = (self._path or folder()) / name
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._opened_for, self._size, self._torn = wanted, 0, False

    def _complain(self, error: OSError) -> None:
        if time.monotonic() - self._complained_at > 60:
            self._complained_at = time.monotonic()
            logger.error(
                "The spool cannot be written (%s); %d hits wait in memory, and %d are lost so far. Free disk space.",
                error.strerror or error,
                len(self._waiting),
                self.lost,
            )
