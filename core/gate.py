"""A limit on how many requests are worked on and how many wait: whoever comes beyond is told at once to come again.

Without it a web process goes on working for visitors who have long left, and everybody else waits behind them.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

AGAIN_AFTER = 2
"""Seconds that somebody who found no place is asked to stay away."""


class Gate:
    """At most `slots` inside, at most `waiting` in front of it, nobody for longer than `seconds`."""

    def __init__(self, slots: int, waiting: int, seconds: float = 10.0) -> None:
        self._places = threading.Semaphore(slots)
        self._seconds = seconds
        self._room = waiting
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Whether there was a place, at once or after a while; who got one calls `leave`."""
        if self._places.acquire(blocking=False):
            return True
        with self._lock:
            if self._room <= 0:
                return False
            self._room -= 1
        try:
            return self._places.acquire(timeout=self._seconds)
        finally:
            with self._lock:
                self._room += 1

    def leave(self) -> None:
        """Make room."""
        self._places.release()


def limited(app: App, gate: Gate, always: tuple[str, ...]) -> App:
    """`app` behind `gate`; what begins with one of `always` never waits."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(always):
            return app(environ, start_response)
        if not gate.enter():
            return refuse(environ, start_response)
        try:
            return app(environ, start_response)
        finally:
            gate.leave()

    return application


def refuse(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """503: too many people at once."""
    with translation.override(translation.get_language_from_path(environ.get("PATH_INFO", "")) or None):
        words = _("Many people are here at this moment. Please try again in a few seconds.")
    body = f"{words}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "private, no-store"),
        ("Retry-After", str(AGAIN_AFTER)),
    ]
    start_response("503 Service Unavailable", headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]
