"""The provider's record: one line per message that was taken, written before the answer goes out and never changed."""

import json
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Taken:
    """One message for which a fake has taken responsibility. `at` is the epoch's seconds; `call` the HTTP call's number."""

    ref: str
    address: str
    subject: str
    at: float
    call: int = 0


class Record:
    """Append-only, in a file: whatever a test forgets, the file does not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._kept: list[Taken] = []

    def take(self, *taken: Taken) -> None:
        """Note what is taken; returns when the kernel has it."""
        lines = b"".join(json.dumps(asdict(one)).encode() + b"\n" for one in taken)
        assert os.write(self._file, lines) == len(lines), "the record itself could not be written"
        self._kept += taken

    def read(self) -> list[Taken]:
        """What stands in the file, in order."""
        return [Taken(**json.loads(line)) for line in self.path.read_bytes().splitlines()]

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def addresses(self) -> Counter[str]:
        """How often each address was written to."""
        return Counter(one.address for one in self._kept)

    def close(self) -> None:
        """No more is taken."""
        os.close(self._file)


def now() -> float:
    """As the record notes it."""
    return time.time()
