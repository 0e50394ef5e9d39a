"""Ringing for the workers. A bell is a hint that carries ids: it may be lost, doubled or late, and a lost broker never
breaks the caller. The database is the queue.

The ringer is put in by `campaigns.publishing.tasks`, which alone knows Celery, when Django is ready.
"""

import logging
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

_ringer: Callable[[int], None] | None = None


def use(ringer: Callable[[int], None]) -> None:
    """Ring with this from now on."""
    global _ringer
    _ringer = ringer


def ring(run_ids: Sequence[int], times: int = 1) -> bool:
    """Tell workers that there is something to do for these runs; False when the broker did not take it."""
    if _ringer is None:
        log.warning("Nobody rings bells here; the scheduler does.")
        return False
    try:
        for run_id in run_ids:
            for _time in range(times):
                _ringer(run_id)
    except Exception as error:
        log.warning("The broker did not take a bell (%s); the scheduler rings again.", type(error).__name__)
        return False
    return True
