"""Leasing chunks: one worker at a time holds a range, and an epoch that rises with every lease keeps old holders out."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from campaigns.publishing.models import Chunk
from campaigns.publishing.states import ChunkState
from core import clock


class LostLease(Exception):
    """Somebody else holds the chunk by now."""


@dataclass(slots=True)
class Lease:
    """A chunk in the hands of one worker."""

    chunk_id: int
    run_id: int
    epoch: int
    last_seq: int
    next_seq: int
    is_retry: bool


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
    changes: dict[str, Any] = {"state": state, "lease_owner": "", "lease_until": None}
    if not held.is_retry:
        changes["next_seq"] = held.next_seq
    if not Chunk.objects.filter(pk=held.chunk_id, epoch=held.epoch, state=ChunkState.LEASED).update(**changes):
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
                self._held = None
            except Exception:  # noqa: S112 - a database that is away: the lease may run out, and that is safe
                continue
            finally:
                connection.close()
