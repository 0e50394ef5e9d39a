"""Ways to reach a contact."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from campaigns.audiences import arrivals, keys
from campaigns.audiences.models import Contact, Endpoint
from core.errors import Conflict


def register(contact: Contact, channel: str, address: str, platform: str = "") -> Endpoint:
    """Note an address or a device of the contact, once; one that had died counts as alive again."""
    if contact.erased_at is not None:
        raise Conflict(_("This contact has been erased."))
    spelling = keys.written(channel, address)
    endpoint, made = Endpoint.objects.update_or_create(
        contact=contact,
        recipient_key=keys.key_of_written(channel, spelling),
        defaults={
            "channel": channel,
            "address": spelling,
            "platform": platform[:20],
            "status": Endpoint.Status.ACTIVE,
        },
    )
    contact.touch()
    if made:
        arrivals.announce([arrivals.Arrival(contact.pk, contact.external_id or "", (endpoint.recipient_key,))])
    return endpoint


def invalidate(recipient_key: str) -> list[int]:
    """The provider says that the address is dead: nobody is written to there. Answers which endpoints that closed."""
    rows = Endpoint.objects.filter(recipient_key=recipient_key, status=Endpoint.Status.ACTIVE)
    ids = list(rows.select_for_update().values_list("pk", flat=True))
    Endpoint.objects.filter(pk__in=ids).update(status=Endpoint.Status.INVALID)
    return ids


def restore(ids: Collection[int]) -> int:
    """They were closed by mistake: write there again. Answers how many that opened; nobody who was erased comes back."""
    rows = Endpoint.objects.filter(pk__in=ids, status=Endpoint.Status.INVALID, contact__erased_at=None)
    return rows.exclude(address="").exclude(contact=None).update(status=Endpoint.Status.ACTIVE)
