"""What shall go wrong, where and how often: set through the control address, used up by the servers.

A fault is a JSON object:

where        an SMTP stage (connect, ehlo, auth, mail, rcpt, data, dot: the answer after the message) as ``smtp:rcpt``, or the
             path of an API call. In short: ``smtp`` (smtp:dot), ``sendgrid``, ``x``, ``fcm`` (the calls that send)
times        how often (1); -1 is always
skip         how many calls pass unharmed before it (0)
match        only where the recipient or the request holds this text
status       answer with this HTTP status or SMTP code instead; nothing is recorded
text         the words of that answer
headers      and its headers (HTTP)
retry_after  seconds, as the Retry-After header (HTTP)
delay        seconds to wait before the answer; without `status` the message is recorded first
lost         read everything, then close without an answer
record       with `lost`: whether the message is recorded as arrived (true)
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

SHORT = {"smtp": "smtp:dot", "sendgrid": "/v3/mail/send", "x": "/2/tweets", "fcm": "/v1/projects/"}
STAGES = frozenset({"connect", "ehlo", "auth", "mail", "rcpt", "data", "dot"})


@dataclass
class Fault:
    """One thing that shall go wrong."""

    where: str
    times: int = 1
    skip: int = 0
    match: str = ""
    status: int = 0
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None
    delay: float = 0.0
    lost: bool = False
    record: bool = True

    def hits(self, where: str, about: str) -> bool:
        """Whether a call at `where` is meant; a path that ends in a slash means everything under it."""
        there = where.startswith(self.where) if self.where.endswith("/") else where == self.where
        return there and self.match in about


class Faults:
    """The faults that are still to come, in the order they were set, and how often each place was called."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.calls: Counter[str] = Counter()

    def add(self, given: Mapping[str, Any]) -> None:
        """Set one; raises `ValueError` for what makes no sense."""
        known = {field.name for field in fields(Fault)}
        if unknown := set(given) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        where = SHORT.get(given["where"], given["where"])
        service, _, stage = where.partition(":")
        if not where.startswith("/") and not (service == "smtp" and stage in STAGES):
            raise ValueError("where must be a path, smtp:<stage>, or one of smtp, sendgrid, x, fcm")
        fault = Fault(**{**given, "where": where})
        if not (fault.status or fault.lost or fault.delay):
            raise ValueError("say what goes wrong: status, lost or delay")
        self._faults.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._faults.clear()

    def left(self) -> list[dict[str, Any]]:
        """What is still to come."""
        return [asdict(fault) for fault in self._faults]

    def take(self, where: str, about: bytes = b"") -> Fault | None:
        """The fault that hits this call, used up by one."""
        self.calls[where] += 1
        if not self._faults:
            return None
        words = about.decode("utf-8", "replace")
        for fault in self._faults:
            if not fault.hits(where, words):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
            return fault
        return None
