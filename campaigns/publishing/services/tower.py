"""The watch over what is in the air: a provider that keeps us waiting keeps no slot and no recipient from anybody else.

A slice whose answers do not come within `PATIENCE` gives up its slot. What was handed over goes on waiting in its own thread
(a mail server may take ten minutes, RFC 5321, 4.5.3.2.6) under a lease of its own; the rest of its chunk is free for others
at once. Until somebody answers, the account is given no more (`chunks.is_unanswered`), and after `chunks.SICK_AFTER` it
counts as silent: it rests and is tried with one message (`channels.services.health`).
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from campaigns.publishing.services import chunks
from campaigns.publishing.services.chunks import Keeper, Lease, LostLease
from campaigns.publishing.services.flights import Row, Slice, SliceFlight
from campaigns.publishing.services.slots import Turn
from channels.services import health

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds from the beginning of a slice until it gives up its slot."""
LOOK_EVERY = 0.5
AFTER_A_STOP = 2.0
"""Seconds for the others to read what has come, after this process was held up (SIGSTOP, a paused machine): the silence was
ours."""


@dataclass(eq=False, slots=True)
class Aloft:
    """A slice in the air, with everything that has to be told when it is late."""

    account_id: int
    lease: Lease
    keeper: Keeper
    turn: Turn
    slice: Slice
    flight: SliceFlight
    rows: Mapping[str, Row]
    owner: str
    by_probe: bool = False
    landed: bool = False
    late: bool = False
    told_silent: bool = False


_aloft: set[Aloft] = set()
_changed = threading.Condition()
_thread: threading.Thread | None = None


@contextmanager
def watching(flight: Aloft) -> Iterator[None]:
    """Watch over `flight` while the block runs."""
    global _thread
    with _changed:
        _aloft.add(flight)
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, name="almanac-tower", daemon=True)
            _thread.start()
        _changed.notify()
    try:
        yield
    finally:
        with flight.flight.lock:
            flight.landed = True
        with _changed:
            _aloft.discard(flight)


def look(flight: Aloft) -> None:
    """Do what the age of `flight` asks for."""
    age = time.monotonic() - flight.slice.began
    if age < PATIENCE:
        return
    with flight.flight.lock:
        if flight.landed:
            return
        if not flight.late:
            flight.late = True
            flight.turn.step_aside()
        if flight.flight.in_air() and not flight.lease.is_apart:
            set_apart(flight)
        _tell_silence(flight)
        if age >= chunks.SICK_AFTER.total_seconds() and flight.flight.is_unanswered and not flight.slice.judged:
            flight.slice.judged = True
            seconds = int(chunks.SICK_AFTER.total_seconds())
            health.silent(
                flight.account_id,
                _("The service has not answered for %(seconds)d seconds. One message tries it again.")
                % {"seconds": seconds},
                by_probe=flight.by_probe,
            )


def set_apart(flight: Aloft) -> None:
    """Hold what is in the air under a lease of its own; the rest of the chunk is free for others."""
    with flight.flight.lock:
        refs = {row.delivery_id: ref for ref, row in flight.rows.items()}
        kept = [
            row
            for row in flight.slice.rows
            if refs[row.delivery_id] in flight.flight.begun or row.delivery_id in flight.slice.answers
        ]
        ids = {row.delivery_id for row in kept}
        unstarted = {row.delivery_id: row.seq for row in flight.slice.rows if row.delivery_id not in ids}
        silent = flight.flight.is_unanswered
        apart = chunks.set_apart(flight.lease, flight.owner, sorted(ids), unstarted, silent=silent)
        flight.flight.is_apart = True
        flight.slice.rows = kept
        flight.lease = apart
        flight.told_silent = silent
        flight.keeper.hold(apart)


def _tell_silence(flight: Aloft) -> None:
    silent = flight.flight.is_unanswered
    if silent != flight.told_silent:
        chunks.mark_silent(flight.lease, silent)
        flight.told_silent = silent


def _run() -> None:
    while True:
        with _changed:
            while not _aloft:
                _changed.wait()
            flights = list(_aloft)
        for flight in flights:
            try:
                look(flight)
            except LostLease:
                pass  # the sweeper has it; the answers will prove
            except Exception:
                log.exception("The watch over a slice of account %s failed.", flight.account_id)
                connection.close()
        before = time.monotonic()
        time.sleep(LOOK_EVERY)
        if time.monotonic() - before > LOOK_EVERY + AFTER_A_STOP:
            time.sleep(AFTER_A_STOP)
