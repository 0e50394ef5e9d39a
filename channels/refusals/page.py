"""The table as it stands in docs/explanation/refusals.md: ``python -m channels.refusals.page`` writes it anew."""

from pathlib import Path

from channels.refusals import table
from channels.refusals.table import Fault, Rule

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "refusals.md"
BEGIN, END = "<!-- table: written by channels.refusals.page -->", "<!-- end of table -->"


def rendered() -> str:
    """Codes, words and sources as Markdown."""
    lines = ["### By code", "", "| code | fault | closes | meaning | source |", "|---|---|---|---|---|"]
    for rule in table.codes():
        lines.append(f"| `X.{rule.code}` | {rule.fault} | {_closes(rule)} | {rule.meaning} | {rule.source} |")
    lines += ["", "### By code and words", "", "| code | words | fault | closes | source |", "|---|---|---|---|---|"]
    for rule in table.pairs():
        lines.append(f"| `X.{rule.code}` | {rule.words} | {rule.fault} | {_closes(rule)} | {rule.source} |")
    lines += ["", "### By words"]
    for fault in (Fault.ACCOUNT, Fault.POLICY, Fault.PROVIDER, Fault.MAILBOX, Fault.MESSAGE):
        for closes in (True, False) if fault == Fault.MAILBOX else (False,):
            rules = [rule for rule in table.words() if rule.fault == fault and rule.closes == closes]
            said = " · ".join(f"{rule.words} ({rule.source})" for rule in rules)
            lines += ["", f"**{fault}{', closes' if closes else ''}**: {said}"]
    lines += ["", "### Sources", "", "| name here | what | read or of |", "|---|---|---|"]
    for source in table.sources().values():
        lines.append(f"| {source.id} | [{source.name}]({source.where}) | {source.date.isoformat()} |")
    return "\n".join(lines)


def _closes(rule: Rule) -> str:
    return "yes" if rule.closes else ""


def page(text: str) -> str:
    """`text` with the table as it is now."""
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rendered()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
