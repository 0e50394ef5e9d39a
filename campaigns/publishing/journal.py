"""The flight journal: what a worker handed to the provider and what was answered, in a local file that outlives a SIGKILL.

It never replaces `attempting` in the database; it only narrows what becomes `unknown`. A worker holds an exclusive lock on
its file for as long as it lives, so whoever gets the lock knows that the worker is gone. After another boot, only answers
count: what was written last may be missing.

Every line is whole or not there: a write that the disk cuts short is taken back, and a start that cannot be noted raises
`Unwritable` before anything is handed over. Whoever reads a line that is not whole all the same (a machine that lost its
power) believes what the others say was answered, but no longer that what is not there never began.

One JSON array per line:

- ``["h", host, boot, pid]``
- ``["s", [[delivery, attempt], …]]`` when started
- ``["u", [[delivery, attempt], …]]`` when surely not taken after all: as if never started
- ``["g", [[delivery, attempt], …]]`` the same, of a call that was refused because of one of those in it
- ``["a", [[delivery, attempt, result, provider_id, code, detail, blame, retry_at,
  personal], …]]`` when answered
"""

import fcntl
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from channels.base import Blame, Outcome, Result
from core import heartbeat

log = logging.getLogger(__name__)

Key = tuple[int, int]
"""A delivery's id and the number of the attempt."""


MADE_WITHIN = 600.0
"""Seconds after which an empty journal is a dead worker's; by the machine's clock, which files go by."""


class Unwritable(Exception):
    """The journal cannot take the line (the disk is full): what it would have told of must not begin."""


def folder() -> Path:
    """Where this machine's journals are."""
    path = Path(settings.ALMANAC_HOME) / "flight"
    path.mkdir(parents=True, exist_ok=True)
    return path


def path_of(owner: str) -> Path:
    """The journal of a lease's owner."""
    return folder() / f"{owner}.log"


def new_owner() -> str:
    """A name for one worker's turn: also the name of its file."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


class Journal:
    """One worker's open journal. Safe for the threads of a provider. Raises `Unwritable` when it cannot even be begun."""

    def __init__(self) -> None:
        self.owner = new_owner()
        self.path = path_of(self.owner)
        self._lock = threading.Lock()
        self._length = 0
        self._whole = True
        self._unwritten: list[bytes] = []
        try:
            self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_EXCL, 0o600)
        except OSError as error:
            raise Unwritable(f"No flight journal can be made: {error.strerror}.") from error
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            with self._lock:
                self._append(_line(["h", heartbeat.host(), heartbeat.boot_id(), os.getpid()]))
        except Unwritable:
            self.close()
            raise

    def _append(self, data: bytes) -> None:
        """The whole line or nothing, straight to the kernel: it survives the death of this process, which is all it has to."""
        if not self._whole:
            raise Unwritable("The flight journal ends in half a line.")
        rest = data
        try:
            while rest:
                written = os.write(self._file, rest)
                if not written:
                    raise OSError("nothing was written")
                rest = rest[written:]
        except OSError as error:
            self._cut_back()
            raise Unwritable(f"The flight journal cannot be written: {error.strerror or error}.") from error
        self._length += len(data)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._file, self._length)
        except OSError:
            self._whole = False

    def _catch_up(self) -> None:
        while self._unwritten:
            self._append(self._unwritten[0])
            del self._unwritten[0]

    def started(self, keys: Sequence[Key]) -> None:
        """Note, before the first byte, what may reach the provider from now on; raises `Unwritable`: then nothing may."""
        with self._lock:
            self._catch_up()
            self._append(_line(["s", list(keys)]))

    def unstarted(self, keys: Sequence[Key]) -> None:
        """Note that the provider surely did not take these: as if they had never been started."""
        self._note(["u", list(keys)])

    def refused_together(self, keys: Sequence[Key]) -> None:
        """Note that the provider refused these as a whole because of one of them: surely none was taken."""
        self._note(["g", list(keys)])

    def answered(self, answers: Sequence[tuple[Key, Outcome]]) -> None:
        """Note what the provider said. Never fails: what the disk does not take now is kept, and tried again."""
        self._note(["a", [_answer(key, outcome) for key, outcome in answers]])

    def _note(self, fields: Sequence[object]) -> None:
        with self._lock:
            self._unwritten.append(_line(fields))
            try:
                self._catch_up()
            except Unwritable as error:
                log.error("%s The answers are kept in memory for now.", error)

    def close(self) -> None:
        """The turn is over and everything is in the database."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self._file)

    def leave(self) -> None:
        """The turn ended badly: leave the file for whoever sweeps."""
        with self._lock, suppress(Unwritable):
            self._catch_up()
        os.close(self._file)


def _line(fields: Sequence[object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _answer(key: Key, outcome: Outcome) -> list[object]:
    return [
        *key,
        outcome.result,
        outcome.provider_id,
        outcome.code,
        outcome.detail,
        outcome.blame,
        outcome.retry_at.isoformat() if outcome.retry_at else None,
        outcome.personal,
    ]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a journal says. `complete`: every line is whole, so what it does not say was started was surely not."""

    complete: bool = False
    started: frozenset[Key] = frozenset()
    answers: Mapping[Key, Outcome] = field(default_factory=dict)
    suspects: frozenset[Key] = frozenset()
    """One of these is bad: they were refused together last. They count as not started, until they are started again."""


NOTHING = Evidence()


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """The file under an exclusive lock; None when it is not there or its worker lives."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file
    except BlockingIOError:
        yield None
    finally:
        os.close(file)


def read(owner: str) -> Evidence:
    """The evidence in the journal of `owner`, which may live (its answers count) or not, or have been elsewhere."""
    path = path_of(owner)
    with _locked(path) as file:
        try:
            return _parse(path.read_bytes(), dead=file is not None)
        except OSError:
            return NOTHING


def orphans() -> list[str]:
    """The owners of journals here whose worker is gone."""
    found = []
    for path in folder().glob("*.log"):
        with _locked(path) as file:
            if file is not None and path.exists() and not _is_being_made(file):
                found.append(path.stem)
    return found


def _is_being_made(file: int) -> bool:
    """Whether its worker may not have come to lock it yet: its first line is written under the lock."""
    status = os.fstat(file)
    return status.st_size == 0 and time.time() - status.st_mtime < MADE_WITHIN


def discard(owner: str) -> None:
    """What the journal said is in the database."""
    with suppress(FileNotFoundError):
        path_of(owner).unlink()


def _parse(content: bytes, *, dead: bool) -> Evidence:
    *lines, rest = content.split(b"\n")
    whole = not rest
    home = False
    started: set[Key] = set()
    suspects: frozenset[Key] = frozenset()
    answers: dict[Key, Outcome] = {}
    for line in lines:
        try:
            match json.loads(line):
                case ["h", host, boot, _pid]:
                    home = [host, boot] == [heartbeat.host(), heartbeat.boot_id()]
                case ["s", keys]:
                    started |= _read_keys(keys)
                case ["u", keys]:
                    started -= _read_keys(keys)
                case ["g", keys]:
                    suspects = _read_keys(keys)
                    started -= suspects
                case ["a", told]:
                    answers.update(_read_answer(*one) for one in told)
                case _:
                    whole = False
        except (ValueError, TypeError):  # half a line, or the zeros that a lost power supply leaves behind
            whole = False
    complete = dead and home and whole
    return Evidence(complete=complete, started=frozenset(started), answers=answers, suspects=suspects)


def _read_keys(keys: Iterable[Sequence[int]]) -> frozenset[Key]:
    return frozenset((int(delivery), int(number)) for delivery, number in keys)


def _read_answer(
    delivery: int,
    number: int,
    result: str,
    provider_id: str,
    code: str,
    detail: str,
    blame: str,
    retry_at: str | None,
    personal: bool = False,  # a worker of an earlier release did not note it
) -> tuple[Key, Outcome]:
    outcome = Outcome(
        ref="",
        result=Result(result),
        provider_id=str(provider_id),
        code=str(code),
        detail=str(detail),
        blame=Blame(blame),
        retry_at=datetime.fromisoformat(retry_at) if retry_at else None,
        personal=bool(personal),
    )
    return (int(delivery), int(number)), outcome
