"""The table in docs/explanation/speed.md: ``python -m benchmarks --write`` puts a line in for each benchmark that was run."""

import statistics
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import frame

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "speed.md"
BEGIN, END = "<!-- table: written by python -m benchmarks --write -->", "<!-- end of table -->"
_HEAD = (
    "| benchmark | what | reference | ratio | spread | floor | ambition | ours | reference | load | measured |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def row(measured: frame.Measured) -> str:
    """One line of the table."""
    own = measured.benchmark
    assert measured.ratio is not None
    cells = [
        f"`{own.name}`",
        own.what,
        own.reference,
        f"**{measured.ratio:.2f}**{'' if measured.ok else ' (below)'}",
        f"{measured.spread or 0:.0%}",
        f"{own.floor:g}",
        "" if own.ambition is None else f"{own.ambition:g}",
        f"{frame.amount(statistics.median(measured.ours))} {own.unit}",
        f"{frame.amount(statistics.median(measured.references))} {own.unit}",
        f"{measured.load:.0%}",
        datetime.now(UTC).strftime("%Y-%m-%d"),
    ]
    return f"| {' | '.join(cells)} |"


def page(text: str, measured: frame.Measured, machine: str) -> str:
    """`text` with the line of `measured`; the lines of others stay."""
    before, _begin, rest = text.partition(BEGIN)
    old, _end, after = rest.partition(END)
    rows = {line.split("|")[1].strip(): line for line in old.splitlines() if line.startswith("| `")}
    rows[f"`{measured.benchmark.name}`"] = row(measured)
    table = "\n".join([*_HEAD, *(rows[name] for name in sorted(rows))])
    return f"{before}{BEGIN}\n\nThe machine: {machine}.\n\n{table}\n\n{END}{after}"


def write(measured: frame.Measured) -> None:
    """Put the line in, unless there is no figure."""
    if measured.ratio is not None:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), measured, frame.machine()), encoding="utf-8")
