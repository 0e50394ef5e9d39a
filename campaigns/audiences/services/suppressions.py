"""Addresses that must not be written to."""

from collections.abc import Sequence

from campaigns.audiences.models import Suppression

Reason = Suppression.Reason


def suppress(
    recipient_key: str, channel: str, reason: str, purpose: str = "", brand: str = "", source: str = ""
) -> bool:
    """Close the address; counts from the commit. Answers False when it was closed already.

    `source` says what closed it, so that it can be opened again by who looks for that.

    An erasure or a complaint outweighs what was noted before: an address closed by an unsubscription opens again when the
    person agrees anew, one closed by those does not.
    """
    row, made = Suppression.objects.get_or_create(
        recipient_key=recipient_key,
        purpose=purpose,
        brand=brand,
        defaults={"channel": channel, "reason": reason, "source": source[:200]},
    )
    if not made and _WEIGHT[reason] > _WEIGHT[row.reason]:
        Suppression.objects.filter(pk=row.pk).update(reason=reason, source=source[:200])
    return made


def lift(recipient_key: str, channel: str, *, reason: str | None = None, purpose: str | None = None) -> int:
    """Open the address again, for every purpose or one; only what was closed for `reason`, when it is given."""
    rows = Suppression.objects.filter(recipient_key=recipient_key, channel=channel)
    if reason is not None:
        rows = rows.filter(reason=reason)
    if purpose is not None:
        rows = rows.filter(purpose=purpose)
    return rows.delete()[0]


def lift_bounced(recipient_key: str, channel: str, source: str) -> int:
    """Open the address again as far as `source` had closed it for not existing; whoever asked for it stays closed."""
    rows = Suppression.objects.filter(recipient_key=recipient_key, channel=channel, reason=Reason.BOUNCED)
    return rows.filter(source=source).delete()[0]


def hand_over_bounced(recipient_key: str, channel: str, source: str, to: str) -> int:
    """Another source had closed the same address: from now on it is that one's."""
    rows = Suppression.objects.filter(recipient_key=recipient_key, channel=channel, reason=Reason.BOUNCED)
    return rows.filter(source=source).update(source=to[:200])


def asked_for(keys: Sequence[str], channel: str) -> set[str]:
    """Those of `keys` that a person closed: unsubscribed, complained, erased, or entered by hand."""
    rows = Suppression.objects.filter(recipient_key__in=keys, channel=channel).exclude(reason=Reason.BOUNCED)
    return set(rows.values_list("recipient_key", flat=True))


_WEIGHT: dict[str, int] = {
    Suppression.Reason.UNSUBSCRIBED: 0,
    Suppression.Reason.BOUNCED: 1,
    Suppression.Reason.MANUAL: 2,
    Suppression.Reason.COMPLAINED: 3,
    Suppression.Reason.ERASED: 4,
}
