"""What arrived, one row per message, in a file of its own. Rows are only added: it is the ground truth of what was sent."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    arrived_at TEXT NOT NULL,
    channel TEXT NOT NULL,
    provider TEXT NOT NULL,
    login TEXT NOT NULL,
    recipient TEXT NOT NULL,
    ref TEXT NOT NULL,
    title TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient);
CREATE TABLE IF NOT EXISTS media (id TEXT PRIMARY KEY, mime_type TEXT NOT NULL, content BLOB NOT NULL, alt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hook (login TEXT PRIMARY KEY, url TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as it arrived. `body` is the whole e-mail, or JSON for posts and notifications."""

    id: int
    arrived_at: datetime
    channel: str
    provider: str
    login: str
    recipient: str
    ref: str
    title: str
    provider_id: str
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


Row = tuple[str, str, str, str, str, str, str, bytes]
_COLUMNS = "id, arrived_at, channel, provider, login, recipient, ref, title, provider_id, body"


class Store:
    """The file. May be opened by several processes; one of them (the sandbox) writes messages."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "arrived.sqlite3"
        self._lock = threading.Lock()
        # Autocommit: a statement is one transaction, and the writer groups many rows into one statement itself.
        self._connection = sqlite3.connect(self.path, check_same_thread=False, timeout=20, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")  # what is kept here may be lost with the machine, not before
        self._connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, rows: Sequence[Row]) -> None:
        """Keep `rows`: channel, provider, login, recipient, ref, title, provider_id, body. Committed on return."""
        now = datetime.now(UTC).isoformat()
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO message (arrived_at, channel, provider, login, recipient, ref, title, provider_id, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(now, *row) for row in rows],
            )
            self._connection.execute("COMMIT")

    def _rows(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, tuple(values)).fetchall()

    def messages(
        self, *, channel: str = "", provider: str = "", recipient: str = "", after: int = 0, limit: int | None = None
    ) -> list[Arrived]:
        """What arrived, newest first. `recipient` may be a part of the address."""
        where, values = ["id > ?"], [str(after)]
        for name, value in (("channel", channel), ("provider", provider)):
            if value:
                where.append(f"{name} = ?")
                values.append(value)
        if recipient:
            where.append("instr(lower(recipient || ' ' || title), lower(?)) > 0")
            values.append(recipient)
        sql = f"SELECT {_COLUMNS} FROM message WHERE {' AND '.join(where)} ORDER BY id DESC"  # noqa: S608 - our own words
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return [_arrived(row) for row in self._rows(sql, values)]

    def message(self, id: int) -> Arrived | None:
        """One message."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM message WHERE id = ?", [id])  # noqa: S608 - our own words
        return _arrived(rows[0]) if rows else None

    def count(self, channel: str = "") -> int:
        """How many messages arrived, on one channel or all."""
        return int(self._rows("SELECT count(*) FROM message WHERE ? IN ('', channel)", [channel])[0][0])

    def copies(self, channel: str = "") -> dict[str, int]:
        """How many copies each delivery reference has: every number above 1 is a duplicate."""
        rows = self._rows("SELECT ref, count(*) FROM message WHERE ? IN ('', channel) GROUP BY ref", [channel])
        return {str(ref): int(number) for ref, number in rows}

    def add_media(self, id: str, mime_type: str, content: bytes) -> None:
        """Keep an uploaded picture."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO media VALUES (?, ?, ?, '')", (id, mime_type, content))

    def describe_media(self, id: str, alt: str) -> None:
        """Keep what a picture shows."""
        with self._lock:
            self._connection.execute("UPDATE media SET alt = ? WHERE id = ?", (alt, id))

    def media(self, id: str) -> tuple[str, bytes, str] | None:
        """A picture's type, content and description."""
        rows = self._rows("SELECT mime_type, content, alt FROM media WHERE id = ?", [id])
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def set_hook(self, login: str, url: str) -> None:
        """Where the events of a login go, as one sets it in a provider's settings."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO hook VALUES (?, ?)", (login, url))

    def hook(self, login: str) -> str:
        """Where the events of a login go; empty when nobody set it."""
        rows = self._rows("SELECT url FROM hook WHERE login = ?", [login])
        return rows[0][0] if rows else ""


def _arrived(row: tuple[Any, ...]) -> Arrived:
    return Arrived(row[0], datetime.fromisoformat(row[1]), *row[2:])
