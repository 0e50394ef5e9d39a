"""What sending learns about an account: fine, waiting for the provider, or in need of a person."""

from datetime import datetime, timedelta

from channels.models import ChannelAccount
from core import clock

PROBE_AFTER = timedelta(seconds=60)
"""A broken account is tried again so often, with one message, so that mending it is all a person has to do."""
WAIT_WITHOUT_WORD = timedelta(seconds=30)

Health = ChannelAccount.Health


def waiting(account_id: int, until: datetime | None, detail: str) -> datetime:
    """The service is down or throttles: nothing goes out over this account before `until`, which is returned."""
    until = clock.ledger_time(until) if until else clock.ledger_now() + WAIT_WITHOUT_WORD
    ChannelAccount.objects.filter(pk=account_id).update(
        health=Health.WAITING, blocked_until=until, last_error=detail[:500]
    )
    return until


def broken(account_id: int, detail: str) -> datetime:
    """Credentials or settings are wrong: a person has to mend them. Returns when it is tried again."""
    until = clock.ledger_now() + PROBE_AFTER
    ChannelAccount.objects.filter(pk=account_id).update(
        health=Health.FIX_SETTINGS, blocked_until=until, last_error=detail[:500]
    )
    return until


def fine(account_id: int) -> None:
    """It works (again)."""
    ChannelAccount.objects.filter(pk=account_id).exclude(health=Health.OK).update(
        health=Health.OK, blocked_until=None, last_error=""
    )
