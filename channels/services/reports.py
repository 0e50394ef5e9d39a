"""Inboxes of reports, emptied by the scheduler. What they hold becomes provider events; rooms above read on."""

import logging

from channels import registry
from channels.base import Event
from channels.models import ChannelAccount
from channels.services.events import record_events
from core.errors import AlmanacError

log = logging.getLogger(__name__)


def poll(account: ChannelAccount) -> int:
    """Empty the account's inbox; returns how many reports there were. Raises `FixSettings` or `TryLater`."""
    provider = registry.open_provider(account)
    try:
        if not provider.collects():
            return 0

        def take(events: list[Event]) -> None:
            record_events(account, events)

        return provider.collect(take)
    finally:
        provider.close()


def poll_all() -> int:
    """Empty every account's inbox. One that cannot be read does not keep the others from their turn."""
    found = 0
    for account in ChannelAccount.objects.order_by("pk"):
        try:
            found += poll(account)
        except AlmanacError as error:
            log.warning("The reports of channel account %s were not read: %s", account.pk, error.message)
        except Exception:
            log.exception("The reports of channel account %s were not read.", account.pk)
    return found
