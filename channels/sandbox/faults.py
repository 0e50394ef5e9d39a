"""What goes wrong on purpose: the next calls at a place are refused, delayed, or end without an answer."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Fault:
    """One rule.

    where    an SMTP stage (connect, ehlo, auth, mail, rcpt, data, dot) as ``smtp:dot``, or the path of an API call
    times    how often it happens; -1: always
    status   the code that is answered instead; 0: the ordinary answer, after `delay`
    lost     the message is taken and kept, and then the connection closes without an answer
    skip     how many calls pass before it begins
    match    only calls whose recipient or body holds this text
    """

    where: str
    times: int = 1
    status: int = 0
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    lost: bool = False
    skip: int = 0
    match: str = ""


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self.calls: dict[str, int] = {}

    def add(self, where: str, **rule: Any) -> None:
        """Add a rule; see `Fault`."""
        with self._lock:
            self._rules.append(Fault(where, **rule))

    def clear(self) -> None:
        """Everything goes well again."""
        with self._lock:
            self._rules.clear()

    def take(self, where: str, said: str = "") -> Fault | None:
        """The fault that hits this call, used up by it."""
        self.calls[where] = self.calls.get(where, 0) + 1
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.where != where or rule.times == 0 or rule.match not in said:
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.times -= 1 if rule.times > 0 else 0
                return rule
        return None
