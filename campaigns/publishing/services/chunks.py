"""Leasing chunks: one worker at a time holds a range, and an epoch that rises with every lease keeps old holders out."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from campaigns.publishing import sql
from campaigns.publishing.models import Chunk
from campaigns.publishing.states import ChunkState
from core import clock

SICK_AFTER = timedelta(seconds=20)
"""A slice that nobody answered for so long says that the provider is not well."""
_APART = 2**30
"""Numbers of chunks from here on hold what waits for an answer apart from the chunk it came from."""


class LostLease(Exception):
    """Somebody else holds the chunk by now."""


@dataclass(slots=True)
class Lease:
    """A chunk in the hands of one worker. `is_apart`: no range, only what is in the air and awaits its answer."""

    chunk_id: int
    run_id: int
    epoch: int
    last_seq: int
    next_seq: int
    is_retry: bool
    is_apart: bool = False


def duration() -> timedelta:
    """How long a lease holds without being renewed."""
    return timedelta(seconds=settings.ALMANAC_LEASE_SECONDS)


@transaction.atomic
def lease(run_id: int, owner: str) -> Lease | None:
    """Take an open chunk of the run, or None when there is none. Workers step over chunks that others are taking."""
    chunk = (
        Chunk.objects.select_for_update(skip_locked=True)
        .filter(run_id=run_id, state=ChunkState.OPEN)
        .order_by("number")
        .first()
    )
    if chunk is None:
        return None
    won = Chunk.objects.filter(pk=chunk.pk, state=ChunkState.OPEN, epoch=chunk.epoch).update(
        state=ChunkState.LEASED, epoch=chunk.epoch + 1, lease_owner=owner, lease_until=clock.ledger_now() + duration()
    )
    if not won:
        return None
    return Lease(
        chunk_id=chunk.pk,
        run_id=run_id,
        epoch=chunk.epoch + 1,
        last_seq=chunk.last_seq,
        next_seq=chunk.next_seq,
        is_retry=chunk.is_retry,
    )


def renew(held: Lease, *, next_seq: int | None = None) -> None:
    """Hold on to the chunk, and note how far it has come; raises `LostLease`."""
    changes: dict[str, Any] = {"lease_until": clock.ledger_now() + duration()}
    if next_seq is not None and not held.is_retry:
        changes["next_seq"] = next_seq
    if not Chunk.objects.filter(pk=held.chunk_id, epoch=held.epoch, state=ChunkState.LEASED).update(**changes):
        raise LostLease


def finish(held: Lease, state: ChunkState) -> None:
    """Put the chunk back: `DONE`, or `OPEN` for somebody else to go on; raises `LostLease`."""
    changes: dict[str, Any] = {"state": state, "lease_owner": "", "lease_until": None, "silent": False}
    if not held.is_retry:
        changes["next_seq"] = held.next_seq
    if not Chunk.objects.filter(pk=held.chunk_id, epoch=held.epoch, state=ChunkState.LEASED).update(**changes):
        raise LostLease


def is_unanswered(account_id: int) -> bool:
    """Whether a slice of the account, of any worker anywhere, is in the air that nobody has answered yet: until somebody
    does, or the account is found silent, it is given no more."""
    young = Q(waiting_since=None) | Q(waiting_since__gt=clock.ledger_now() - SICK_AFTER)
    held = Chunk.objects.filter(young, state=ChunkState.LEASED, silent=True)
    return held.filter(run__publication__account=account_id).exists()


def mark_silent(held: Lease, silent: bool) -> None:
    """Note that nobody has answered what is in the air under this lease, or that somebody has."""
    Chunk.objects.filter(pk=held.chunk_id, epoch=held.epoch, state=ChunkState.LEASED).exclude(silent=silent).update(
        silent=silent
    )


@transaction.atomic
def set_apart(held: Lease, owner: str, in_air: Sequence[int], unstarted: Mapping[int, int], *, silent: bool) -> Lease:
    """Hold what is in the air under a lease of its own, and put the chunk back for others; raises `LostLease`.

    `in_air`: ids of deliveries that may have been handed over; `unstarted`: ids and `seq` of those that surely were not.
    """
    now = clock.ledger_now()
    renew(held)
    sql.give_back(list(unstarted), held.chunk_id, held.epoch, now, to_retries=held.is_retry)
    apart = Chunk.objects.create(
        run_id=held.run_id,
        # A delivery is in the air once at a time, so the number is free.
        number=_APART + in_air[0] % _APART,
        first_seq=1,
        last_seq=1,
        next_seq=1,
        is_retry=True,
        state=ChunkState.LEASED,
        epoch=1,
        lease_owner=owner,
        lease_until=now + duration(),
        waiting_since=now,
        silent=silent,
    )
    sql.move_attempts(in_air, held.chunk_id, held.epoch, apart.pk, apart.epoch)
    held.next_seq = min([held.next_seq, *unstarted.values()])
    finish(held, ChunkState.OPEN)
    return Lease(apart.pk, held.run_id, apart.epoch, last_seq=1, next_seq=1, is_retry=True, is_apart=True)


def end_apart(held: Lease) -> None:
    """Everything that waited apart is settled; raises `LostLease`."""
    if not Chunk.objects.filter(pk=held.chunk_id, epoch=held.epoch, state=ChunkState.LEASED).delete()[0]:
        raise LostLease


class Keeper:
    """Renews a lease while its worker waits for a slow provider (a mail server may take ten minutes for its last answer)."""

    def __init__(self) -> None:
        self._held: Lease | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def hold(self, held: Lease | None) -> None:
        """Keep this one from now on."""
        self._held = held
        if held is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="almanac-keeper", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Keep nothing any more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(duration().total_seconds() / 3):
            held = self._held
            if held is None:
                continue
            try:
                renew(held)
            except LostLease:
                if self._held is held:  # meanwhile it may have been told to keep what waits apart
                    self._held = None
            except Exception:  # noqa: S112 - a database that is away: the lease may run out, and that is safe
                continue
            finally:
                connection.close()
