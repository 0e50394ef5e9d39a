"""What this room does by itself: inboxes of reports are emptied once a minute.

In a thread of its own, because an inbox that hangs must not keep what is due from being sent.
"""

import threading
import time

from django.db import close_old_connections, connection

from channels.services import reports

EVERY = 60.0

_last = -EVERY
_busy = threading.Lock()


def tick() -> None:
    """Begin another round if the last one is through and a minute old."""
    global _last
    if time.monotonic() - _last < EVERY or not _busy.acquire(blocking=False):
        return
    _last = time.monotonic()
    threading.Thread(target=_round, name="almanac-reports", daemon=True).start()


def _round() -> None:
    try:
        close_old_connections()
        reports.poll_all()
    finally:
        connection.close()
        _busy.release()
