"""A mail server that counts, for tests that keep no folder of their own; see `tests.faults.harness.mail`."""

import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.harness.mail import MailServer


class CountingServer(MailServer):
    """Accepts everything; `taken` counts messages by recipient, noted before the answer goes out."""

    def __init__(self, delay: float = 0.0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="almanac-counting-")
        super().__init__(Path(self._folder.name), delay)

    @property
    def taken(self) -> Counter[str]:
        """How often each recipient was written to."""
        return self.record.addresses

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._folder.cleanup()
