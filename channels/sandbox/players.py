"""What else a recipient can be made to do: rooms above register it here, and the outbox shows a button for it."""

from collections.abc import Callable

Play = Callable[[str, str, str], str]
"""(visit_url, click_token, email) -> a sentence that says what happened, such as the order's number."""

_players: dict[str, Play] = {}


def register(name: str, play: Play) -> None:
    """Offer `name`; the outbox knows ``order``."""
    _players[name] = play


def find(name: str) -> Play | None:
    """What was registered under `name`."""
    return _players.get(name)
