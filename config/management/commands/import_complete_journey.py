"""``manage.py import_complete_journey``: a year of a real retailer's data, to try everything on."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import complete_journey
from core import database
from core.errors import AlmanacError

WIDTH = 30


class Command(BaseCommand):
    """Brings the set in; run again, it adds only what is missing."""

    help = "Bring in the “Complete Journey” data set: households, campaigns, redemptions, products and baskets."

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 1 with a sentence when the package is missing or the data do not fit."""
        begun = time.monotonic()
        progress = Progress(self.stderr._out)
        try:
            database.prepare(self.stderr.write)
            complete_journey.bring_in(complete_journey.Data(), progress.begin)
        except AlmanacError as error:
            raise CommandError(error.message) from error
        finally:
            progress.end()
        self.stderr.write(f"Done in {time.monotonic() - begun:.0f} s.")


class Progress:
    """A bar per step: redrawn on a terminal, elsewhere one line when a step is done."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        self.name = ""
        self.total = self.done = 0
        self.begun = self.drawn = 0.0

    def begin(self, name: str, total: int) -> Any:
        """Start the bar of a step."""
        self.end()
        self.name, self.total, self.done = name, total, 0
        self.begun = time.monotonic()
        self.drawn = 0.0
        return self.advance

    def advance(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        if self.is_terminal and time.monotonic() - self.drawn > 0.1:
            self._draw("\r")

    def end(self) -> None:
        """Close the bar of the step."""
        if self.name:
            self._draw("\r" if self.is_terminal else "")
            self.stream.write("\n")
            self.stream.flush()
        self.name = ""

    def _draw(self, before: str) -> None:
        self.drawn = time.monotonic()
        share = self.done / self.total if self.total else 1.0
        bar = "█" * int(WIDTH * share)
        took = self.drawn - self.begun
        encoding = getattr(self.stream, "encoding", None) or sys.getdefaultencoding()
        line = f"{before}{self.name:<12} {bar:░<{WIDTH}} {share:4.0%}  {self.done:>9,} of {self.total:,}  {took:3.0f} s"
        self.stream.write(line.encode(encoding, "replace").decode(encoding))
        self.stream.flush()
