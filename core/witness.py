"""What this machine remembers of the database, so that a database that went back in time is noticed. No clock is asked.

Every process has a number in the database (`core.models.Witness`) that it raises with each heartbeat and with each slice
it is about to send. **After** that was committed it writes the number into a file of its own in ``ALMANAC_HOME``. So a
healthy database has always reached what any file says, whenever, in which order and after whatever pause they are read
(files first, then the database); one that was restored from an earlier state has not. Processes still running remember
their own last number besides, which covers the moment between commit and file.

Numbers are compared within one *term*: a person who confirms a restored database begins a new one, later than every term
before it, and what was remembered of earlier terms counts no more. A file of a later term than the database's is the sign
of a database from before that confirmation. Reasons and proof: docs/decisions/0016-the-witness-counts.md.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from django.db import connection

from core.models import Witness


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """What the database had reached: the number of one process, within a term."""

    term: int
    number: int


class Lost(Exception):
    """The database does not know what it had committed to this process."""


class Life:
    """One process, from its start to its end: its row in the database, its file in `folder`, and what it remembers.

    The file belongs to this process alone, so nobody waits for a lock that a stopped process holds.
    """

    def __init__(self, folder: Path) -> None:
        self.id = uuid4()
        self.folder = folder
        self.mark: Mark | None = None
        self.has_beaten = False
        self.beating = threading.Lock()
        self._writing = threading.Lock()
        self._alive: int | None = None

    # --- the database ---

    def advance(self, term: int) -> Mark:
        """Raise this process's number; `remember` the mark once that is committed. Raises `Lost`."""
        mark = self.mark
        known = mark.number if mark is not None and mark.term == term else None
        # In one statement, so that a restore between a look and this cannot slip through.
        number = self._raise(known or 0)
        if number is None and known is None:
            number = Witness.objects.create(pk=self.id, number=1).number
        if number is None or (known is not None and number <= known):
            raise Lost
        self.has_beaten = True
        return Mark(term, number)

    def _raise(self, known: int) -> int | None:
        """One more than before, if it is `known` or more by now; None when it is not, or when there is no such row."""
        own = Witness._meta.pk.get_db_prep_value(self.id, connection)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE core_witness SET number = number + 1 WHERE life = %s AND number >= %s RETURNING number",
                [own, known],
            )
            row = cursor.fetchone()
        return int(row[0]) if row else None

    # --- the file ---

    def remember(self, mark: Mark) -> bool:
        """Keep what was committed, in memory and in the file; never less than before. Whether the file has it now: on a
        full disk it says less than it could, which is true all the same."""
        with self._writing:
            if self.mark is not None and mark <= self.mark:
                return False
            self.mark = mark
            try:
                self._write(mark)
            except OSError:
                return False
        return True

    def _write(self, mark: Mark) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._alive is None:
            self._alive = _lock(self.folder / f"{self.id}.lock")
        path = self.folder / f"{self.id}.json"
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps({"term": mark.term, "number": mark.number}))
        scratch.replace(path)  # a reader never sees half a file

    def tidy(self, seen: Mapping[UUID, Mark], mark: Mark) -> None:
        """Take away the files of processes that have ended, of those `seen`, once this process has written its `mark`.

        Only what the database has reached **now** is taken away: an earlier state that is behind such a file is behind `mark`
        as well. A database that went back while this process was at its beat has not reached it, and the file stays as
        evidence. Rows stay too: a row that is missing is a sign, so none is ever deleted.
        """
        ended = {life for life in seen if life != self.id and self._has_ended(life)}
        if not ended:
            return
        said = {life: its for life, its in read(self.folder).items() if life in ended}
        known = dict(Witness.objects.filter(pk__in=said).values_list("pk", "number"))
        for life, its in said.items():
            if its.term < mark.term or (its.term == mark.term and known.get(life, 0) >= its.number):
                for suffix in (".json", ".lock", ".new"):
                    with contextlib.suppress(OSError):
                        (self.folder / f"{life}{suffix}").unlink(missing_ok=True)

    def _has_ended(self, life: UUID) -> bool:
        try:
            descriptor = _lock(self.folder / f"{life}.lock")
        except OSError:
            return False
        os.close(descriptor)
        return True

    def end(self) -> None:
        """As if the process had ended: its file stays, its lock goes."""
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read(folder: Path) -> dict[UUID, Mark]:
    """What the files in `folder` say, by process. What cannot be read says nothing."""
    found = {}
    try:
        paths = list(folder.glob("*.json"))
    except OSError:
        return {}
    for path in paths:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(path.read_text())
            found[UUID(path.stem)] = Mark(int(kept["term"]), int(kept["number"]))
    return found


def is_behind(term: int, remembered: Mapping[UUID, Mark]) -> bool:
    """Whether a database in `term` lacks something that was `remembered` **before** it is asked."""
    if any(mark.term > term for mark in remembered.values()):
        return True
    numbers = {life: mark.number for life, mark in remembered.items() if mark.term == term}
    known = dict(Witness.objects.filter(pk__in=numbers).values_list("pk", "number")) if numbers else {}
    return any(known.get(life, 0) < number for life, number in numbers.items())
