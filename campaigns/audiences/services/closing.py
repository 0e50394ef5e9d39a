"""Closing many addresses at once: the people whom the former tool no longer wrote to.

Works for addresses that are nobody's contact yet, by their keyed hash alone; a contact who comes later finds the address
closed. Told again, nothing changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from campaigns.audiences import keys, layouts
from campaigns.audiences.models import MARKETING, Consent, Contact, Suppression
from campaigns.audiences.services import consents, rows, suppressions
from campaigns.audiences.services.contacts import MOST_LINE_BYTES, RowError
from core import bulk, clock
from core.errors import Invalid

BATCH = 500
FIELDS = frozenset({"email", "address", "channel", "reason", "occurred_at"})
Reason = Suppression.Reason
TAKEN = (Reason.UNSUBSCRIBED, Reason.BOUNCED, Reason.COMPLAINED, Reason.MANUAL)
"""Reasons a file may give. An erasure happens here and is nobody else's to say."""


@dataclass(frozen=True, slots=True)
class Closing:
    """An address to close, and when the person said so, if that is known."""

    channel: str
    key: str
    reason: str
    occurred_at: datetime | None = None

    @property
    def purpose(self) -> str:
        """A withdrawal or complaint is about marketing; a dead address is dead for everything."""
        return MARKETING if self.reason in (Reason.UNSUBSCRIBED, Reason.COMPLAINED) else ""


@dataclass(slots=True)
class ClosingReport:
    """What became of the rows; their sum is the number of rows.

    closed        closed now
    known         closed before
    agreed_later  unsubscribed there, and agreed here at a later time: stays open
    passed        rows that say of their person that she may be written to
    """

    closed: int = 0
    known: int = 0
    agreed_later: int = 0
    passed: int = 0
    refused: int = 0
    withdrawn: int = 0
    errors: list[RowError] = field(default_factory=list)

    def refuse(self, line: int, message: str) -> None:
        """Note a row that was left out."""
        self.refused += 1
        self.errors.append(RowError(line, message))


def close(closings: Iterable[Closing], *, source: str, report: ClosingReport | None = None) -> ClosingReport:
    """Close addresses, committed in batches; contacts behind them agree no longer, and `source` stands in the proof."""
    report = report or ClosingReport()
    waiting = iter(closings)
    while batch := list(islice(waiting, BATCH)):
        with bulk.turn():
            _close(batch, source, report)
    return report


def close_lines(lines: Iterable[bytes], *, source: str) -> ClosingReport:
    """`close` for lines of NDJSON; see `FIELDS`. A line that cannot be read is refused and stops no other."""
    report = ClosingReport()
    return close(_of_lines(lines, report), source=source, report=report)


def _of_lines(lines: Iterable[bytes], report: ClosingReport) -> Iterator[Closing]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if len(line) > MOST_LINE_BYTES:
                raise Invalid(_("The line is longer than 64 KB."))
            yield read(rows.read_line(line))
        except Invalid as error:
            report.refuse(number, error.message)


def read(data: Any) -> Closing:
    """What one row means; raises `Invalid`."""
    if not isinstance(data, Mapping):
        raise Invalid(
            _("A closed address is an object such as {“email”: “ann@example.com”, “reason”: “unsubscribed”}.")
        )
    if strange := data.keys() - FIELDS:
        raise Invalid(_("Unknown field: %(names)s.") % {"names": ", ".join(sorted(str(one)[:40] for one in strange))})
    channel = data.get("channel") or keys.EMAIL
    address = data.get("email") if "email" in data else data.get("address")
    if not isinstance(address, str) or not address.strip() or channel not in (keys.EMAIL, keys.PUSH):
        raise Invalid(_("A row needs “email”, or “address” and “channel” (email or push)."))
    return Closing(channel, keys.recipient_key(channel, address), reason_of(data.get("reason")), _moment(data))


def reason_of(word: Any) -> str:
    """Our reason for a word of another tool's (``cleaned``, ``SPAM_COMPLAINT``); unsubscribed when there is none."""
    if word is None or word == "":
        return Reason.UNSUBSCRIBED.value
    found = layouts.state(word) if isinstance(word, str) else ""
    if found not in TAKEN:
        raise Invalid(
            _("“%(word)s” is no reason to close an address. There are: %(known)s.")
            % {"word": str(word)[:40], "known": ", ".join(TAKEN)}
        )
    return str(found)


def _moment(data: Mapping[str, Any]) -> datetime | None:
    given = data.get("occurred_at")
    if not given:
        return None
    found = layouts.moment(given) if isinstance(given, str) else None
    if found is None:
        raise Invalid(_("“occurred_at” must be a date and time such as 2026-11-01T10:00:00Z."))
    return found


def _close(batch: Sequence[Closing], source: str, report: ClosingReport) -> None:
    agreed = _agreed([one.key for one in batch])
    wanted: dict[tuple[str, str], Closing] = {}
    for one in batch:
        latest = max((at for _contact, channel, at in agreed.get(one.key, ()) if channel == one.channel), default=None)
        if one.reason == Reason.UNSUBSCRIBED and one.occurred_at and latest and latest > one.occurred_at:
            report.agreed_later += 1
            continue
        earlier = wanted.get((one.key, one.purpose))
        report.known += earlier is not None
        if earlier is None or TAKEN.index(Reason(one.reason)) > TAKEN.index(Reason(earlier.reason)):
            wanted[one.key, one.purpose] = one
    there = _there(wanted)
    new = {place: one for place, one in wanted.items() if place not in there}
    bulk.insert(
        Suppression,
        ("recipient_key", "channel", "purpose", "brand", "reason", "source", "created_at"),
        ((one.key, one.channel, one.purpose, "", one.reason, source[:200], clock.now()) for one in new.values()),
        unique=("recipient_key", "purpose", "brand"),
    )
    for place, one in wanted.items():
        if place in there and there[place] != one.reason:
            suppressions.suppress(one.key, one.channel, one.reason, one.purpose, source=source[:200])
    report.closed += len(new)
    report.known += len(wanted) - len(new)
    report.withdrawn += _withdraw(wanted.values(), agreed, source)


def _there(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    names = {key for key, _purpose in wanted}
    found = Suppression.objects.filter(recipient_key__in=names, brand="").values_list(
        "recipient_key", "purpose", "reason"
    )
    return {(key, purpose): reason for key, purpose, reason in found}


def _agreed(names: Sequence[str]) -> dict[str, list[tuple[int, str, datetime]]]:
    """Who agrees now behind each address: contact, channel, since when."""
    found: dict[str, list[tuple[int, str, datetime]]] = {}
    granted = Consent.objects.filter(
        contact__endpoints__recipient_key__in=names, purpose=MARKETING, brand="", granted=True
    ).values_list("contact__endpoints__recipient_key", "contact_id", "channel", "changed_at")
    for key, contact, channel, at in granted:
        found.setdefault(key, []).append((contact, channel, at))
    return found


def _withdraw(closed: Iterable[Closing], agreed: Mapping[str, Sequence[tuple[int, str, datetime]]], source: str) -> int:
    """A dead address is no withdrawal; everything else is."""
    count = 0
    for one in closed:
        for contact, channel, _at in agreed.get(one.key, ()) if one.reason != Reason.BOUNCED else ():
            if channel == one.channel:
                count += consents.withdraw(Contact.objects.get(pk=contact), channel, source)
    return count
