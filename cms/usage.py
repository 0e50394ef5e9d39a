"""Whether rooms above still need a content item: each registers who to ask, and nothing that is needed is deleted."""

from collections.abc import Callable
from uuid import UUID

from core.errors import Conflict

Asker = Callable[[str, UUID], str]
_askers: list[Asker] = []


def asker(ask: Asker) -> Asker:
    """Register `ask`: it gets kind and translation key, and answers a sentence when the item must stay, else nothing."""
    _askers.append(ask)
    return ask


def ask(kind: str, key: UUID) -> None:
    """Raise `Conflict` while somebody needs the item."""
    for one in _askers:
        if sentence := one(kind, key):
            raise Conflict(sentence, code="in_use")
