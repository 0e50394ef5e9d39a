"""The provider's record against the ledger: every row on either side has to be explained by the other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.faults.harness.record import Taken

DOUBT = ("unknown", "unconfirmed")


def unexplained(
    taken: Iterable[Taken], rows: Sequence[Mapping[str, Any]], *, twice_allowed: Iterable[str] = ()
) -> list[str]:
    """Sentences about what does not fit; empty when all does.

    Twice: a message that was taken more than once, unless its reference is in `twice_allowed`. Lost: the ledger says
    accepted and nothing was taken. Hidden: it was taken and the ledger does not say so, nor that it is in doubt.
    """
    copies = Counter(one.ref for one in taken)
    known = {row["ref"]: row for row in rows}
    allowed = set(twice_allowed)
    found = [f"{ref} was taken {times} times" for ref, times in copies.items() if times > 1 and ref not in allowed]
    found += [
        f"{ref or 'a message without reference'} was taken and nobody sent it" for ref in copies if ref not in known
    ]
    for ref, row in known.items():
        if row["state"] == "accepted" and not copies[ref]:
            found.append(f"{ref} is accepted and nothing was taken")
        elif copies[ref] and row["state"] not in {"accepted", *DOUBT}:
            found.append(f"{ref} was taken and is {row['state']} ({row['reason']})")
        elif row["state"] in {"attempting", "claimed"}:
            found.append(f"{ref} is still {row['state']}")
    return found


def in_doubt(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of which nobody knows."""
    return [row for row in rows if row["state"] in DOUBT]


def check(place: Any, *fakes: Any, publication: str = "") -> dict[str, Any]:
    """The end of every test: record against ledger, then the audit. Returns the publication's state."""
    taken = [one for fake in fakes for one in fake.record.read()]
    rows = place.do("ledger")
    assert unexplained(taken, rows) == []
    assert place.do("audit") == []
    if publication or len(place.do("states")) == 1:
        found: dict[str, Any] = place.state(publication)
        return found
    return {}
