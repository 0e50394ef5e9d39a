"""Asks a cheap question of the database again and again, for as long as somebody wants to know the answer, and never at rest."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from django.db import close_old_connections

logger = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two questions while somebody looks."""
PATIENCE = 0.3
"""So long a look waits for the answer when the last one is old: after a night without visitors."""
OLD = 1.5


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer, and until when (`time.monotonic`) the one before it was still heard: whatever changed, changed after that."""

    stamp: Hashable
    since: float


class Watch:
    """The newest answer of `ask`, which is called in a thread of its own. An error of it leaves the last answer standing."""

    def __init__(self, ask: Callable[[], Hashable]) -> None:
        self._ask = ask
        self._wanted = threading.Event()
        self._answered = threading.Condition()
        self._thread: threading.Thread | None = None
        self._seen: Seen | None = None
        self._heard = float("-inf")
        self._next = float("-inf")
        self._began: float | None = None
        self._fails = False
        self._complained = float("-inf")

    def look(self, now: float) -> Seen | None:
        """What is known at `now` (`time.monotonic`), seldom older than `EVERY`; None before the first answer."""
        if now >= self._next:
            self._want(now)
        return self._seen

    def silent_for(self, now: float) -> float:
        """Seconds since the last answer."""
        return now - self._heard

    def ask_now(self) -> Seen | None:
        """Ask in this thread; for who needs to know."""
        self._answer()
        return self._seen

    def _want(self, now: float) -> None:
        with self._answered:
            if self._thread is None or not self._thread.is_alive():  # not before the process has forked
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            self._wanted.set()
            is_slow = self._began is not None and now - self._began > PATIENCE
            if now - self._heard > OLD and not self._fails and not is_slow:
                self._answered.wait_for(lambda: self._fails or self._heard > now - OLD, PATIENCE)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if time.monotonic() >= self._next:
                self._answer()

    def _answer(self) -> None:
        began = self._began = time.monotonic()
        try:
            stamp = self._ask()
        except Exception as error:
            self._complain(error)
            fails = True
        else:
            fails = False
            if self._seen is None or self._seen.stamp != stamp:
                self._seen = Seen(stamp, self._heard if self._seen else began)
            self._heard = began
        finally:
            close_old_connections()
        self._next = time.monotonic() + EVERY
        self._began = None
        with self._answered:
            self._fails = fails
            self._answered.notify_all()

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained > 60:
            self._complained = time.monotonic()
            logger.warning("Whether something was published cannot be asked (%s).", type(error).__name__)
