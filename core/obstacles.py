"""What stands in the way of sending: one shape for all of it, and a registry of what stands in everybody's way.

A room below that knows of something which stops the whole installation (it looks like a copy, the disk is full) registers
a function that says so; the screens, the API, ``/readyz`` and the calendar ask here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why nothing goes on. `sentence` says what is wrong, `step` what to do next, `who` who can do it.

    `code` is stable and for machines; `address` leads to the screen where it is mended (empty when there is none), which
    is offered to those with `permission`; `passes` says that it goes away by itself.
    """

    code: str
    sentence: str
    step: str = ""
    who: str = ""
    address: str = ""
    permission: str = ""
    passes: bool = False

    def __str__(self) -> str:
        return " ".join(filter(None, (self.sentence, self.step, self.who)))


Look = Callable[[], Obstacle | None]
_looks: dict[str, Look] = {}


def register(name: str, look: Look) -> None:
    """Ask `look` whenever somebody wants to know what stands in everybody's way. It must be cheap and must not call out."""
    _looks[name] = look


def told(code: str, sentence: Callable[[], str], *, passes: bool = False) -> Look:
    """A look for something that says itself what is wrong, and what to do, in one sentence; empty while nothing is."""

    def look() -> Obstacle | None:
        words = sentence()
        return Obstacle(code, words, passes=passes) if words else None

    return look


def standing() -> list[Obstacle]:
    """What stands in the way of everything now, in the order of registration; empty when nothing does."""
    found = []
    for name, look in _looks.items():
        try:
            obstacle = look()
        except OSError:
            log.exception("Whether %s stands in the way cannot be said.", name)
            continue
        if obstacle is not None:
            found.append(obstacle)
    return found
