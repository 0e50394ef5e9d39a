"""Consent: what a contact agrees to now, and the proof of every change."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.audiences import keys
from campaigns.audiences.models import MARKETING, Consent, ConsentRecord, Contact, Suppression
from campaigns.audiences.services import suppressions
from core import clock
from core.errors import Conflict, Invalid


def grant(
    contact: Contact,
    channel: str,
    source: str,
    wording: str = "",
    occurred_at: datetime | None = None,
    purpose: str = MARKETING,
) -> bool:
    """The contact agrees. Opens addresses that were closed by an earlier withdrawal, not those closed for another reason.

    Answers False when nothing changed: it was granted already, or withdrawn later than `occurred_at`.
    """
    if contact.erased_at is not None:
        raise Conflict(_("This contact has been erased and cannot agree to anything."))
    with transaction.atomic():
        changed = _change(contact, channel, purpose, True, source, wording, occurred_at)
        if changed:
            for key in contact.endpoints.filter(channel=channel).values_list("recipient_key", flat=True):
                suppressions.lift(key, channel, reason=Suppression.Reason.UNSUBSCRIBED)
    return changed


def withdraw(
    contact: Contact,
    channel: str,
    source: str,
    wording: str = "",
    occurred_at: datetime | None = None,
    purpose: str = MARKETING,
) -> bool:
    """The contact agrees no longer; counts from the commit. Answers False when nothing changed."""
    with transaction.atomic():
        return _change(contact, channel, purpose, False, source, wording, occurred_at)


def _change(
    contact: Contact,
    channel: str,
    purpose: str,
    granted: bool,
    source: str,
    wording: str,
    occurred_at: datetime | None,
) -> bool:
    if channel not in keys.CHANNELS:
        raise Invalid(_("“%(channel)s” is no channel.") % {"channel": channel[:40]})
    moment = occurred_at or clock.now()
    consent, made = Consent.objects.select_for_update().get_or_create(
        contact=contact, channel=channel, purpose=purpose, brand="", defaults={"granted": granted, "changed_at": moment}
    )
    if not made:
        if consent.granted == granted or consent.changed_at > moment:
            return False
        consent.granted = granted
        consent.changed_at = moment
        consent.save(update_fields=["granted", "changed_at"])
    ConsentRecord.objects.create(
        contact=contact,
        channel=channel,
        purpose=purpose,
        granted=granted,
        source=source[:200],
        wording=wording,
        occurred_at=moment,
    )
    contact.touch()
    return True
