"""Results as a CSV file that a spreadsheet opens without running anything in it."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
_FIGURES = (
    "uv",
    "pv",
    "clicks",
    "clicks_machine",
    "clicks_unsure",
    "opens",
    "opens_machine",
    "orders",
    "buyers",
    "gmv_minor",
    "refunds_minor",
    "net_minor",
    "unsubscribes",
)
LEFT_OUT = ("orders", "amount_minor")
"""Of another currency: what stands in no figure, in its own minor units."""


def safe(text: str) -> str:
    """`text` for a cell: a spreadsheet takes what begins with one of `FORMULA` for a formula, so it gets an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA) else text


def to_csv(numbers: dict[str, Any]) -> str:
    """`Results.as_dict()` (or a review's numbers) as CSV with a byte-order mark; money in minor units."""
    out = StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["section", "name", "metric", "value"])
    for section, name, metric, value in _rows(numbers):
        cell = safe(value) if isinstance(value, str) else value
        writer.writerow([section, safe(name), metric, cell])
    return out.getvalue()


def _rows(numbers: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    name = str(numbers["name"])
    for key in ("slug", "currency", "timezone", "first_day", "last_day", "as_of"):
        yield "campaign", name, key, numbers[key] or ""
    for key in ("audience", "redemptions", "redeeming_contacts", "buyers", "orders", "revenue_minor"):
        yield "whole audience", name, key, numbers[key]
    for key in _FIGURES:
        yield "attributed", name, key, numbers["attributed"][key]
    for kind, others in numbers.get("other_currencies", {}).items():
        for one in others:
            for key in ("orders", "amount_minor", "converted", "converted_minor"):
                yield (
                    f"other currencies, {kind}",
                    one["currency"],
                    f"left_out_{key}" if key in LEFT_OUT else key,
                    one[key],
                )
    for section in ("stages", "channels", "publications"):
        for row in numbers[section]:
            for key in _FIGURES:
                yield section, row["label"], key, row[key]
            for key, value in row["ledger"].items():
                yield section, row["label"], key, value
    for line in numbers["targets"]:
        place = " / ".join(filter(None, (line["stage"], line["channel"]))) or name
        yield "target", place, line["metric"], line["target"]
    for one in numbers["drivers"]:
        for key, value in one["parts"].items():
            yield "plan against actual", one["label"] or name, key, value
    for one in numbers["timeline"]:
        for key in ("uv", "pv", "clicks", "opens", "orders", "gmv_minor"):
            yield numbers["step"], one["start"], key, one[key]
