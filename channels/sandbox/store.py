"""What arrived: the sandbox's own SQLite file, append-only, and therefore the ground truth of every test.

One process writes (the server), any number read. A message is committed before its sender is told that it was taken: with
SQLite's WAL a commit outlives the death of the process; `durable` makes it outlive a power cut as well, at the price of an
fsync for each batch.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payloads (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS arrivals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL, ref TEXT NOT NULL, subject TEXT NOT NULL,
    provider_id TEXT NOT NULL, state TEXT NOT NULL, payload INTEGER NOT NULL, detail TEXT NOT NULL, arrived_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS arrivals_ref ON arrivals (ref);
CREATE TABLE IF NOT EXISTS marks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, arrival INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS marks_arrival ON marks (arrival);
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY, mime_type TEXT NOT NULL, alt TEXT NOT NULL, content BLOB NOT NULL, complete INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, due_at REAL NOT NULL, tries INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

ARRIVED = "arrived"
BOUNCED = "bounced"
DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that a service took. `ref` is our delivery reference as it travelled on the wire, "" where it did not.

    state  arrived; bounced or dropped when the service took it and then gave it back (magic recipients at SendGrid)
    """

    id: int
    service: str
    channel: str
    recipient: str
    ref: str
    subject: str
    provider_id: str
    state: str
    payload_id: int
    detail: Mapping[str, Any]
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that the recipient was made to do with a message."""

    what: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A picture that was uploaded for a post."""

    id: str
    mime_type: str
    alt: str
    content: bytes


class Store:
    """The file at `path`; with `read_only` it must exist."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        if read_only:
            self._db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=20)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=20)
            self._db.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;" + _SCHEMA
            )
        self._open = False

    def close(self) -> None:
        """Commit what is pending and let go of the file."""
        self.commit()
        self._db.close()

    # -- writes: pending until `commit` --

    def set_durable(self, durable: bool) -> None:
        """Whether a commit waits for the disk."""
        self.commit()
        self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")

    def _begin(self) -> sqlite3.Connection:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
        return self._db

    def commit(self) -> None:
        """Make everything added so far last."""
        if self._open:
            self._db.execute("COMMIT")
            self._open = False

    def add_payload(self, body: bytes) -> int:
        """Keep what came over the wire; several arrivals may share it."""
        return int(self._begin().execute("INSERT INTO payloads (body) VALUES (?)", (body,)).lastrowid or 0)

    def add(
        self,
        service: str,
        channel: str,
        recipient: str,
        *,
        payload: int,
        ref: str = "",
        subject: str = "",
        provider_id: str = "",
        state: str = ARRIVED,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Note an arrival and return its id."""
        row = (service, channel, recipient, ref, subject, provider_id, state, payload)
        cursor = self._begin().execute(
            "INSERT INTO arrivals (service, channel, recipient, ref, subject, provider_id, state, payload, detail, arrived_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, json.dumps(detail) if detail else "{}", time.time()),
        )
        return int(cursor.lastrowid or 0)

    def mark(self, arrival: int, what: str, detail: str = "") -> None:
        """Note what the recipient did."""
        self._begin().execute(
            "INSERT INTO marks (arrival, what, detail, at) VALUES (?, ?, ?, ?)", (arrival, what, detail, time.time())
        )

    def put_media(self, media_id: str, mime_type: str, content: bytes, *, complete: bool) -> None:
        """Keep an upload, whole or begun."""
        self._begin().execute(
            "INSERT INTO media (id, mime_type, alt, content, complete) VALUES (?, ?, '', ?, ?)",
            (media_id, mime_type, content, complete),
        )

    def extend_media(self, media_id: str, content: bytes) -> None:
        """Add a segment to an upload that was begun."""
        self._begin().execute(
            "UPDATE media SET content = CAST(content || ? AS BLOB) WHERE id = ? AND NOT complete", (content, media_id)
        )

    def finish_media(self, media_id: str) -> None:
        """The upload is whole."""
        self._begin().execute("UPDATE media SET complete = 1 WHERE id = ?", (media_id,))

    def describe_media(self, media_id: str, alt: str) -> None:
        """Set the alternative text."""
        self._begin().execute("UPDATE media SET alt = ? WHERE id = ?", (alt, media_id))

    def set_fact(self, name: str, value: str) -> None:
        """Remember a setting of the sandbox, such as where to post events."""
        self._begin().execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def queue_events(self, events: Sequence[Mapping[str, Any]], after: float = 0.0) -> None:
        """Events to post to the webhook; they stay until it has taken them."""
        due = time.time() + after
        self._begin().executemany(
            "INSERT INTO outgoing (event, due_at, tries) VALUES (?, ?, 0)",
            [(json.dumps(event), due) for event in events],
        )

    def due_events(self, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Events whose time has come, oldest first."""
        rows = self._db.execute(
            "SELECT id, event FROM outgoing WHERE due_at <= ? ORDER BY id LIMIT ?", (time.time(), limit)
        )
        return [(number, json.loads(event)) for number, event in rows]

    def events_taken(self, numbers: Sequence[int]) -> None:
        """The webhook took these."""
        self._begin().executemany("DELETE FROM outgoing WHERE id = ?", [(number,) for number in numbers])

    def events_refused(self, numbers: Sequence[int]) -> None:
        """The webhook did not take these: again later, waiting up to half a minute, for a day's worth of tries."""
        db = self._begin()
        db.executemany(
            "UPDATE outgoing SET tries = tries + 1, due_at = ? + MIN(30, 1 << MIN(tries, 5)) WHERE id = ?",
            [(time.time(), number) for number in numbers],
        )
        db.execute("DELETE FROM outgoing WHERE tries > 2880")

    # -- reads --

    def fact(self, name: str) -> str:
        """A remembered setting, or ""."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def pending_events(self) -> int:
        """How many events the webhook has not taken yet."""
        return int(self._db.execute("SELECT COUNT(*) FROM outgoing").fetchone()[0])

    def arrivals(
        self,
        *,
        service: str = "",
        channel: str = "",
        search: str = "",
        limit: int = -1,
        offset: int = 0,
        newest: bool = False,
    ) -> list[Arrival]:
        """What arrived, in order of arrival (or newest first); `search` looks in recipient, subject and reference."""
        where, values = _where(service, channel, search)
        order = "DESC" if newest else "ASC"
        rows = self._db.execute(
            f"SELECT * FROM arrivals{where} ORDER BY id {order} LIMIT ? OFFSET ?",  # noqa: S608 - words of this module
            (*values, limit, offset),
        )
        return [_arrival(row) for row in rows]

    def arrival(self, number: int) -> Arrival | None:
        """One arrival."""
        row = self._db.execute("SELECT * FROM arrivals WHERE id = ?", (number,)).fetchone()
        return _arrival(row) if row else None

    def count(self, *, service: str = "", channel: str = "", search: str = "") -> int:
        """How many arrived."""
        where, values = _where(service, channel, search)
        return int(self._db.execute(f"SELECT COUNT(*) FROM arrivals{where}", values).fetchone()[0])  # noqa: S608

    def refs(self, service: str = "") -> list[str]:
        """The delivery reference of every arrival, in order; one that arrived twice stands twice."""
        where, values = _where(service, "", "")
        return [row[0] for row in self._db.execute(f"SELECT ref FROM arrivals{where} ORDER BY id", values)]  # noqa: S608

    def last_id(self) -> int:
        """The id of the newest arrival, 0 when there is none."""
        return int(self._db.execute("SELECT COALESCE(MAX(id), 0) FROM arrivals").fetchone()[0])

    def payload(self, number: int) -> bytes:
        """What came over the wire."""
        row = self._db.execute("SELECT body FROM payloads WHERE id = ?", (number,)).fetchone()
        return bytes(row[0]) if row else b""

    def media(self, media_id: str) -> StoredMedia | None:
        """A picture whose upload is whole."""
        row = self._db.execute(
            "SELECT id, mime_type, alt, content FROM media WHERE id = ? AND complete", (media_id,)
        ).fetchone()
        return StoredMedia(*row) if row else None

    def marks(self, arrivals: Sequence[int]) -> dict[int, list[Mark]]:
        """What the recipients of these did, in order."""
        found: dict[int, list[Mark]] = {number: [] for number in arrivals}
        places = ",".join("?" * len(arrivals))
        query = f"SELECT arrival, what, detail, at FROM marks WHERE arrival IN ({places}) ORDER BY id"  # noqa: S608
        for number, what, detail, at in self._db.execute(query, list(arrivals)):
            found[number].append(Mark(what, detail, datetime.fromtimestamp(at, UTC)))
        return found

    def posts_since(self, since: float) -> Iterator[Arrival]:
        """Posts on X, newest first."""
        rows = self._db.execute(
            "SELECT * FROM arrivals WHERE service = 'x' AND arrived_at >= ? ORDER BY id DESC LIMIT 100", (since,)
        )
        return (_arrival(row) for row in rows.fetchall())

    def was_returned(self, service: str, recipient: str) -> bool:
        """Whether a message to `recipient` bounced before."""
        query = "SELECT 1 FROM arrivals WHERE service = ? AND recipient = ? AND state = 'bounced' LIMIT 1"
        return self._db.execute(query, (service, recipient)).fetchone() is not None


def _where(service: str, channel: str, search: str) -> tuple[str, list[str]]:
    parts, values = [], []
    for column, value in (("service", service), ("channel", channel)):
        if value:
            parts.append(f"{column} = ?")
            values.append(value)
    if search:
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        parts.append(
            "(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in ("recipient", "subject", "ref")) + ")"
        )
        values += [pattern] * 3
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def _arrival(row: Sequence[Any]) -> Arrival:
    values = [*row[:9], json.loads(row[9]), datetime.fromtimestamp(row[10], UTC)]
    return Arrival(*values)
