"""What the outbox offers to play beside what can be found in the message; rooms above register it here."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

Play = Callable[[str], str]
"""Given the click token that the message carries; answers a sentence that says what happened."""


@dataclass(frozen=True, slots=True)
class Player:
    """A button of the outbox."""

    name: str
    label: str | Promise
    icon: str
    play: Play


_players: dict[str, Player] = {}


def register_player(name: str, play: Play, *, label: str | Promise, icon: str = "pick") -> None:
    """Offer a button `label` on every message with a tracked link. `play` is called with its click token."""
    _players[name] = Player(name, label, icon, play)


def players() -> list[Player]:
    """Every registered button."""
    return list(_players.values())


def player(name: str) -> Player | None:
    """The button called `name`."""
    return _players.get(name)
