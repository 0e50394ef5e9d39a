"""Contacts, and closed addresses, from a file that a person uploads: CSV, XLSX or NDJSON.

A plan says what becomes of each column: from our own headings, a known tool's export, what was decided for the same headings
before, or a decision on the screen. Then every row becomes a contact or a closed address, and the report says how many.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from campaigns.audiences import keys, layouts, tables, values
from campaigns.audiences.layouts import ATTRIBUTE, SKIP, Column, Verdict
from campaigns.audiences.models import Contact, ImportMapping
from campaigns.audiences.services import attributes, closing, contacts
from campaigns.audiences.services.closing import Closing, ClosingReport
from campaigns.audiences.services.contacts import UpsertReport
from core import clock
from core.errors import Invalid
from core.models import User

SAMPLE_ROWS = 5
LOOKED_AT = 20_000
"""Rows that decide how a column is read; beyond, a cell that does not fit costs its row that field and is listed."""
_NAMED_ADDRESS = re.compile(r"^[^<>]*<\s*([^<>\s]+@[^<>\s]+)\s*>$")
_QUOTES = "\"'“”„‟‘’‚«»‹›`"
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a file. `styles` has how each attribute's column is read, by its place."""

    columns: tuple[Column, ...]
    origin: str
    is_sure: bool
    everybody: str
    separator: str
    styles: Mapping[int, values.Style]
    rows: int
    sample: tuple[tuple[int, tuple[str, ...]], ...]

    def left_out(self) -> list[str]:
        """Headings of columns that are not brought in."""
        return [column.heading for column in self.columns if column.target == SKIP and column.heading]


@dataclass(slots=True)
class FileReport(UpsertReport):
    """As `UpsertReport`, and how many rows closed an address instead of bringing a contact."""

    closing: ClosingReport = field(default_factory=ClosingReport)
    origin: str = ""
    left_out: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows that were looked at."""
        closed = self.closing.closed + self.closing.known + self.closing.agreed_later
        return self.created + self.updated + self.unchanged + self.refused + closed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row becomes: data for a contact or an address to close; or why not. `warnings`: fields that are left out."""

    line: int
    contact: Mapping[str, Any] | None = None
    close: Closing | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()


def is_ndjson(name: str) -> bool:
    """Whether the file holds one JSON object a line, with our own names."""
    return name.lower().endswith((".ndjson", ".jsonl"))


def read(name: str, file: BinaryIO, *, source: str, plan: Plan | None = None) -> FileReport:
    """Bring the file's contacts in, committed in small batches.

    Raises `Invalid` when it is no such file at all, or when its columns have to be decided by hand first. Lines in the
    report are lines of the file.
    """
    report = FileReport()
    if is_ndjson(name):
        contacts.upsert_numbered(
            ((number, line) for number, line in enumerate(file, 1) if line.strip()), source=source, report=report
        )
        return report
    plan = plan or plan_of(name, file)
    if not plan.is_sure:
        raise Invalid(_unsure(plan))
    return _bring_in(file, plan, source, report)


def plan_of(
    name: str, file: BinaryIO, decided: Sequence[Mapping[str, str]] | None = None, agreed: bool | None = None
) -> Plan:
    """What becomes of the file's columns. `decided` (heading by heading) comes first, then what is remembered.

    `agreed`: the person who imports says that everybody in the file agreed to e-mail, or that this is not said; None leaves
    it to the file's name. A status in the file decides all the same.
    """
    table = tables.opened(file)
    known = (
        ImportMapping.objects.filter(fingerprint=layouts.fingerprint(table.headings)).first()
        if decided is None
        else None
    )
    recognised = layouts.recognise(table.headings, name)
    by_hand = decided or (known.columns if known else ())
    found = layouts.recognise(table.headings, name, by_hand) if by_hand else recognised
    everybody = recognised.everybody
    if agreed:
        everybody = layouts.AGREES
    elif agreed is False and everybody == layouts.AGREES:
        everybody = ""
    count, sample, cells = _look(table, found.columns)
    is_sure = found.is_sure and (bool(by_hand) or not _holds_addresses(found.columns, cells))
    columns = found.columns if is_sure or by_hand else _with_addresses(found.columns, cells)
    kinds = attributes.kinds()
    styles = {
        place: _style(column, cells[place], table.separator, kinds)
        for place, column in enumerate(columns)
        if column.target == ATTRIBUTE
    }
    return Plan(columns, recognised.origin, is_sure, everybody, table.separator, styles, count, sample)


def _look(
    table: tables.Table, columns: Sequence[Column]
) -> tuple[int, tuple[tuple[int, tuple[str, ...]], ...], dict[int, list[str]]]:
    cells: dict[int, list[str]] = {place: [] for place, column in enumerate(columns) if column.target == ATTRIBUTE}
    sample: list[tuple[int, tuple[str, ...]]] = []
    count = 0
    for line, row in table.rows:
        count += 1
        if len(sample) < SAMPLE_ROWS:
            sample.append((line, tuple(row)))
        if count <= LOOKED_AT:
            for place, seen in cells.items():
                if place < len(row) and row[place]:
                    seen.append(row[place])
    return count, tuple(sample), cells


def _style(column: Column, cells: Sequence[str], separator: str, kinds: Mapping[str, str]) -> values.Style:
    if kind := column.kind or kinds.get(column.attribute, ""):
        return values.style_for(kind, cells, separator)
    return values.guess(column.heading, cells, separator)


def _holds_addresses(columns: Sequence[Column], cells: Mapping[int, Sequence[str]]) -> bool:
    """Whether a column that nobody knows has addresses in it: that is for a person to decide."""
    return not any(column.target == "email" for column in columns) and any(map(_are_addresses, cells.values()))


def _are_addresses(cells: Sequence[str]) -> bool:
    return sum("@" in cell for cell in cells) * 2 > len(cells)


def _with_addresses(columns: tuple[Column, ...], cells: Mapping[int, Sequence[str]]) -> tuple[Column, ...]:
    """`columns` with the first one of addresses offered as the e-mail address."""
    if not _holds_addresses(columns, cells):
        return columns
    first = next(place for place, seen in cells.items() if _are_addresses(seen))
    return tuple(replace(column, target="email") if place == first else column for place, column in enumerate(columns))


def _unsure(plan: Plan) -> str:
    if not any(column.target in ("external_id", "email") for column in plan.columns):
        return _(
            "The first line must name the columns, and one of them must be external_id or email. Say which column is what, or "
            "add it and upload again."
        )
    return _("It is not sure what these columns are: %(names)s. Say which column is what.") % {
        "names": ", ".join(column.heading for column in plan.columns if column.target not in (ATTRIBUTE, SKIP))
    }


def remember(plan: Plan, by: User | None) -> None:
    """Keep what was decided, for the next file with the same headings."""
    kept = [{"heading": column.heading, "target": column.target, "kind": column.kind} for column in plan.columns]
    ImportMapping.objects.update_or_create(
        fingerprint=layouts.fingerprint([column.heading for column in plan.columns]),
        defaults={"columns": kept, "changed_by": by},
    )


def preview(plan: Plan) -> list[Outcome]:
    """What each of the first rows becomes."""
    reader = _Reader(plan)
    return [reader.outcome(line, cells) for line, cells in plan.sample]


# --- Bringing in -------------------------------------------------------------------------------------------------------


def _bring_in(file: BinaryIO, plan: Plan, source: str, report: FileReport) -> FileReport:
    report.origin, report.left_out = plan.origin, plan.left_out()
    for place, style in plan.styles.items():
        if plan.columns[place].kind or style.kind != values.Kind.TEXT:
            attributes.declare(plan.columns[place].attribute, style.kind)
    said = f"{source}: {plan.origin}" if plan.origin else source
    waiting: list[Closing] = []

    def to_contacts() -> Iterator[tuple[int, Any]]:
        for outcome in outcomes(file, plan):
            report.warn(outcome.line, outcome.warnings)
            if outcome.close is not None:
                waiting.append(outcome.close)
                if len(waiting) >= closing.BATCH:
                    closing.close(waiting, source=said, report=report.closing)
                    waiting.clear()
            else:
                yield outcome.line, Invalid(outcome.error) if outcome.error else outcome.contact

    contacts.upsert_numbered(to_contacts(), source=said, by_address=True, report=report)
    closing.close(waiting, source=said, report=report.closing)
    report.warnings.sort(key=lambda one: one.line)
    return report


def outcomes(file: BinaryIO, plan: Plan) -> Iterator[Outcome]:
    """Every row of the file by `plan`."""
    reader = _Reader(plan)
    for line, cells in tables.opened(file).rows:
        yield reader.outcome(line, cells)


class _Reader:
    """Reads rows by a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.width = len(plan.columns)
        has_id = any(column.target == "external_id" for column in plan.columns)
        # Of our own columns a missing id is a mistake; tools have people without the shop's id.
        self.needs_id = has_id and not plan.origin
        self.lengths = _padded_lengths() if has_id else frozenset()

    def outcome(self, line: int, cells: Sequence[str]) -> Outcome:
        try:
            return self._outcome(line, cells)
        except Invalid as error:
            return Outcome(line, error=error.message)

    def _outcome(self, line: int, cells: Sequence[str]) -> Outcome:
        if any(cells[self.width :]):
            raise Invalid(_("The line has more cells than the heading. Put texts with commas between quotation marks."))
        told: dict[str, list[str]] = {}
        for column, cell in zip(self.plan.columns, cells, strict=False):
            if column.target not in (SKIP, ATTRIBUTE) and (cell or column.target in layouts.STATES):
                told.setdefault(column.target, []).append(cell)
        verdict = layouts.verdict(told, self.plan.everybody)
        warnings = [
            _("“%(word)s” is no status we know: counted as no consent.") % {"word": word[:40]}
            for word in verdict.strange
        ]
        if verdict.reason:
            return Outcome(line, close=self._closing(told, verdict))
        row = self._contact(told, verdict, warnings)
        if found := self._attributes(cells):
            row["attributes"] = found
        return Outcome(line, contact=row, warnings=tuple(warnings))

    def _closing(self, told: Mapping[str, Sequence[str]], verdict: Verdict) -> Closing:
        address = next(iter(told.get("email", ())), "")
        if not address:
            raise Invalid(_("The row closes an address and names none."))
        return Closing(
            keys.EMAIL, keys.recipient_key(keys.EMAIL, bare_address(address)), verdict.reason, verdict.closed_at
        )

    def _contact(self, told: Mapping[str, Sequence[str]], verdict: Verdict, warnings: list[str]) -> dict[str, Any]:
        one = {name: cells[0] for name, cells in told.items() if cells[0]}
        row: dict[str, Any] = {
            name: one[name] for name in ("first_name", "last_name", "timezone", "market") if name in one
        }
        if "full_name" in one:
            first, _space, last = one["full_name"].partition(" ")
            row.setdefault("first_name", first)
            row.setdefault("last_name", last)
        if "external_id" in one:
            row["external_id"] = self._id(one["external_id"])
        elif self.needs_id:
            raise Invalid(_("“external_id” is missing: the id that your shop knows the customer by."))
        if "email" in one:
            row["email"] = bare_address(one["email"])
        if "locale" in one:
            row["locale"] = _locale(one["locale"])
        if "phone" in one:
            self._take(row, "phone", lambda: _phone(one["phone"]), warnings)
        row["consents"] = _consents(one.get("consents", ""), told, verdict)
        if row["consents"] and "consented_at" in one:
            self._take(row, "consented_at", lambda: _moment(one["consented_at"]), warnings)
        return row

    @staticmethod
    def _take(row: dict[str, Any], name: str, reader: Callable[[], Any], warnings: list[str]) -> None:
        try:
            row[name] = reader()
        except Invalid as error:
            warnings.append(error.message)

    def _id(self, cell: str) -> str:
        """The shop's id; raises `Invalid` when a spreadsheet has changed it: it would be another customer's."""
        if values.is_scientific(cell):
            raise Invalid(
                _(
                    "A spreadsheet turned external_id into %(cell)s: its digits are lost. Export again with the column as text."
                )
                % {"cell": cell[:20]}
            )
        name = cell.removesuffix(".0") if re.fullmatch(r"[0-9]+\.0", cell) else cell
        if self.lengths and name.isdecimal() and not Contact.objects.filter(external_id=name).exists():
            padded = [name.zfill(length) for length in self.lengths if length > len(name)]
            if known := Contact.objects.filter(external_id__in=padded).values_list("external_id", flat=True).first():
                raise Invalid(
                    _("The shop's id is %(known)s, not %(name)s: a spreadsheet took the zeros. Export again as text.")
                    % {"known": known, "name": name[:40]}
                )
        return name

    def _attributes(self, cells: Sequence[str]) -> dict[str, Any]:
        """Attributes as their kind; what cannot be read so stays the text that it is, and `rows` warns of it."""
        found: dict[str, Any] = {}
        for place, style in self.plan.styles.items():
            cell = cells[place] if place < len(cells) else ""
            if cell and (style.kind == values.Kind.TEXT or not values.says_nothing(cell)):
                value = values.read(cell, style)
                found[self.plan.columns[place].attribute] = cell if value is None else value
        return found


def bare_address(cell: str) -> str:
    """The address in a cell: without ``mailto:``, a name before it, quotation marks, or wide characters of an input method."""
    text = cell.translate(_WIDE).strip()
    if found := _NAMED_ADDRESS.match(text):
        text = found[1]
    text = re.sub(r"(?i)^mailto:", "", text.strip(_QUOTES + "<> ")).partition("?")[0]
    return text.strip(_QUOTES + "<>,; ")


def _locale(cell: str) -> str:
    """``en-US``, ``en_US.UTF-8`` and ``zh-Hans`` as codes."""
    return cell.partition(".")[0].replace("_", "-")


def _phone(cell: str) -> str:
    if values.is_scientific(cell):
        raise Invalid(
            _("A spreadsheet turned the phone number into %(cell)s, and its digits are lost.") % {"cell": cell[:20]}
        )
    return keys.written(keys.PHONE, cell)


def _moment(cell: str) -> str:
    found: datetime | None = layouts.moment(cell)
    if found is None:
        raise Invalid(_("“%(cell)s” is no date and time: the consent counts from now.") % {"cell": cell[:40]})
    return min(found, clock.now()).isoformat()


def _consents(cell: str, told: Mapping[str, Sequence[str]], verdict: Verdict) -> list[str]:
    """Channels agreed to. A status that says no outweighs the channels beside it."""
    channels = [name.casefold() for name in re.split(r"[\s,;|/]+", cell) if name]
    if "status" in told or "agrees" in told:
        return (
            [*dict.fromkeys([*channels, keys.EMAIL])]
            if verdict.agrees
            else [one for one in channels if one != keys.EMAIL]
        )
    return [*dict.fromkeys([*channels, keys.EMAIL])] if verdict.agrees else channels


def _padded_lengths() -> frozenset[int]:
    """How long the shop's ids are that begin with a zero, as far as a look at some tells."""
    some = Contact.objects.filter(external_id__startswith="0").values_list("external_id", flat=True)[:500]
    return frozenset(len(name) for name in some if name and name.isdecimal() and len(name) > 1)
