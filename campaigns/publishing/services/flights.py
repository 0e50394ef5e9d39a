"""What is in the air: one delivery of a slice, the slice, and whom the provider tells."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.publishing.journal import Journal, Key
from campaigns.publishing.models import Delivery
from channels.base import Flight, Outcome
from core import disk, failpoints

CUT_AFTER = 0.7
"""A slice that is not through by then is cut: together with the transaction this stays below a second."""

stopping = threading.Event()
"""Set when this process was asked to end: no further slice begins, so that an orderly end leaves nothing in doubt."""


class TooLate(Exception):
    """Others were given what this worker was about to start."""


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery of a slice with what its message needs."""

    delivery_id: int
    seq: int
    recipient_key: str
    part_id: int
    number: int
    """Of the attempt, from 1."""
    deferrals: int
    address: str
    contact: Mapping[str, Any]
    closed: bool = False
    """The address must not be written to, as of when the row was read."""
    agreed: bool = True

    @classmethod
    def of(cls, delivery: Delivery) -> "Row":
        """Of one delivery, by itself."""
        contact, endpoint = delivery.contact, delivery.endpoint
        assert delivery.part_id is not None
        return cls(
            delivery_id=delivery.pk,
            seq=delivery.seq,
            recipient_key=delivery.recipient_key,
            part_id=delivery.part_id,
            number=delivery.attempts_made,
            deferrals=delivery.deferrals,
            address=endpoint.address if endpoint else "",
            contact={
                "first_name": contact.first_name if contact else "",
                "last_name": contact.last_name if contact else "",
                "locale": contact.locale if contact else "",
                "attributes": contact.attributes if contact else {},
            },
        )


@dataclass(slots=True)
class Slice:
    """Rows that the database knows as `attempting`, and what came of them."""

    rows: Sequence[Row]
    began_at: datetime
    began: float
    suspects: int | None = None
    """The rows were refused together with others, and one of those with this number is bad."""
    answers: dict[int, Outcome] = field(default_factory=dict)
    unstarted: list[Row] = field(default_factory=list)
    narrowed: frozenset[int] | None = None
    """The deliveries among which a bad one is, when the provider refused some of these together."""
    judged: bool = False
    """Its silence was told to the account already."""
    seconds: float = 0.0


class SliceFlight(Flight):
    """Tells the journal, and tells the provider when to stop."""

    def __init__(self, journal: Journal, rows: Mapping[str, Row], began: float) -> None:
        self.journal = journal
        self.rows = rows
        self.began = began
        self.begun: set[str] = set()
        self.told: set[str] = set()
        self.suspects: frozenset[str] | None = None
        self.lock = threading.RLock()
        """Held while anything is started, landed or set apart."""
        self.is_apart = False

    def started(self, refs: Sequence[str]) -> None:
        """Noted in the journal before this returns. Raises `TooLate` for what others were given meanwhile."""
        failpoints.reached("before_call")
        with self.lock:
            if self.is_apart and not self.begun.issuperset(refs):
                raise TooLate
            self.journal.started(self._keys(refs))
            self.begun.update(refs)
            self.told.difference_update(refs)
        failpoints.reached("in_flight")

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """Noted in the journal."""
        failpoints.reached("after_accept")
        self.told.update(outcome.ref for outcome in outcomes)
        self.journal.answered([(self.key(outcome.ref), outcome) for outcome in outcomes])
        failpoints.reached("answered")

    def unstarted(self, refs: Sequence[str]) -> None:
        """Noted in the journal: as if they had never been started."""
        with self.lock:
            self.begun.difference_update(refs)
            self.journal.unstarted(self._keys(refs))

    def refused_together(self, refs: Sequence[str]) -> None:
        """Noted in the journal: they count as never started, and as suspects."""
        with self.lock:
            self.begun.difference_update(refs)
            self.suspects = frozenset(refs)
            self.told.update(refs)
            self.journal.refused_together(self._keys(refs))

    def should_stop(self) -> bool:
        """True once this slice has taken too long, this process is to end, or there is no room to note what happens."""
        over = self.is_apart or stopping.is_set() or time.monotonic() - self.began > CUT_AFTER
        return over or disk.short()

    @property
    def is_unanswered(self) -> bool:
        """Whether nobody has said anything about any of it yet."""
        return not self.told and self.suspects is None

    def in_air(self) -> list[str]:
        """What was started and is not answered."""
        return [ref for ref in self.begun if ref not in self.told]

    def key(self, ref: str) -> Key:
        """What the journal calls the job."""
        row = self.rows[ref]
        return row.delivery_id, row.number

    def _keys(self, refs: Iterable[str]) -> list[Key]:
        return [self.key(ref) for ref in refs]
