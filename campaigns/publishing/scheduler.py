"""One pass over everything of the ledger that is due. Idempotent; any number of processes may run it at once."""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import connection

from campaigns.publishing.services import closings, events, evidence, sweeper
from core import clock, db, disk, failpoints, machine, steady

log = logging.getLogger(__name__)

HELD_UP = 5.0
"""Seconds between two passes that mean that this process was held up, and others on this machine with it."""


class Watch:
    """Watches the clock that leases and schedules go by, from one pass to the next.

    A lease that ran out says that its holder is gone only if it could have been renewed: not after a pass that came late
    (a locked database, a machine that slept) and not after the clock leapt. Its holder gets the time of one lease then.
    """

    def __init__(self) -> None:
        self._last: tuple[float, datetime] | None = None
        self._patient_until = 0.0

    def look(self) -> None:
        """Compare the ledger's clock with the uptime."""
        up, now = machine.uptime(), clock.ledger_now()
        last, self._last = self._last, (up, now)
        if last is None:
            return
        leap = (now - last[1]).total_seconds() - (up - last[0])
        if abs(leap) > HELD_UP or up - last[0] > HELD_UP:
            self._patient_until = up + settings.ALMANAC_LEASE_SECONDS
        if leap > steady.BELIEVED:
            log.error("The ledger's clock leapt by %d s; what came due by that is held.", leap)
            sweeper.hold_leapt(last[1], now)

    def sweep(self) -> None:
        """Take back what nobody holds any more."""
        sweeper.sweep_leases(expired=machine.uptime() >= self._patient_until)


watch = Watch()

STEPS: tuple[tuple[float, Callable[[], object]], ...] = (
    (0, watch.look),
    (0, sweeper.release_confirmed),
    (2, sweeper.release_resolved),
    (0, sweeper.hold_overdue),
    (0, watch.sweep),
    (0, events.read),
    (0, sweeper.open_retries),
    (0, sweeper.finish_all),
    (0, sweeper.ring),
    (5, sweeper.settle_cancelled),
    (10, sweeper.fuse),
    (10, closings.close_due),
    (10, evidence.from_duplicates),
    (10, evidence.begin_reading_back),
    (30, sweeper.unconfirm),
    (60, clock.keep),
)
"""Seconds between two runs of a step, and the step; the order lets what one finds be used by the next."""

_last: dict[str, float] = {}


def tick() -> None:
    """One pass. A step that fails does not keep the others from their turn; the first failure is raised at the end.

    A database that is busy, or without room, is no failure: the next pass comes in a second.
    """
    failure: Exception | None = None
    for pause, step in STEPS:
        now = time.monotonic()
        if pause and now - _last.get(step.__name__, -pause) < pause:
            continue
        _last[step.__name__] = now
        try:
            failpoints.reached(step.__name__)
            step()
        except Exception as error:
            if not connection.in_atomic_block:
                connection.close()
            if db.passes(error):
                disk.note(error)
                log.info("The step %s waits for the next pass: %s", step.__name__, type(error).__name__)
                continue
            log.exception("The step %s failed.", step.__name__)
            failure = failure or error
    if failure is not None:
        raise failure
