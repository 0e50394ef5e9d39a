"""Waiting for a database that is busy, and one picture of it for a reader.

SQLite has one writer at a time and nobody queues: whoever waits polls until his patience (the connection's ``timeout``) is
over, and is told “database is locked” then. A reader never waits: with write-ahead logging it sees the last commit. So a
transaction that only reads must not begin as a writer (`one_picture`), and work that nobody watches comes back (`patiently`).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection, transaction

from core import disk

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_POSTGRES_AGAIN = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available (PostgreSQL, Appendix A “Error Codes”)."""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0


def is_busy(error: BaseException) -> bool:
    """Whether somebody else held the database for too long: the same statement may work in a moment."""
    return any(_says_busy(one) for one in disk.causes(error))


def _says_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _BUSY  # the low byte of an extended code, https://www.sqlite.org/rescode.html
    return getattr(error, "sqlstate", None) in _POSTGRES_AGAIN


def passes(error: BaseException) -> bool:
    """Whether `error` is of the kind that passes by itself: a busy database, or a full disk."""
    return is_busy(error) or disk.is_full(error)


def patiently[Answer](
    action: Callable[[], Answer], *, seconds: float = 120.0, enough: Callable[[], bool] = lambda: False
) -> Answer:
    """What `action` returns; while the database is busy or its disk is full it is done again, for `seconds` or until `enough`.

    Only for what commits as a whole or not at all. Inside a transaction of the caller's the first error is raised.
    """
    until = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        try:
            return action()
        except (DatabaseError, OSError) as error:
            disk.note(error)
            if not passes(error) or connection.in_atomic_block or enough() or time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


@contextmanager
def one_picture() -> Iterator[None]:
    """A transaction that only reads, all of it as it stood at one instant, and that neither waits for writers nor stops them.

    As the outermost transaction only; inside another one it is that transaction's picture.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
    elif connection.vendor == "sqlite":
        connection.ensure_connection()
        usual, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                connection.transaction_mode = usual  # type: ignore[attr-defined]
                yield
        finally:
            connection.transaction_mode = usual  # type: ignore[attr-defined]
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


def trust_json() -> None:
    """Keep Django from asking every SQLite database, at the start of every process, whether it knows JSON.

    It asks inside a transaction, which begins as a writer here (`config.env.sqlite`): while somebody else writes it waits, takes
    “database is locked” for “does not support JSONFields”, and the process ends in its system check. SQLite always has JSON
    since 3.38 (https://www.sqlite.org/json1.html, section 2); an older one is asked as before.
    """
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info >= (3, 38):
        type(connection.features).supports_json_field = True


_kept_open: list[sqlite3.Connection] = []


def keep_open() -> None:
    """Hold SQLite's files open for as long as this process lives; does nothing with another database.

    Whoever closes the last connection removes the log and its index, and on a full disk nobody could make them again, not
    even to read. A connection that never does anything keeps them there, so a tracked link is still looked up.
    """
    if connection.vendor != "sqlite" or connection.is_in_memory_db() or _kept_open:  # type: ignore[attr-defined]
        return
    with suppress(sqlite3.Error):  # without it everything works, on a disk that has room
        kept = sqlite3.connect(str(connection.settings_dict["NAME"]), check_same_thread=False)
        kept.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        _kept_open.append(kept)
