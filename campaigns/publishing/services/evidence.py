"""Evidence of what became of a post in doubt: what another one was told, and what the account shows."""

import logging
import threading
import time

from django.db import close_old_connections, connection
from django.db.models import QuerySet

from campaigns.publishing.models import Attempt, Delivery
from campaigns.publishing.services import doubts, likeness
from campaigns.publishing.services.weighing import DUPLICATE
from campaigns.publishing.states import DELIVERY, DeliveryState
from channels import registry
from channels.base import Channel, Provider, Result
from core import clock

log = logging.getLogger(__name__)

MOST = 200
QUESTIONS = (30.0, 300.0, 3600.0)
"""Seconds after a post fell into doubt (as this process sees it) at which the account's own posts are read back."""

_doubted: dict[int, tuple[float, int]] = {}
"""Of posts in doubt: since when this process has known of it (monotonic), and how often it has asked."""
_reading = threading.Lock()


def from_duplicates() -> int:
    """Posts in doubt that the provider has: it refused the same text on the same account afterwards. Returns how many.

    X answers 403 “duplicate content” to a text that it shows already. That is about this post only if no other one of ours
    with these words may stand on the account.
    """
    proven = 0
    for doubt in _posts_in_doubt()[:MOST]:
        if _was_refused_as_duplicate(doubt) and likeness.stands_alone(doubt):
            row = Delivery.objects.filter(pk=doubt.pk)
            proven += DELIVERY.move_all(row, "prove_accepted", reason="duplicate", changed_at=clock.ledger_now())
    return proven


def from_reading_back() -> int:
    """Posts in doubt that stand among the account's own, where the provider can be asked (X). Returns how many.

    Each is asked about three times in an hour, for reading costs the shop of its allowance. That it is not found proves
    nothing.
    """
    now = time.monotonic()
    waiting = list(_posts_in_doubt().filter(state=DeliveryState.UNKNOWN)[:MOST])
    for pk in _doubted.keys() - {doubt.pk for doubt in waiting}:
        del _doubted[pk]
    due = []
    for doubt in waiting:
        since, times = _doubted.setdefault(doubt.pk, (now, 0))
        if times < len(QUESTIONS) and now >= since + QUESTIONS[times] and _can_be_asked(doubt):
            _doubted[doubt.pk] = (since, times + 1)
            due.append(doubt)
    return sum(doubts.look_up(doubt) for doubt in due if likeness.stands_alone(doubt))


def begin_reading_back() -> None:
    """The same in a thread of its own: a provider that hangs must not keep what is due from being sent."""
    if _reading.acquire(blocking=False):
        threading.Thread(target=_read_back, name="almanac-evidence", daemon=True).start()


def _read_back() -> None:
    try:
        close_old_connections()
        from_reading_back()
    except Exception:
        log.exception("Posts in doubt could not be read back.")
    finally:
        connection.close()
        _reading.release()


def _posts_in_doubt() -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(
        state__in=[DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED],
        publication__channel=Channel.SOCIAL,
        part__isnull=False,
    )
    return rows.select_related("publication__account", "contact", "endpoint").order_by("pk")


def _can_be_asked(doubt: Delivery) -> bool:
    account = doubt.publication.account
    return account is not None and registry.provider_class(account.provider).look_up is not Provider.look_up


def _was_refused_as_duplicate(doubt: Delivery) -> bool:
    first = doubt.attempts.order_by("number").first()
    if first is None:
        return False
    later = Attempt.objects.filter(
        delivery__publication__account=doubt.publication.account_id,
        delivery__publication__channel=Channel.SOCIAL,
        code=DUPLICATE,
        outcome=Result.REJECTED,
        started_at__gt=first.started_at,
    ).select_related("delivery")
    return any(likeness.are_alike(doubt, attempt.delivery) for attempt in later[:MOST])
