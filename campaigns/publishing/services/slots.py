"""The slots of one worker process: how many turns send at once, and whose turn it is.

A bulkhead: one account has at most a share of the slots, so that no other ever waits for it. Among those who wait, an account
with fewer slots comes before one with more, a run that has not had a turn before one that has, and a small one before a large
one. Who has a slot gives it up between two slices when somebody with a better claim waits, and after a while to anybody.

A turn that waits for a provider's answer steps aside: it has its thread, and no slot.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS = 8
SHARE = 4
"""Of one account."""
MOST_ASIDE = 6
"""So many turns of one account may wait for answers here; with more it gets no new one."""
THREADS = 64
"""A worker process needs: slots, and a thread for everybody who waits."""
SOON = 0.5
"""Seconds after which a turn gives way to somebody with a better claim; without, after `QUANTUM`."""
QUANTUM = 4.0
LONG_WAIT = 15.0
"""Who has waited for so long comes first, however large: nobody is starved by a stream of small runs."""
PATIENCE = 2.0
"""Seconds that a bell waits here for a slot before it is rung again: another process may have one."""


class Turn:
    """One worker thread's turn at one run."""

    def __init__(self, slots: "Slots", run_id: int, account_id: int, left: int, *, fresh: bool) -> None:
        self.slots = slots
        self.run_id = run_id
        self.account_id = account_id
        self.left = left
        """Rows still to be sent, roughly."""
        self.fresh = fresh
        """Nothing of the run was sent yet."""
        self.since = time.monotonic()
        self.inside = False
        self.aside = False
        self.may_ring = False
        """It got no slot, and another process may have one: ring again."""

    def step_aside(self) -> None:
        """Give up the slot and go on waiting; the thread stays."""
        self.slots.step_aside(self)

    def come_back(self, patience: float = PATIENCE) -> bool:
        """Take a slot again; False when there is none in time."""
        return not self.aside or self.slots.wait(self, patience)

    def should_yield(self) -> bool:
        """Whether somebody else should have the slot now."""
        return self.slots.should_yield(self)


class Slots:
    """At most `size` turns at once, at most `share` of them of one account."""

    def __init__(self, size: int = SLOTS, share: int = SHARE, most_aside: int = MOST_ASIDE) -> None:
        self.size = size
        self.share = share
        self.most_aside = most_aside
        self.of_account: Counter[int] = Counter()
        self.aside: Counter[int] = Counter()
        self.waiting: list[Turn] = []
        self.asked: dict[int, tuple[float, float]] = {}
        """When a run that still waits asked first and last, whichever bell asks now."""
        self._free = threading.Condition()

    @contextmanager
    def turn(
        self, run_id: int, account_id: int, left: int, *, fresh: bool, patience: float = PATIENCE
    ) -> Iterator[Turn]:
        """A turn while the block runs; not `inside` when there is no slot in time."""
        turn = Turn(self, run_id, account_id, left, fresh=fresh)
        try:
            self.wait(turn, patience)
            yield turn
        finally:
            self.leave(turn)

    def wait(self, turn: Turn, patience: float) -> bool:
        """Wait for a slot; False at once when the account waits for too many answers, or a turn of the run waits already."""
        until = time.monotonic() + patience
        with self._free:
            if not turn.aside and (
                self.aside[turn.account_id] >= self.most_aside
                or (not self._fits(turn) and any(other.run_id == turn.run_id for other in self.waiting))
            ):
                return False
            turn.since = self._ask(turn.run_id)
            self.waiting.append(turn)
            try:
                while not (self._fits(turn) and self._first() is turn):
                    left = until - time.monotonic()
                    if left <= 0:
                        turn.may_ring = True
                        return False
                    self._free.wait(left)
                self._enter(turn)
                return True
            finally:
                self.waiting.remove(turn)
                self._free.notify_all()

    def _enter(self, turn: Turn) -> None:
        turn.since = time.monotonic()
        self.asked.pop(turn.run_id, None)
        self.of_account[turn.account_id] += 1
        turn.inside = True
        if turn.aside:
            turn.aside = False
            self.aside[turn.account_id] -= 1

    def _ask(self, run_id: int) -> float:
        """Since when the run waits. Runs that asked and came no more (paused, served elsewhere) are forgotten."""
        now = time.monotonic()
        self.asked = {run: (first, last) for run, (first, last) in self.asked.items() if now - last < LONG_WAIT}
        first, _last = self.asked.get(run_id, (now, now))
        self.asked[run_id] = first, now
        return first

    def step_aside(self, turn: Turn) -> None:
        """Give up the slot, but be counted as one who waits for an answer."""
        with self._free:
            if turn.inside:
                self._give_up(turn)
                turn.aside = True
                self.aside[turn.account_id] += 1

    def leave(self, turn: Turn) -> None:
        """The turn is over."""
        with self._free:
            if turn.inside:
                self._give_up(turn)
            if turn.aside:
                turn.aside = False
                self.aside[turn.account_id] -= 1

    def _give_up(self, turn: Turn) -> None:
        turn.inside = False
        self.of_account[turn.account_id] -= 1
        self._free.notify_all()

    def should_yield(self, turn: Turn) -> bool:
        """Whether a turn inside should end for the sake of one that waits and would get its slot."""
        held = time.monotonic() - turn.since
        with self._free:
            if not self.waiting or held < SOON:
                return False
            mine = self.of_account[turn.account_id]
            for other in self.waiting:
                same = other.account_id == turn.account_id
                if not same and self.of_account[other.account_id] >= self.share:
                    continue
                if other.run_id == turn.run_id:
                    continue
                if held >= QUANTUM:
                    return True
                theirs = self.of_account[other.account_id] + 1
                if theirs < mine or (theirs <= mine + same and self._claim(other) < _size(turn)):
                    return True
        return False

    def _fits(self, turn: Turn) -> bool:
        return self.of_account.total() < self.size and self.of_account[turn.account_id] < self.share

    def _first(self) -> Turn | None:
        able = [turn for turn in self.waiting if self._fits(turn)]
        return min(
            able, key=lambda turn: (self.of_account[turn.account_id], *self._claim(turn), turn.since), default=None
        )

    def _claim(self, turn: Turn) -> tuple[bool, int]:
        """Of one that waits: the lower, the better."""
        return (False, 0) if time.monotonic() - turn.since > LONG_WAIT else _size(turn)


def _size(turn: Turn) -> tuple[bool, int]:
    """What has not begun comes first, then the smaller. Sizes are compared by their order of magnitude."""
    return not turn.fresh, turn.left.bit_length()


slots = Slots()
"""Of this process."""
