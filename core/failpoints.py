"""Failpoints: named places in the code where the fault suite lets a process die, stop, wait or fail.

They are nothing unless the environment variable ``ALMANAC_FAILPOINTS`` is set when the process starts: then `reached` is a
function whose body is empty, and no place costs more than its call. The production profile refuses to start with it unless
``ALMANAC_FAILPOINTS_ALLOWED=1`` says that this is a test (`config.settings.production`).

The variable holds rules between commas, ``place:action[:nth]``:

==============  =======================================================================================================
``kill``        SIGKILL to this process: what a machine that loses its power does to it
``stop``        SIGSTOP: a paused machine; somebody else sends SIGCONT
``error``       raise `Failed`, a plain exception that nobody expects
``database``    raise Django's `OperationalError`, as a database does that is gone, full or locked
``disk``        raise ``OSError(ENOSPC)``
``sleep=2.5``   wait so many seconds
==============  =======================================================================================================

`nth` counts how often this process came by the place: ``3`` is the third time only, ``3+`` the third and every later one;
without it every time counts. ``after_accept:kill:17,claimed:sleep=2`` are two rules.

The places are named in docs/explanation/faults.md; `reached` of a place nobody named in a rule does nothing.
"""

import errno
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError

VARIABLE = "ALMANAC_FAILPOINTS"


class Failed(Exception):
    """What a failpoint raises: no code of ours catches it by name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens at a place. `first` is the first passing that it hits, `last` the last; 0 is without end."""

    place: str
    action: str
    seconds: float
    first: int
    last: int

    @classmethod
    def read(cls, text: str) -> "Rule":
        """From ``place:action[:nth]``; raises `ValueError` for what makes no sense."""
        place, _colon, rest = text.strip().partition(":")
        action, _colon, nth = rest.partition(":")
        action, _equals, seconds = action.partition("=")
        if not place or action not in ACTIONS or bool(seconds) != (action == "sleep"):
            raise ValueError(f"{VARIABLE}: “{text}” is not place:action[:nth]; actions: {', '.join(sorted(ACTIONS))}")
        first = int(nth.removesuffix("+")) if nth else 1
        if first < 1:
            raise ValueError(f"{VARIABLE}: “{text}” counts from 1.")
        return cls(place, action, float(seconds or 0), first, first if nth and not nth.endswith("+") else 0)

    def hits(self, passing: int) -> bool:
        """Whether it hits the passing with this number, counted from 1."""
        return passing >= self.first and (not self.last or passing <= self.last)


def _kill(rule: Rule) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal takes its time on a busy machine, and nothing may be done in it


def _stop(rule: Rule) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _error(rule: Rule) -> None:
    raise Failed(rule.place)


def _database(rule: Rule) -> None:
    raise OperationalError(f"failpoint {rule.place}")


def _disk(rule: Rule) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), rule.place)


def _sleep(rule: Rule) -> None:
    time.sleep(rule.seconds)


ACTIONS: dict[str, Callable[[Rule], None]] = {
    "kill": _kill,
    "stop": _stop,
    "error": _error,
    "database": _database,
    "disk": _disk,
    "sleep": _sleep,
}


class Failpoints:
    """The rules of one process and how often it came by each place. Threads may come by at once."""

    def __init__(self, text: str) -> None:
        self.rules = [Rule.read(part) for part in text.split(",") if part.strip()]
        self.passings: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, place: str) -> None:
        """Come by `place`."""
        with self._lock:
            self.passings[place] += 1
            passing = self.passings[place]
        for rule in self.rules:
            if rule.place == place and rule.hits(passing):
                ACTIONS[rule.action](rule)


def _nothing(place: str) -> None:
    """Nobody asked for faults."""


def compiled(text: str) -> Callable[[str], None]:
    """What `reached` does for the value of the variable: nothing at all for an empty one."""
    return Failpoints(text) if text.strip() else _nothing


reached: Callable[[str], None] = compiled(os.environ.get(VARIABLE, ""))
"""Say that this process comes by a named place."""
