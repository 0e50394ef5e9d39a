"""How an account fares, as the last calls showed it. What is said here holds back the account's next sends."""

from datetime import datetime

from django.db.models import Q

from channels.models import ChannelAccount

Health = ChannelAccount.Health


def note_health(
    account: ChannelAccount, health: str = Health.OK, *, detail: str = "", until: datetime | None = None
) -> None:
    """Note that calls pass (`ok`), must wait `until` the provider recovers (`waiting`) or need a person (`fix_settings`).

    Cheap to call after every slice: a row that says the same already is not written.
    """
    until = until if health == Health.WAITING else None
    rows = ChannelAccount.objects.filter(pk=account.pk)
    changed = rows.exclude(Q(health=health) & Q(last_error=detail[:500]) & Q(blocked_until=until))
    if health == Health.OK:
        changed = rows.exclude(health=Health.OK)
    if changed.update(health=health, last_error=detail[:500], blocked_until=until):
        account.health, account.last_error, account.blocked_until = health, detail[:500], until
