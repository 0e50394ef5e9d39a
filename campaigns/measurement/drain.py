"""Reading the spool into the database, each line exactly once, and orders as they come in.

The offset of a file is committed in the transaction of the rows that were made of it: whatever kills the drainer, it goes
on behind the last line that counts. Numbers change under one lock (a row of `Cursor`), so several hosts may drain.
"""

import itertools
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from campaigns.measurement import attribution, spool
from campaigns.measurement.ingest import Told, ingest, read_line
from campaigns.measurement.models import Cursor, Hit, SpoolFile
from campaigns.promotions.models import Order, OrderLinking
from core import clock, db

logger = logging.getLogger(__name__)

BATCH_LINES = 2000
BATCH_ORDERS = 2000
LONGEST_LINE = 64 * 1024
BUDGET_SECONDS = 1.0
AFTER_MIDNIGHT = timedelta(minutes=10)
SETTLED_AFTER = timedelta(seconds=60)
"""Rows with smaller ids may become visible later (PostgreSQL gives ids before the commit), but not so much later."""

_LOCK = "numbers"
_ORDERS = "orders"
_LINKINGS = "order linkings"


@dataclass
class Drained:
    """What one pass did."""

    lines: int = 0
    hits: int = 0
    orders: int = 0
    files_removed: int = 0
    is_behind: bool = False
    """Time was up before everything was read."""


@contextmanager
def numbers_locked() -> Iterator[None]:
    """A transaction in which nobody else changes hits, counts, touches or credits."""
    Cursor.objects.get_or_create(name=_LOCK)
    with transaction.atomic():
        Cursor.objects.select_for_update().get(name=_LOCK)
        yield


def drain(folder: Path | None = None) -> Drained:
    """Read what the spool of this host holds, for about a second at most; `is_behind` tells that there is more."""
    done = Drained()
    place = folder or spool.folder()
    names = sorted(path.name for path in place.iterdir() if spool.day_of(path.name))
    offsets = dict(SpoolFile.objects.filter(name__in=names).values_list("name", "offset"))
    until = time.monotonic() + BUDGET_SECONDS
    for name in names:
        size = (place / name).stat().st_size
        while offsets.get(name, 0) < size:
            if done.lines and time.monotonic() > until:
                done.is_behind = True
                return done
            offset = _drain_batch(place / name, done)
            if offset == offsets.get(name, 0):
                break
            offsets[name] = offset
        if _is_finished(name, size):
            done.files_removed += _remove(place / name, offsets.get(name, 0), size)
    return done


def _drain_batch(path: Path, done: Drained) -> int:
    """Read the next lines of one file; returns the offset behind them."""
    with numbers_locked():
        row, is_new = SpoolFile.objects.get_or_create(name=path.name, defaults={"host": spool.host()})
        begin = _behind_what_is_stored(path) if is_new else row.offset
        told, offset, lines = _next_lines(path, begin)
        if offset == row.offset:
            return offset
        changes = ingest(told)
        orders = changes.orders
        if changes.first and changes.last:
            orders |= attribution.orders_after(changes.touched, changes.first, changes.last)
        attribution.credit(Order.objects.filter(pk__in=orders))
        SpoolFile.objects.filter(pk=row.pk).update(
            offset=offset,
            lines=F("lines") + lines,
            broken_lines=F("broken_lines") + lines - len(told),
            updated_at=clock.now(),
        )
    db.make_way()
    done.lines += lines
    done.hits += changes.hits
    return offset


def _behind_what_is_stored(path: Path) -> int:
    """Where a file goes on whose offset somebody has lost: behind its last line that is a hit. 0 for a new file."""
    last, offset = -1, 0
    while True:
        told, offset, lines = _next_lines(path, offset)
        keys = [one.spool_key for one in told]
        known = Hit.objects.filter(spool_key__in=keys).values_list("spool_key", flat=True)
        last = max((last, *(int(key.rpartition(":")[2]) for key in known)))
        if not lines or (told and not known):
            break
    if last < 0:
        return 0
    with path.open("rb") as file:
        file.seek(last)
        return last + len(file.readline())


def _next_lines(path: Path, offset: int) -> tuple[list[Told], int, int]:
    """Whole lines from `offset` on: what they tell, the offset behind them, and how many there were."""
    told: list[Told] = []
    lines = 0
    with path.open("rb") as file:
        file.seek(offset)
        for line in itertools.islice(file, BATCH_LINES):
            if not line.endswith(b"\n"):
                break
            one = read_line(line, f"{path.name}:{offset}")
            if one:
                told.append(one)
            offset += len(line)
            lines += 1
    return told, offset, lines


def _is_finished(name: str, size: int) -> bool:
    """Whether nobody will write to the file again: it is of another day, or full."""
    day = spool.day_of(name)
    if day is None:
        return False
    over = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) + AFTER_MIDNIGHT
    return clock.now() > over or size >= spool.ROTATE_AT


def _remove(path: Path, offset: int, size: int) -> int:
    """Delete a finished file that is read to its last whole line. The file goes first: its name is never used again."""
    with path.open("rb") as file:
        file.seek(offset)
        rest = file.read(LONGEST_LINE)
    if b"\n" in rest or offset + len(rest) < size:
        return 0
    if rest:
        logger.warning("%s ends in half a line: a web process died while it wrote.", path.name)
    path.unlink()
    SpoolFile.objects.filter(name=path.name).delete()
    return 1


class OrderReader:
    """Credits new orders, and older ones that have found their customer.

    Keeps in memory which rows above its cursors it has looked at; forgetting them is harmless.
    """

    def __init__(self) -> None:
        self._new = _Follower(_ORDERS, Order, "pk")
        self._linked = _Follower(_LINKINGS, OrderLinking, "order_id")

    def read(self) -> int:
        """Look at orders that came in, or were linked, since the last time, for about a second at most; returns how many."""
        return self._new.read() + self._linked.read()


class _Follower:
    """Follows the rows of `model` by primary key and credits the orders that its column `order` names."""

    def __init__(self, name: str, model: type[Order] | type[OrderLinking], order: str) -> None:
        self._name = name
        self._rows: QuerySet[Any] = model._default_manager.order_by("pk")
        self._order = order
        self._seen: set[int] = set()

    def read(self) -> int:
        cursor, _is_new = Cursor.objects.get_or_create(name=self._name)
        until = time.monotonic() + BUDGET_SECONDS
        count = 0
        while rows := self._unseen(cursor.position):
            with numbers_locked():
                attribution.credit(Order.objects.filter(pk__in=set(rows.values())))
            self._seen.update(rows)
            count += len(rows)
            if time.monotonic() > until:
                break
        self._advance(cursor)
        return count

    def _unseen(self, position: int) -> dict[int, int]:
        tail = self._rows.filter(pk__gt=position).values_list("pk", self._order)
        return {pk: order for pk, order in tail[: BATCH_ORDERS + len(self._seen)] if pk not in self._seen}

    def _advance(self, cursor: Cursor) -> None:
        settled = (
            self._rows.filter(
                pk__gt=cursor.position,
                pk__lte=max(self._seen, default=0),
                recorded_at__lt=clock.now() - SETTLED_AFTER,
            )
            .order_by("-pk")
            .values_list("pk", flat=True)
            .first()
        )
        if settled is not None:
            Cursor.objects.filter(pk=self._name, position__lt=settled).update(position=settled)
            self._seen = {pk for pk in self._seen if pk > settled}
