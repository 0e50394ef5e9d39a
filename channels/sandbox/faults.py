"""What shall go wrong, and how often: set through the control address, used up by the servers.

A fault is a JSON object:

service      smtp, sendgrid, x or fcm
times        how often (1); -1 is always
after        how many calls or messages pass unharmed before it (0)
match        only where the recipient or the path holds this text
stage        SMTP only: connect, ehlo, auth, mail, rcpt, data or message (the answer after the final dot; the default)
status       answer with this HTTP status or SMTP code instead; nothing is recorded
message      the words of that answer
retry_after  seconds, as the Retry-After header (HTTP)
delay        seconds to wait before the answer; without `status` the message is recorded first
close        read everything, then close without an answer
record       with `close`: whether the message is recorded as arrived (true)
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "message")


@dataclass
class Fault:
    """One thing that shall go wrong."""

    service: str
    times: int = 1
    after: int = 0
    match: str = ""
    stage: str = ""
    status: int = 0
    message: str = ""
    retry_after: int | None = None
    delay: float = 0.0
    close: bool = False
    record: bool = True


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
        if given.get("service") not in {"smtp", "sendgrid", "x", "fcm"}:
            raise ValueError("service must be smtp, sendgrid, x or fcm")
        fault = Fault(**given)
        if not (fault.status or fault.close or fault.delay):
            raise ValueError("say what goes wrong: status, close or delay")
        if fault.service == "smtp":
            fault.stage = fault.stage or "message"
            if fault.stage not in STAGES:
                raise ValueError(f"stage must be one of {', '.join(STAGES)}")
        self._faults.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._faults.clear()

    def left(self) -> list[dict[str, Any]]:
        """What is still to come."""
        return [asdict(fault) for fault in self._faults]

    def take(self, service: str, stage: str = "", about: bytes = b"") -> Fault | None:
        """The fault that hits this call, used up by one; `stage` is a path where HTTP is spoken."""
        self.calls[f"smtp:{stage}" if service == "smtp" else stage] += 1
        if not self._faults:
            return None
        words = f"{stage} {about.decode('utf-8', 'replace')}"
        for fault in self._faults:
            if fault.service != service or (fault.stage or stage) != stage or fault.match not in words:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
            return fault
        return None
