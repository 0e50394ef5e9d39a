"""Is there room? Below a reserve nothing new is begun; the reserve is for finishing what was.

What is begun needs a line in a flight journal before and a row in the database after: on a full disk neither can be written,
and a message that went out would be in doubt. So new attempts, and writes over the API, stop while every place still has
``ALMANAC_DISK_RESERVE_MB``, and go on by themselves when there is room again. The places are ``ALMANAC_HOME`` (journals, spool,
media) and the folder of an SQLite database. A PostgreSQL server's disk cannot be looked at from here: its own error tells.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

MEGABYTE = 1024 * 1024
_FEWEST_FILES = 100
_BELIEVED = 10.0
"""Seconds for which a write that failed for want of room speaks for the next ones."""
_failed_at = -_BELIEVED


@dataclass(frozen=True, slots=True)
class Shortage:
    """Where there is too little room. `free` in bytes; None where only an error told of it (the database server)."""

    where: str
    free: int | None


def places() -> Mapping[str, Path]:
    """The folders that need room, by name."""
    return _places(str(settings.ALMANAC_HOME), connection.vendor, str(connection.settings_dict["NAME"]))


@lru_cache(maxsize=16)  # asked for before every message
def _places(home: str, vendor: str, name: str) -> Mapping[str, Path]:
    found = {"ALMANAC_HOME": Path(home)}
    if vendor == "sqlite" and not name.startswith(("file:", ":memory:")):
        found["DATABASE_URL"] = Path(name).parent
    return MappingProxyType(found)


def free() -> dict[str, int]:
    """Free bytes at each place, by its name; without places that are not there."""
    found = {}
    for name, path in places().items():
        with suppress(OSError):
            room = os.statvfs(path)
            found[name] = room.f_bavail * room.f_frsize
    return found


def shortage() -> Shortage | None:
    """Where there is less room than the reserve, or None. Looks anew each time: it costs some microseconds."""
    reserve: int = settings.ALMANAC_DISK_RESERVE
    if reserve:
        for name, path in places().items():
            try:
                room = os.statvfs(path)
            except OSError:  # a folder that is not there (yet) has no room of its own to tell of
                continue
            free = room.f_bavail * room.f_frsize
            if free < reserve or (room.f_files and room.f_favail < _FEWEST_FILES):
                return Shortage(name, free)
    if time.monotonic() - _failed_at < _BELIEVED:
        return Shortage("DATABASE_URL", None)
    return None


def short() -> bool:
    """Whether nothing new may begin."""
    return shortage() is not None


def sentence() -> str:
    """What people are told while there is a shortage; empty otherwise."""
    found = shortage()
    if found is None:
        return ""
    if found.free is None:
        return _("The disk is full: the database could not be written. Nothing is sent until there is room again.")
    return _(
        "The disk is full: %(free)d MB are left at %(where)s, and %(reserve)d MB are kept as a reserve. Nothing is sent and "
        "nothing can be imported until there is room again; then it goes on by itself."
    ) % {
        "free": found.free // MEGABYTE,
        "where": found.where,
        "reserve": settings.ALMANAC_DISK_RESERVE // MEGABYTE,
    }


# --- Errors ----------------------------------------------------------------------------------------------------------


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it was raised from or while."""
    seen: BaseException | None = error
    for _depth in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def is_full(error: BaseException) -> bool:
    """Whether there was no room to write."""
    return any(_says_full(one) for one in causes(error))


def _says_full(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        # Beside FULL itself: the log or its index could not be made or grow, which SQLite calls an I/O error.
        return (code & 0xFF) == sqlite3.SQLITE_FULL or (
            (code & 0xFF) in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and _nothing_left()
        )
    if getattr(error, "sqlstate", None) == "53100":  # disk_full (PostgreSQL, Appendix A “Error Codes”)
        return True
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def _nothing_left() -> bool:
    for path in places().values():
        room = os.statvfs(path)
        if room.f_bavail * room.f_frsize < MEGABYTE:
            return True
    return False


def note(error: BaseException) -> None:
    """Remember for some seconds that a write failed for want of room, if it did."""
    global _failed_at
    if is_full(error):
        _failed_at = time.monotonic()
