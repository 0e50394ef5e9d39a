"""Closed addresses from a file: what the former tool knows of people who are not to be written to."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from django.utils.translation import gettext as _

from campaigns.audiences import keys, layouts, tables
from campaigns.audiences.layouts import SKIP, Column
from campaigns.audiences.services import closing
from campaigns.audiences.services.closing import Closing, ClosingReport
from campaigns.audiences.services.files import Plan, bare_address, is_ndjson
from core.errors import Invalid


def close_addresses(name: str, file: BinaryIO, *, reason: str, source: str) -> ClosingReport:
    """Close the addresses of a file: a row's own status or reason decides, `reason` where the file has none.

    A column of addresses without any heading will do. Raises `Invalid` when there is no column with addresses.
    """
    if is_ndjson(name):
        return closing.close_lines(iter(file), source=source)
    table = tables.opened(file)
    plan = _closing_plan(name, table)
    report = ClosingReport()
    has_states = any(column.target in layouts.STATES for column in plan.columns) or plan.everybody in closing.TAKEN
    said = f"{source}: {plan.origin}" if plan.origin else source

    def found() -> Iterator[Closing]:
        for line, cells in chain(plan.sample, table.rows):
            try:
                one = _row_to_close(plan, cells, "" if has_states else reason)
            except Invalid as error:
                report.refuse(line, error.message)
                continue
            if one is None:
                report.passed += 1
            else:
                yield one

    return closing.close(found(), source=said, report=report)


def _closing_plan(name: str, table: tables.Table) -> Plan:
    found = layouts.recognise(table.headings, name)
    places = [place for place, heading in enumerate(table.headings) if "@" in heading]
    if places:
        columns = tuple(Column("", "email" if place == places[0] else SKIP) for place in range(len(table.headings)))
        return Plan(columns, "", True, "", table.separator, {}, 0, ((1, table.headings),))
    columns = layouts.with_hints(found.columns)
    if not any(column.target == "email" for column in columns):
        raise Invalid(
            _("No column of the file is called email. Name the column with the addresses so and upload again.")
        )
    everybody = found.everybody if found.everybody in closing.TAKEN else ""
    return Plan(columns, found.origin, True, everybody, table.separator, {}, 0, ())


def _row_to_close(plan: Plan, cells: Sequence[str], reason: str) -> Closing | None:
    told: dict[str, list[str]] = {}
    for column, cell in zip(plan.columns, cells, strict=False):
        if column.target != SKIP and (cell or column.target in layouts.STATES):
            told.setdefault(column.target, []).append(cell)
    address = bare_address(next(iter(told.get("email", ())), ""))
    if not address:
        raise Invalid(_("The row has no address."))
    verdict = layouts.verdict(told, plan.everybody or reason)
    if not verdict.reason:
        if verdict.strange:
            raise Invalid(_("“%(word)s” is no status we know.") % {"word": verdict.strange[0][:40]})
        return None
    return Closing(keys.EMAIL, keys.recipient_key(keys.EMAIL, address), verdict.reason, verdict.closed_at)
