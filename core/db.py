"""Waiting for a database that is busy, and one picture of it for a reader.

SQLite has one writer at a time and nobody queues: whoever waits polls until his patience (the connection's ``timeout``) is
over, and is told “database is locked” then; so whoever writes much says `make_way` in between. A reader never waits: with
write-ahead logging it sees the last commit. So a transaction that only reads must not begin as a writer (`one_picture`), and
work that nobody watches comes back (`patiently`).
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.backends.signals import connection_created

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


@contextmanager
def without_jit() -> Iterator[None]:
    """A transaction whose statements PostgreSQL does not compile: for one that takes a second, that is most of the second."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL jit = off")
        yield


# --- Making way ----------------------------------------------------------------------------------------------------------

MOST_POLITE = 0.3
"""Seconds: SQLite's waiting writers look at last every 100 ms (`sqliteDefaultBusyCallback` in its source)."""


def tell_who_waits() -> None:
    """From now on every connection to a SQLite file marks that it waits for its turn to write, for `make_way` to see.

    SQLite itself tells nobody. The mark is a shared lock on an empty file beside the database, held while a transaction begins,
    or while a single statement writes: two system calls, and none is left behind by who dies.
    """
    connection_created.connect(_watch, dispatch_uid="core.db.tell_who_waits")


def make_way() -> None:
    """Between two transactions: let whoever waits to write on SQLite go first. Returns at once when nobody does."""
    path = _waiting_file(connection)
    if not path or connection.in_atomic_block:
        return
    until = time.monotonic() + MOST_POLITE
    with suppress(OSError), open(path, "ab") as file:  # noqa: PTH123 - a name that SQLite's own files begin with
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > until:
                return
            time.sleep(0.002)


def _waiting_file(of: Any) -> str:
    """Where waiting writers of a connection's database leave their mark; "" when it is no file of SQLite's."""
    return "" if of.vendor != "sqlite" or of.is_in_memory_db() else f"{of.settings_dict['NAME']}-waiting"


def _watch(sender: Any, connection: Any, **more: Any) -> None:
    if _waiting_file(connection) and not any(isinstance(one, _Mark) for one in connection.execute_wrappers):
        connection.execute_wrappers.append(_Mark(connection))


class _Mark:
    """Holds the shared lock of one connection while it waits for its turn."""

    def __init__(self, of: Any) -> None:
        self._path = _waiting_file(of)
        self._file = -1
        self._process = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        begins = sql.startswith("BEGIN")
        if not begins and (context["connection"].in_atomic_block or sql.startswith(("SELECT", "PRAGMA", "EXPLAIN"))):
            return execute(sql, params, many, context)
        with self._held():
            return execute(sql, params, many, context)

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            if self._process != os.getpid():  # a lock is shared with the parent that opened the file
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._process = os.getpid()
            fcntl.flock(self._file, fcntl.LOCK_SH)
        except OSError:  # a full disk, perhaps: nobody makes way then, and all else is as before
            yield
            return
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def __del__(self) -> None:
        if self._file >= 0 and self._process == os.getpid():
            with suppress(OSError):
                os.close(self._file)


# --- SQLite's own ways ---------------------------------------------------------------------------------------------------


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
