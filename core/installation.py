"""Is this database the one that was confirmed, or a copy of it? A copy sends nothing until a person confirms.

Three things betray a copy:

- the *database* is another one (PostgreSQL: system identifier, database name and oid; SQLite: path and inode), or the
  installation answers at another *base URL*;
- the database is older than this machine remembers: each beat writes its time to the database and then to a witness file
  in ``ALMANAC_HOME``, so a database behind its witness went back in time (a restored backup);
- nobody has beaten for longer than ``ALMANAC_OVERDUE_SECONDS``, and no witness here says that the database simply slept.

A container that is deployed again with the same database and the same address is no copy: neither host name nor process
is part of the fingerprint. What was found is kept in the row (`held_reason`) until a person confirms.
"""

import contextlib
import json
import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from core import clock, heartbeat
from core.models import Installation, User

BEAT_EVERY = 5.0
"""Seconds between two beats of one process."""

_TOLERANCE = timedelta(seconds=5)
_IDENTITY_KEPT = 30.0
_identity: tuple[float, tuple[Any, ...], dict[str, str]] | None = None
_beaten: dict[str, float] = {}
_lock = threading.Lock()


def database_identity() -> dict[str, str]:
    """What tells this database from every other, and from its own copies."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT oid::text, datname FROM pg_database WHERE datname = current_database()")
            oid, name = cursor.fetchone()
            identity = {"vendor": "postgresql", "oid": oid, "name": name}
            with contextlib.suppress(DatabaseError), transaction.atomic():
                cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
                identity["system"] = cursor.fetchone()[0]
        return identity
    path = Path(str(connection.settings_dict["NAME"]))
    try:
        inode = str(path.stat().st_ino)
    except OSError:
        inode = ""
    return {"vendor": connection.vendor, "path": str(path.absolute()), "inode": inode}


def fingerprint() -> dict[str, Any]:
    """The database's identity (asked for every half a minute) and the base URL, as they are now."""
    global _identity
    key = (connection.vendor, connection.settings_dict["NAME"], connection.settings_dict.get("HOST"))
    known = _identity
    if known is None or known[1] != key or time.monotonic() - known[0] > _IDENTITY_KEPT:
        known = _identity = (time.monotonic(), key, database_identity())
    # An address that nobody named says nothing: another port at the next start is no other installation.
    named = settings.ALMANAC_BASE_URL != settings.ALMANAC_DEFAULT_URL
    return {"database": known[2], "base_url": settings.ALMANAC_BASE_URL if named else ""}


def this() -> Installation:
    """The one row; made at the first start, which needs no confirmation."""
    row = Installation.objects.filter(pk=1).first()
    if row is None:
        now = clock.now()
        row, _made = Installation.objects.get_or_create(
            pk=1, defaults={"fingerprint": fingerprint(), "heartbeat_at": now, "confirmed_at": now}
        )
    return row


def may_send() -> tuple[bool, str]:
    """Whether anything may be handed to a provider, and otherwise a sentence that says why not."""
    row = this()
    reason = row.held_reason or _mismatch(row)
    return not reason, reason


def beat(kind: str) -> None:
    """Say that a process of `kind` is alive; looks for the signs of a copy first. Cheap to call often."""
    now = time.monotonic()
    with _lock:
        if now - _beaten.get(kind, -BEAT_EVERY) < BEAT_EVERY:
            return
        _beaten[kind] = now
    heartbeat.note(kind)
    check_and_beat()


def check_and_beat() -> None:
    """Look for the signs of a copy, keep what was found, then write the time to the database and to the witness."""
    row = this()
    found = _mismatch(row) or _stale(row)
    beaten_at = clock.now()
    rows = Installation.objects.filter(pk=1)
    if found:
        rows.filter(held_reason="").update(held_reason=found[:200])
    # Not while held: the age of the last beat is evidence that a person may want to see.
    if not found and not row.held_reason:
        rows.filter(heartbeat_at__lt=beaten_at).update(heartbeat_at=beaten_at)
        _write_witness(row, beaten_at)


def confirm(by: User) -> None:
    """A person says: this is the installation that shall send."""
    row = this()
    now = clock.now()
    Installation.objects.filter(pk=1).update(
        fingerprint=fingerprint(), heartbeat_at=now, confirmed_at=now, confirmed_by=by, held_reason=""
    )
    log(row, "almanac.confirm_installation", user=by, data={"was": row.held_reason})
    _write_witness(row, now)


def _mismatch(row: Installation) -> str:
    now = fingerprint()
    if row.fingerprint.get("database") != now["database"]:
        return _("This database looks like a copy of another one. Confirm that it shall send.")
    if row.fingerprint.get("base_url") != now["base_url"]:
        return _("The address of this installation has changed. Confirm that it shall send.")
    return ""


def _stale(row: Installation) -> str:
    witness = _read_witness(row)
    if witness and row.heartbeat_at < witness - _TOLERANCE:
        return _("This database is older than this machine remembers: it looks like a restored backup. Confirm it.")
    slept = clock.now() - row.heartbeat_at
    if slept > settings.ALMANAC_OVERDUE_AFTER and not witness:
        return _(
            "This database has been silent for a long time and is new to this machine. Confirm that it shall send."
        )
    return ""


def _witness_path(row: Installation) -> Path:
    return Path(settings.ALMANAC_HOME) / f"installation-{row.public_id}.json"


def _read_witness(row: Installation) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(_witness_path(row).read_text())["beaten_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_witness(row: Installation, beaten_at: datetime) -> None:
    path = _witness_path(row)
    # A name of its own per process and thread, then a rename: a reader never sees half a file.
    scratch = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    with contextlib.suppress(OSError):
        scratch.write_text(json.dumps({"beaten_at": beaten_at.isoformat()}))
        scratch.replace(path)
