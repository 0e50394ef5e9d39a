"""How often a token may ask: so many requests a minute, all at once or spread, and 429 with Retry-After beyond.

The rule is the generic cell rate algorithm (ITU-T I.371): of each token one number is kept, the instant at which everything it
asked for so far would be due at the steady rate. It stands in a file that all web processes of the machine share; a database
row would cost a write to the disk for each request. Several web hosts count apart.
"""

import fcntl
import os
import struct
import threading
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from core import clock

WINDOW = 60.0
_CELL = struct.Struct("<d")
_lock = threading.Lock()  # a lock of a file holds between processes only


def file() -> Path:
    """Where it is counted."""
    return Path(settings.ALMANAC_HOME) / "api-rates"


def take(token: int, now: float) -> float:
    """Count one request of the token with this key; answers the seconds to wait, 0 when it may go on (and was counted)."""
    most = settings.ALMANAC_API_PER_MINUTE
    if not most:
        return 0.0
    step = WINDOW / most
    place = token * _CELL.size
    with _lock, os.fdopen(os.open(file(), os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as cells:
        fcntl.lockf(cells, fcntl.LOCK_EX)
        kept = os.pread(cells.fileno(), _CELL.size, place)
        due = _CELL.unpack(kept)[0] if len(kept) == _CELL.size else 0.0
        due = now if due > now + WINDOW else max(due, now)  # a clock that was set back locks nobody out
        wait = due + step - (now + WINDOW)
        if wait > 0:
            return wait
        os.pwrite(cells.fileno(), _CELL.pack(due + step), place)
    return 0.0


class PerToken(BaseThrottle):
    """Ninja asks it once the token is known."""

    def __init__(self) -> None:
        self._wait = threading.local()

    def allow_request(self, request: HttpRequest) -> bool:
        """Whether it may go on. What needs no token is not counted; a disk that takes nothing keeps nobody out."""
        token = getattr(request, "api_token", None)
        try:
            self._wait.seconds = take(token.pk, clock.now().timestamp()) if token else 0.0
        except OSError:
            self._wait.seconds = 0.0
        return self._wait.seconds <= 0

    def wait(self) -> float | None:
        """Seconds until it may ask again."""
        return self._wait.seconds
