"""`manage.py import_suppressions`: close the addresses that another tool no longer wrote to."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.audiences.services import closing, closing_files
from core import database
from core.errors import FixSettings, Invalid


class Command(BaseCommand):
    """Close addresses, and say what became of the rows."""

    help = "Closes the addresses of a file (CSV, XLSX, NDJSON): unsubscribed, cleaned, complained. Harmless to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, and the reason where it has none."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--reason", choices=[one.value for one in closing.TAKEN], default=closing.TAKEN[0].value)

    def handle(self, *args: Any, file: Path, reason: str, **options: Any) -> None:
        """Do it."""
        try:
            database.prepare(self.stderr.write)
            with file.open("rb") as stream:
                report = closing_files.close_addresses(file.name, stream, reason=reason, source=f"File {file.name}")
        except (FixSettings, Invalid) as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        self.stdout.write(
            f"{report.closed} closed, {report.known} closed before, {report.passed} may be written to, "
            f"{report.agreed_later} agreed here later, {report.refused} left out; {report.withdrawn} consents withdrawn."
        )
        for one in report.errors[:200]:
            self.stdout.write(f"line {one.line}: {one.message}")
