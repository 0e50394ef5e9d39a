"""What the shared ground does by itself: outgoing webhooks are sent as they fall due, and what nobody needs is forgotten.

Webhooks in a thread of their own, because an address that hangs must not keep what is due from being sent.
"""

import logging
import threading
import time

from django.db import close_old_connections, connection

from core import db, retention, webhooks

log = logging.getLogger(__name__)
PRUNE_EVERY = 3600.0

_busy = threading.Lock()
_pruned = -PRUNE_EVERY


def tick() -> None:
    """Begin another round of webhooks if the last one is through; then forget."""
    if _busy.acquire(blocking=False):
        threading.Thread(target=_round, name="almanac-webhooks", daemon=True).start()
    retention.tick()


def _round() -> None:
    global _pruned
    try:
        close_old_connections()
        webhooks.send_due()
        if time.monotonic() - _pruned > PRUNE_EVERY:
            _pruned = time.monotonic()
            webhooks.prune()
    except Exception as error:
        if not db.passes(error):
            log.exception("A round of outgoing webhooks failed.")
    finally:
        connection.close()
        _busy.release()
