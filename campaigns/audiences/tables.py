"""A table out of a file, whatever a spreadsheet has done to it on its way: CSV in its dialects, Excel's “Unicode text”, XLSX.

Cells come out as texts without what nobody typed: byte order marks, zero-width characters, no-break spaces, the apostrophe or
``="…"`` that guards an id, error values (``#N/A``). What cannot be told from what was meant is left for those who know the
column: numbers that lost digits, dates that became day numbers (see `values`).
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from core.errors import Invalid

MOST_CELL = 64 * 1024
MOST_COLUMNS = 500
MOST_PARTS = 2000
MOST_UNPACKED = 400 * 1024 * 1024
"""What an XLSX may unpack to. A million rows of contacts are some 300 MB of XML; a bomb is gigabytes."""
XLSX = "xlsx"
_SEPARATORS = (",", ";", "\t", "|")
# Zero-width and direction marks. Joiners (U+200C, U+200D) spell words in Persian and Hindi and stay inside a text.
_UNSEEN = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u00ad]|^[\u200c\u200d]+|[\u200c\u200d]+$"
)
_WIDE_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_GUARD = re.compile(r"^['’‘`](?=[0-9+=@\-])")
_FORMULA_TEXT = re.compile(r'^="(.*)"$', re.DOTALL)
_ERRORS = frozenset(
    {"#N/A", "#NV", "#REF!", "#VALUE!", "#WERT!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "NULL", "\\N"}
)
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\r?\n?$', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """Headings as they stand, and rows with the line of the file each begins or ends on. `separator` may be ``xlsx``."""

    headings: tuple[str, ...]
    separator: str
    rows: Iterator[tuple[int, list[str]]]


def opened(file: BinaryIO) -> Table:
    """The table in `file`, from its beginning; raises `Invalid`, also while its rows are read."""
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _from(_sheet(file), XLSX)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid(_("This is an old Excel file. Save it as XLSX or as “CSV UTF-8” and upload it again."))
    text = io.TextIOWrapper(io.BufferedReader(_Kept(file)), encoding=_encoding(head), errors="strict", newline="")
    separator, skipped = _separator(text)
    return _from(_lines(text, separator, skipped), separator)


def clean(cell: str) -> str:
    """`cell` without what a spreadsheet put into it."""
    text = _WIDE_SPACES.sub(" ", _UNSEEN.sub("", cell)).strip()
    if found := _FORMULA_TEXT.match(text):
        text = found[1].replace('""', '"').strip()
    text = _GUARD.sub("", text)
    return "" if text.upper() in _ERRORS else text


def _from(rows: Iterator[tuple[int, list[str]]], separator: str) -> Table:
    for _line, cells in rows:
        if any(cells):
            headings = cells
            break
    else:
        raise Invalid(_("The file has no line with headings."))
    while headings and not headings[-1]:
        headings = headings[:-1]
    if len(headings) > MOST_COLUMNS:
        raise Invalid(_("The file has more than %(most)d columns.") % {"most": MOST_COLUMNS})
    return Table(tuple(headings), separator, (row for row in rows if any(row[1])))


class _Kept(io.RawIOBase):
    """A file that stays open when the text reader around it goes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


# --- CSV -------------------------------------------------------------------------------------------------------------


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(head) >= 4 and head[1] == head[3] == 0 and head[0]:
        return "utf-16-le"
    return "utf-8-sig"


def _separator(text: io.TextIOWrapper) -> tuple[str, int]:
    """What parts the cells, and how many lines come before the headings: Excel reads and writes ``sep=;`` as the first one."""
    try:
        first = text.readline(MOST_CELL)
        told = _SEPARATOR_LINE.match(first)
        heading = first
        while not told and heading and not heading.strip(" \t\r\n,;|"):
            heading = text.readline(MOST_CELL)
        text.seek(0)
    except UnicodeError as error:
        raise _no_text() from error
    if told:
        return told[1], 1
    outside = re.sub(r'"(?:[^"]|"")*"', "", heading)
    return max(_SEPARATORS, key=lambda one: (outside.count(one), one == ",")), 0


def _lines(text: io.TextIOWrapper, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(MOST_CELL)
    table = csv.reader(text, delimiter=separator)
    try:
        for number, cells in enumerate(table):
            if number >= skipped:
                yield table.line_num, _cleaned(cells)
    except UnicodeError as error:
        raise _no_text() from error
    except csv.Error as error:
        raise Invalid(_("The file is not CSV from line %(line)d on.") % {"line": table.line_num}) from error


def _cleaned(cells: Iterable[str]) -> list[str]:
    return [clean(cell) if cell else "" for cell in cells]


def _no_text() -> Invalid:
    return Invalid(_("The file is not UTF-8 text. Save it as “CSV UTF-8” or as XLSX and upload it again."))


# --- XLSX ------------------------------------------------------------------------------------------------------------


def _sheet(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first visible sheet, values as they stand; formulas by the result that was saved with them."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _check_archive(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "no default style" and the like: of no use to whoever uploads
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheet = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
            if sheet is None:
                # openpyxl 3.1.5 finds no sheet in “Strict Open XML”, without a word (findings/openpyxl-strict-workbook.sh).
                raise Invalid(
                    _("No sheet can be read in the workbook. Saved as “Strict Open XML”? Save it as plain XLSX or CSV.")
                )
            # Writers other than Excel note a wrong size of the sheet, and rows beyond it would be lost.
            sheet.reset_dimensions()
            for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS), 1):
                yield number, [clean(_written(value)) for value in row]
            book.close()
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError, EOFError, OSError) as error:
        raise Invalid(_("The workbook cannot be read. Save it as “CSV UTF-8” and upload that.")) from error


def _check_archive(file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise Invalid(_("The workbook is too large unpacked. Save it as “CSV UTF-8” and upload that."))
        if "xl/workbook.xml" not in archive.namelist():
            raise Invalid(_("This is no Excel workbook. Save it as XLSX or as “CSV UTF-8” and upload that."))
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as stream:
                    if b"<!DOCTYPE" in stream.read(4096):  # no office program writes one: entities are made of it
                        raise Invalid(_("The workbook cannot be read. Save it as “CSV UTF-8” and upload that."))
    file.seek(0)


def _written(value: Any) -> str:
    """A value of a sheet as a text. A number with more digits than a spreadsheet keeps shows that they are lost."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            if abs(value) >= 1e15:
                return f"{value:.5E}"
            return str(int(value)) if value == int(value) else repr(value)
        case datetime():
            return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
    return str(value)
