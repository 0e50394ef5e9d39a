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
from channels import scheduler as channels
from cms import scheduler as cms
from core import db, disk, failpoints, installation, releases
from core import scheduler as core

log = logging.getLogger(__name__)

PERIOD = 1.0
TURNS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("publishing", publishing.tick),
    ("measurement", measurement.tick),
    ("cms", cms.tick),
    ("channels", channels.tick),
    ("core", core.tick),
)


class Turn(list[str]):
    """The names of the rooms that failed in a pass; `is_behind` when a room has more to do and waits only for the others."""

    is_behind = False


def turn() -> Turn:
    """One pass."""
    failed = Turn()
    for name, tick in TURNS:
        try:
            failpoints.reached(name)
            failed.is_behind |= bool(getattr(tick(), "is_behind", False))
        except Exception as error:
            # Whatever it was (a database that restarts, most likely), the next pass tries again.
            _tell(error, f"The scheduler's turn for {name} failed.")
            connection.close()
            failed.append(name)
    return failed


def _tell(error: Exception, words: str) -> None:
    """A trace, unless it is of the kind that passes by itself."""
    disk.note(error)
    if db.passes(error):
        log.info("%s It is tried again.", words)
    else:
        log.error(words, exc_info=error)


def _is_older() -> bool:
    """Whether the database is of a later release: its own schedulers do what is due."""
    try:
        return releases.is_older()
    except Exception as error:
        _tell(error, "The scheduler could not ask which release the database is of.")
        connection.close()
        return False


class DiskWatch:
    """Says once that there is no room, and once that there is again."""

    def __init__(self) -> None:
        self.was_short = False

    def look(self) -> None:
        """Look, and tell of a change."""
        sentence = disk.sentence()
        if sentence and not self.was_short:
            log.error(sentence)
        elif self.was_short and not sentence:
            log.warning("There is room on the disk again: sending goes on.")
        self.was_short = bool(sentence)


watch = DiskWatch()


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
        except Exception as error:
            _tell(error, "The scheduler could not write its heartbeat.")
            connection.close()
        done = Turn() if _is_older() else turn()
        watch.look()
        enough.wait(0 if done.is_behind else PERIOD)
