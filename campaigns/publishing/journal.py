"""The flight journal: what a worker handed to the provider and what was answered, in a local file that outlives a SIGKILL.

It never replaces `attempting` in the database; it only narrows what becomes `unknown`. A worker holds an exclusive lock on
its file for as long as it lives, so whoever gets the lock knows that the worker is gone. After another boot, only answers
count: what was written last may be missing.

One JSON array per line:

- ``["h", host, boot, pid]``
- ``["s", [[delivery, attempt], …]]`` when started
- ``["u", [[delivery, attempt], …]]`` when surely not taken after all: as if never started
- ``["g", [[delivery, attempt], …]]`` the same, of a call that was refused because of one of those in it
- ``["a", [[delivery, attempt, result, provider_id, code, detail, blame, retry_at], …]]`` when answered
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from channels.base import Blame, Outcome, Result
from core import heartbeat

Key = tuple[int, int]
"""A delivery's id and the number of the attempt."""


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
    """One worker's open journal."""

    def __init__(self) -> None:
        self.owner = new_owner()
        self.path = path_of(self.owner)
        self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_EXCL, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._write(["h", heartbeat.host(), heartbeat.boot_id(), os.getpid()])

    def _write(self, line: Sequence[object]) -> None:
        # One write per line, straight to the kernel: it survives the death of this process, which is all it has to.
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def started(self, keys: Sequence[Key]) -> None:
        """Note, before the first byte, what may reach the provider from now on."""
        self._write(["s", list(keys)])

    def unstarted(self, keys: Sequence[Key]) -> None:
        """Note that the provider surely did not take these: as if they had never been started."""
        self._write(["u", list(keys)])

    def refused_together(self, keys: Sequence[Key]) -> None:
        """Note that the provider refused these as a whole because of one of them: surely none was taken."""
        self._write(["g", list(keys)])

    def answered(self, answers: Sequence[tuple[Key, Outcome]]) -> None:
        """Note what the provider said."""
        self._write(
            [
                "a",
                [
                    [
                        *key,
                        outcome.result,
                        outcome.provider_id,
                        outcome.code,
                        outcome.detail,
                        outcome.blame,
                        outcome.retry_at.isoformat() if outcome.retry_at else None,
                    ]
                    for key, outcome in answers
                ],
            ]
        )

    def close(self) -> None:
        """The turn is over and everything is in the database."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self._file)

    def leave(self) -> None:
        """The turn ended badly: leave the file for whoever sweeps."""
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a journal says. `complete`: what it does not say was started was surely not."""

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
            if file is not None and path.exists():
                found.append(path.stem)
    return found


def discard(owner: str) -> None:
    """What the journal said is in the database."""
    with suppress(FileNotFoundError):
        path_of(owner).unlink()


def _parse(content: bytes, *, dead: bool) -> Evidence:
    started: set[Key] = set()
    suspects: frozenset[Key] = frozenset()
    answers: dict[Key, Outcome] = {}
    complete = False
    lines = content.split(b"\n")
    for line in lines:
        try:
            kind, *rest = json.loads(line)
        except ValueError:
            continue  # the last line of a machine that lost its power
        match kind:
            case "h":
                complete = dead and rest[:2] == [heartbeat.host(), heartbeat.boot_id()]
            case "s":
                started.update((int(delivery), int(number)) for delivery, number in rest[0])
            case "u":
                started.difference_update((int(delivery), int(number)) for delivery, number in rest[0])
            case "g":
                suspects = frozenset((int(delivery), int(number)) for delivery, number in rest[0])
                started -= suspects
            case "a":
                for delivery, number, result, provider_id, code, detail, blame, retry_at in rest[0]:
                    answers[int(delivery), int(number)] = Outcome(
                        ref="",
                        result=Result(result),
                        provider_id=provider_id,
                        code=code,
                        detail=detail,
                        blame=Blame(blame),
                        retry_at=datetime.fromisoformat(retry_at) if retry_at else None,
                    )
    return Evidence(complete=complete, started=frozenset(started), answers=answers, suspects=suspects)
