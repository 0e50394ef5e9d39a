"""Addresses that must not be written to."""

from campaigns.audiences.models import Suppression


def suppress(recipient_key: str, channel: str, reason: str, purpose: str = "", brand: str = "") -> bool:
    """Close the address; counts from the commit. Answers False when it was closed already.

    An erasure or a complaint outweighs what was noted before: an address closed by an unsubscription opens again when the
    person agrees anew, one closed by those does not.
    """
    row, made = Suppression.objects.get_or_create(
        recipient_key=recipient_key, purpose=purpose, brand=brand, defaults={"channel": channel, "reason": reason}
    )
    if not made and _WEIGHT[reason] > _WEIGHT[row.reason]:
        Suppression.objects.filter(pk=row.pk).update(reason=reason)
    return made


def lift(recipient_key: str, channel: str, *, reason: str | None = None, purpose: str | None = None) -> int:
    """Open the address again, for every purpose or one; only what was closed for `reason`, when it is given."""
    rows = Suppression.objects.filter(recipient_key=recipient_key, channel=channel)
    if reason is not None:
        rows = rows.filter(reason=reason)
    if purpose is not None:
        rows = rows.filter(purpose=purpose)
    return rows.delete()[0]


_WEIGHT: dict[str, int] = {
    Suppression.Reason.UNSUBSCRIBED: 0,
    Suppression.Reason.BOUNCED: 1,
    Suppression.Reason.MANUAL: 2,
    Suppression.Reason.COMPLAINED: 3,
    Suppression.Reason.ERASED: 4,
}
