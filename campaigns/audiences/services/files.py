"""Contacts from a file that a person uploads: CSV or NDJSON."""

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from campaigns.audiences.services import contacts
from campaigns.audiences.services.contacts import UpsertReport
from core.errors import Invalid

PLAIN = ("external_id", "email", "first_name", "last_name", "locale", "timezone", "market", "consented_at")
MOST_CELL = 64 * 1024


def read(name: str, file: BinaryIO, *, source: str) -> UpsertReport:
    """Bring the file's contacts in, committed in small batches; raises `Invalid` when it is no such file at all.

    Lines in the report are lines of the file.
    """
    if name.lower().endswith((".ndjson", ".jsonl")):
        return contacts.upsert_lines(iter(file), source=source)
    return contacts.upsert_numbered(_csv(file), source=source)


def _csv(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="strict", newline="")
    try:
        csv.field_size_limit(MOST_CELL)
        table = csv.reader(text, delimiter=_delimiter(text))
        heading = [cell.strip() for cell in next(table, [])]
        if "external_id" not in heading:
            raise Invalid(
                _("The first line must name the columns, and one of them must be external_id. Add it and upload again.")
            )
        for cells in table:
            if any(cell.strip() for cell in cells):
                yield table.line_num, _row(heading, cells)
    except UnicodeDecodeError as error:
        raise Invalid(_("The file is not UTF-8 text. Save it as “CSV UTF-8” and upload it again.")) from error
    except csv.Error as error:
        raise Invalid(_("The file is not CSV from line %(line)d on.") % {"line": table.line_num}) from error
    finally:
        text.detach()


def _delimiter(text: io.TextIOWrapper) -> str:
    """Comma or semicolon, whichever the heading has more of: spreadsheets of many countries write the latter."""
    heading = text.readline()
    text.seek(0)
    return ";" if heading.count(";") > heading.count(",") else ","


def _row(heading: list[str], cells: list[str]) -> Any:
    """The row as data; an empty cell says nothing. A row with more cells than the heading is refused later, by name."""
    if len(cells) > len(heading):
        return Invalid(_("The line has more cells than the heading. Put texts with commas between quotation marks."))
    told = {name: cell.strip() for name, cell in zip(heading, cells, strict=False) if name and cell.strip()}
    row: dict[str, Any] = {name: told.pop(name) for name in PLAIN if name in told}
    if consents := told.pop("consents", ""):
        row["consents"] = consents.replace(",", " ").split()
    if told:
        row["attributes"] = told
    return row
