"""What providers tell us, kept once however often it is told."""

from collections.abc import Sequence

from django.db import transaction

from channels.base import Event
from channels.models import ChannelAccount, ProviderEvent

LARGEST_PAYLOAD = 40
"""Fields of a provider's event that are kept at most; the rest says nothing we use."""


def record_events(account: ChannelAccount, events: Sequence[Event]) -> int:
    """Keep `events` and return how many were new. The same fact told again changes nothing (a unique key sees to it)."""
    rows = {
        event.key[:200]: ProviderEvent(
            account=account,
            key=event.key[:200],
            kind=event.kind.value,
            ref=event.ref[:200],
            provider_id=event.provider_id[:200],
            reason=event.reason[:500],
            permanent=event.permanent,
            machine=event.machine,
            fault=event.fault[:20],
            payload=dict(list(event.payload.items())[:LARGEST_PAYLOAD]),
            occurred_at=event.occurred_at,
        )
        for event in events
    }
    if not rows:
        return 0
    with transaction.atomic():
        known = set(ProviderEvent.objects.filter(account=account, key__in=list(rows)).values_list("key", flat=True))
        new = [row for key, row in rows.items() if key not in known]
        # The count is told before the insert: two deliveries of one call at once may both call a fact new, and the
        # constraint still keeps one row.
        ProviderEvent.objects.bulk_create(new, ignore_conflicts=True, batch_size=200)
    return len(new)
