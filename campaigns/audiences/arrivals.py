"""Contacts appear, and rooms above want to know: an order may have been told before its customer.

A room above registers a listener; services of this room announce in the transaction of the contact. On PostgreSQL they
announce once more behind the commit: an order that was being taken at the same moment was not visible before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Arrival:
    """A contact that is new, or that has a new id or address. `keys` are recipient keys."""

    contact_id: int
    external_id: str
    keys: tuple[str, ...]


Listener = Callable[[Sequence[Arrival]], None]
_listeners: list[Listener] = []


def listener(listen: Listener) -> Listener:
    """Register `listen`; it is called inside the transaction and must be harmless to repeat."""
    _listeners.append(listen)
    return listen


def announce(arrivals: Sequence[Arrival]) -> None:
    """Tell every listener."""
    if not arrivals:
        return
    _tell(arrivals)
    if connection.vendor != "sqlite":
        # There one writer follows the other, and a reader that turns writer behind another's commit is refused.
        transaction.on_commit(lambda: _tell(arrivals), robust=True)


def _tell(arrivals: Sequence[Arrival]) -> None:
    for listen in _listeners:
        listen(arrivals)
