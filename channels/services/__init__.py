"""Writes: accounts, what providers told us, and how the accounts fare."""

from channels.services import accounts
from channels.services.events import record_events
from channels.services.health import note_health

__all__ = ["accounts", "note_health", "record_events"]
