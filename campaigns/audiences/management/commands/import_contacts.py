"""`manage.py import_contacts`: contacts from a file, as the screen takes them."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.audiences import layouts, tables
from campaigns.audiences.services import files
from campaigns.audiences.services.files import FileReport
from core import database
from core.errors import FixSettings, Invalid


class Command(BaseCommand):
    """Bring contacts in, and say what became of the rows."""

    help = "Brings contacts in from CSV, XLSX or NDJSON. Run import_suppressions first when you come from another tool."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, what its columns are, and whether to look only."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--map", action="append", default=[], metavar="HEADING=FIELD", dest="decisions",
            help=f"what a column is: {', '.join(layouts.TARGETS)}; attribute:number (date, flag, text) gives its kind too",
        )  # fmt: skip
        parser.add_argument(
            "--agreed", action="store_true", help="everybody in the file agreed to e-mail, and you can prove it"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what each of the first rows becomes, and stop")

    def handle(self, *args: Any, file: Path, decisions: list[str], agreed: bool, dry_run: bool, **options: Any) -> None:
        """Do it."""
        try:
            database.prepare(self.stderr.write)
            with file.open("rb") as stream:
                if files.is_ndjson(file.name):
                    return self._tell(files.read(file.name, stream, source=f"File {file.name}"))
                decided = _decided(tables.opened(stream).headings, file.name, decisions) if decisions else None
                plan = files.plan_of(file.name, stream, decided, agreed or None)
                if dry_run:
                    return self._preview(plan)
                return self._tell(files.read(file.name, stream, source=f"File {file.name}", plan=plan))
        except (FixSettings, Invalid) as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error

    def _tell(self, report: FileReport) -> None:
        self.stdout.write(
            f"{report.created} new, {report.updated} changed, {report.unchanged} as they were, {report.refused} left out; "
            f"{report.with_address} brought an address, {report.with_consent} a consent; "
            f"{report.closing.closed} addresses closed, {report.closing.known} closed before."
        )
        if report.left_out:
            self.stdout.write(f"Columns that were not brought in: {', '.join(report.left_out)}")
        for kind, told in (("left out", report.errors), ("without a field", report.warnings)):
            for one in told[:200]:
                self.stdout.write(f"line {one.line}, {kind}: {one.message}")

    def _preview(self, plan: files.Plan) -> None:
        for place, column in enumerate(plan.columns):
            style = plan.styles.get(place)
            self.stdout.write(f"{column.heading} -> {column.target}{f' ({style.kind})' if style else ''}")
        for outcome in files.preview(plan):
            says = outcome.error or (
                f"closed: {outcome.close.reason}" if outcome.close else str(dict(outcome.contact or {}))
            )
            self.stdout.write(f"line {outcome.line}: {says}")


def _decided(headings: tuple[str, ...], name: str, decisions: list[str]) -> list[dict[str, str]]:
    """What is recognised, with the decisions in place of it."""
    found = [
        {"heading": column.heading, "target": column.target, "kind": column.kind}
        for column in layouts.recognise(headings, name).columns
    ]
    by_name = {layouts.normal(one["heading"]): one for one in found}
    for decision in decisions:
        heading, _equals, says = decision.rpartition("=")
        target, _colon, kind = says.partition(":")
        if layouts.normal(heading) not in by_name or target not in layouts.TARGETS:
            raise Invalid(f"“{decision}” names no column of the file, or nothing that a column can be.")
        by_name[layouts.normal(heading)].update(target=target, kind=kind)
    return found
