"""One pass a second over everything that is due, room by room.

A pass is idempotent and safe beside others: what is due is claimed by conditional updates in the rooms. A room that fails
does not keep the others from their turn.
"""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from django.db import close_old_connections, connection

from campaigns.measurement import scheduler as measurement
from campaigns.publishing import scheduler as publishing
from cms import scheduler as cms
from core import failpoints, installation

log = logging.getLogger(__name__)

PERIOD = 1.0
TURNS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("publishing", publishing.tick),
    ("measurement", measurement.tick),
    ("cms", cms.tick),
)


def turn() -> list[str]:
    """One pass; returns the names of the rooms that failed."""
    failed = []
    for name, tick in TURNS:
        try:
            failpoints.reached(name)
            tick()
        except Exception:
            # Whatever it was (a database that restarts, most likely), the next pass tries again.
            log.exception("The scheduler's turn for %s failed.", name)
            connection.close()
            failed.append(name)
    return failed


def run() -> None:
    """Pass after pass until TERM or Ctrl-C."""
    enough = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        enough.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not enough.is_set():
        close_old_connections()
        try:
            installation.beat("scheduler")
        except Exception:
            log.exception("The scheduler could not write its heartbeat.")
            connection.close()
        turn()
        enough.wait(PERIOD)
