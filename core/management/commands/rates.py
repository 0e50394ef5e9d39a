"""`manage.py rates`: exchange rates, one or a file of them."""

import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import database, rates
from core.errors import AlmanacError, Invalid
from core.models import ExchangeRate

WRONG = 2
"""Exit code for values that cannot be."""


class Command(BaseCommand):
    """Store exchange rates, or list those that are stored."""

    help = "Exchange rates at which orders in other currencies are counted: add one, import a file, list them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Three verbs."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="store one: rates add 2026-11-27 EUR USD 1.0834 --source ECB")
        add.add_argument("day", help="such as 2026-11-27")
        add.add_argument("base", help="one of this currency …")
        add.add_argument("quote", help="… in this one …")
        add.add_argument("rate", help="… is so many")
        add.add_argument("--source", required=True, help="who published it")
        read = verbs.add_parser("import", help="store a CSV file; - is standard input")
        read.add_argument("file", help="day,base,quote,rate,source; or eurofxref-hist.csv of the ECB")
        read.add_argument("--source", default="", help="for rows that name none")
        listed = verbs.add_parser("list", help="the newest first")
        listed.add_argument("--limit", type=int, default=50)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what was done."""
        try:
            database.prepare(self.stderr.write)
            getattr(self, f"_{options['verb']}")(options)
        except AlmanacError as error:
            raise CommandError(error.message, returncode=WRONG) from error

    def _add(self, options: dict[str, Any]) -> None:
        try:
            day = date.fromisoformat(options["day"])
        except ValueError as error:
            raise Invalid(f"“{options['day']}” is no day, such as 2026-11-27.", field="day") from error
        figure = rates.figure(options["rate"])
        self._told(rates.store([rates.Given(day, options["base"], options["quote"], figure, options["source"])], None))

    def _import(self, options: dict[str, Any]) -> None:
        if options["file"] == "-":
            self._told(rates.store(rates.read_csv(sys.stdin, options["source"]), None))
            return
        try:
            with Path(options["file"]).open(encoding="utf-8-sig", newline="") as file:
                self._told(rates.store(rates.read_csv(file, options["source"]), None))
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"The file cannot be read: {error}") from error

    def _told(self, counts: tuple[int, int]) -> None:
        self.stdout.write(f"{counts[0]} new, {counts[1]} corrected.")

    def _list(self, options: dict[str, Any]) -> None:
        for row in ExchangeRate.objects.all()[: options["limit"]]:
            self.stdout.write(f"{row} ({row.source})")
