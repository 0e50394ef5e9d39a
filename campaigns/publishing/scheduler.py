"""One pass over everything of the ledger that is due. Idempotent; any number of processes may run it at once."""

import logging
import time
from collections.abc import Callable

from django.db import connection

from campaigns.publishing.services import events, sweeper
from core import failpoints

log = logging.getLogger(__name__)

STEPS: tuple[tuple[float, Callable[[], object]], ...] = (
    (0, sweeper.release_confirmed),
    (0, sweeper.hold_overdue),
    (0, sweeper.sweep_leases),
    (0, events.read),
    (0, sweeper.open_retries),
    (0, sweeper.finish_all),
    (0, sweeper.ring),
    (5, sweeper.settle_cancelled),
    (10, sweeper.fuse),
    (30, sweeper.unconfirm),
)
"""Seconds between two runs of a step, and the step; the order lets what one finds be used by the next."""

_last: dict[str, float] = {}


def tick() -> None:
    """One pass. A step that fails does not keep the others from their turn; the first failure is raised at the end."""
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
            log.exception("The step %s failed.", step.__name__)
            if not connection.in_atomic_block:
                connection.close()
            failure = failure or error
    if failure is not None:
        raise failure
