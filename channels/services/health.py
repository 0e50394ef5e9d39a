"""How an account fares, as the last calls showed it. What is said here holds back the account's next sends.

The one writer of `health`, `blocked_until` and `last_error`. Every function is one conditional update, safe in any number of
processes at once. An account that is not `ok` is tried with one message by one worker: whoever wins `take_probe`.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q

from channels.models import ChannelAccount
from core import clock

Health = ChannelAccount.Health

WAIT_WITHOUT_WORD = timedelta(seconds=30)
"""A provider that asks for patience and does not say for how long."""
PROBE_BROKEN_AFTER = timedelta(seconds=60)
"""A broken account is tried again so often, with one message, so that mending it is all a person has to do."""
FIRST_SILENCE = timedelta(seconds=40)
LONGEST_SILENCE = timedelta(minutes=15)
PROBE_HOLDS = timedelta(seconds=60)
"""So long nobody else tries while one worker does; it may die at it."""


def silence_after(strikes: int) -> timedelta:
    """How long an account rests that was found silent so many times in a row: doubling from 40 s to 15 min."""
    return min(FIRST_SILENCE * 2 ** min(max(strikes - 1, 0), 10), LONGEST_SILENCE)


def fine(account_id: int) -> bool:
    """It works (again); True when that is news."""
    news = ChannelAccount.objects.filter(pk=account_id).exclude(
        health=Health.OK, blocked_until=None, strikes=0, unanswered=0
    )
    return bool(news.update(health=Health.OK, blocked_until=None, last_error="", strikes=0, unanswered=0))


def waiting(account_id: int, until: datetime | None, detail: str) -> datetime:
    """The service is down or throttles: nothing goes out over this account before `until`, which is returned."""
    until = clock.ledger_time(until) if until else clock.ledger_now() + WAIT_WITHOUT_WORD
    _put(account_id, Health.WAITING, until, detail)
    return until


def broken(account_id: int, detail: str) -> datetime:
    """Credentials or settings are wrong: a person has to mend them. Returns when it is tried again."""
    until = clock.ledger_now() + PROBE_BROKEN_AFTER
    _put(account_id, Health.FIX_SETTINGS, until, detail)
    return until


def silent(account_id: int, detail: str, *, by_probe: bool = False) -> datetime:
    """No answers come, and what was sent may have arrived: the account rests, ever longer. Returns until when.

    Several workers find this out at once; it is one strike. `by_probe`: the one that was allowed to try found it again.
    """
    now = clock.ledger_now()
    rows = ChannelAccount.objects.filter(pk=account_id)
    if not by_probe:
        rows = rows.filter(Q(blocked_until=None) | Q(blocked_until__lte=now))
    if rows.update(strikes=F("strikes") + 1, blocked_until=now + FIRST_SILENCE):
        strikes = ChannelAccount.objects.values_list("strikes", flat=True).get(pk=account_id)
        _put(account_id, Health.WAITING, now + silence_after(strikes), detail)
    until = ChannelAccount.objects.values_list("blocked_until", flat=True).get(pk=account_id)
    return until or now


def unanswered(account_id: int, more: int, *, afresh: bool) -> int:
    """Count messages in a row that nobody answered; `afresh`: before them one was answered. Returns how many it are."""
    rows = ChannelAccount.objects.filter(pk=account_id)
    if afresh:
        rows.exclude(unanswered=more).update(unanswered=more)
        return more
    if more:
        rows.update(unanswered=F("unanswered") + more)
    return rows.values_list("unanswered", flat=True).get()


def take_probe(account_id: int) -> datetime | None:
    """The right to try an account that is not well with one message: until when, or None when it is not the time or
    somebody else has it."""
    now = clock.ledger_now()
    until = now + PROBE_HOLDS
    rows = ChannelAccount.objects.filter(Q(blocked_until=None) | Q(blocked_until__lte=now), pk=account_id)
    return until if rows.exclude(health=Health.OK).update(blocked_until=until) else None


def return_probe(account_id: int, until: datetime) -> None:
    """There was nothing to try it with: the next one may."""
    ChannelAccount.objects.filter(pk=account_id, blocked_until=until).exclude(health=Health.OK).update(
        blocked_until=clock.ledger_now()
    )


def note_health(account: ChannelAccount, health: str = Health.OK, *, detail: str = "") -> None:
    """What a person's trial showed: `ok`, or `fix_settings` with the provider's words; `account` is brought up to date."""
    if health == Health.OK:
        fine(account.pk)
    else:
        broken(account.pk, detail)
    account.refresh_from_db(fields=["health", "last_error", "blocked_until"])


def _put(account_id: int, health: str, until: datetime, detail: str) -> None:
    """A row that says the same already is not written."""
    same = Q(health=health, last_error=detail[:500], blocked_until=until)
    ChannelAccount.objects.filter(pk=account_id).exclude(same).update(
        health=health, blocked_until=until, last_error=detail[:500]
    )
