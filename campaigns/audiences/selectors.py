"""Reads: who is in an audience, who agreed, whose address is closed."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.audiences import rules
from campaigns.audiences.models import MARKETING, Audience, Consent, Contact, Segment, Suppression

IN_MOST = 500


def contacts_matching(rule: Any) -> QuerySet[Contact]:
    """Everyone whom `rule` picks, erased contacts excluded, by primary key; raises `Invalid` for a wrong rule."""
    return Contact.objects.filter(rules.compile(rule), erased_at__isnull=True).order_by("pk")


def contacts_of(audience: Audience) -> QuerySet[Contact]:
    """Everyone in one of the included segments and in none of the excluded, each once, by primary key.

    Conditions are `Exists` subqueries and columns of the contact, so the query has no join and can stand in an
    ``INSERT … SELECT``. An audience without an included segment is empty.
    """
    return Contact.objects.filter(condition_of(audience), erased_at__isnull=True).order_by("pk")


def condition_of(audience: Audience) -> Q:
    """The condition that `contacts_of` filters by."""
    included = rules.nobody()
    for segment in audience.include.all():
        included |= rules.compile(segment.rule)
    for segment in audience.exclude.all():
        included &= ~rules.compile(segment.rule)
    return included


def count(audience: Audience) -> int:
    """How many contacts the audience has now."""
    return contacts_of(audience).count()


def count_of_segment(segment: Segment) -> int:
    """How many contacts the segment's rule picks now."""
    return contacts_matching(segment.rule).count()


def consented(channel: str, purpose: str = MARKETING, *, contact: str = "pk") -> Exists:
    """The condition "agrees now", over a query in which `contact` names the contact's id (``contact_id`` on endpoints)."""
    granted = Consent.objects.filter(
        contact=OuterRef(contact), channel=channel, purpose=purpose, brand="", granted=True
    )
    return Exists(granted)


def suppressed(channel: str, purpose: str = MARKETING, *, key: str = "recipient_key") -> Exists:
    """The condition "the address is closed", over a query in which `key` names the recipient key."""
    closed = Suppression.objects.filter(
        recipient_key=OuterRef(key), channel=channel, purpose__in=("", purpose), brand=""
    )
    return Exists(closed)


def is_suppressed(keys: Sequence[str], channel: str, purpose: str = MARKETING) -> set[str]:
    """Those of `keys` that must not be written to on `channel` for `purpose`."""
    found: set[str] = set()
    for some in _slices(keys):
        found.update(
            Suppression.objects.filter(
                recipient_key__in=some, channel=channel, purpose__in=("", purpose), brand=""
            ).values_list("recipient_key", flat=True)
        )
    return found


def withdrawn(contact_ids: Collection[int], channel: str, purpose: str = MARKETING) -> set[int]:
    """Those of `contact_ids` who do not agree (any more): withdrawn, never given, or erased."""
    agreed: set[int] = set()
    for some in _slices(list(contact_ids)):
        agreed.update(
            Consent.objects.filter(
                contact_id__in=some,
                contact__erased_at__isnull=True,
                channel=channel,
                purpose=purpose,
                brand="",
                granted=True,
            ).values_list("contact_id", flat=True)
        )
    return set(contact_ids) - agreed


def by_external_id(external_ids: Iterable[str]) -> dict[str, int]:
    """Contact ids by the shop's own ids; those that nobody has are missing."""
    found: dict[str, int] = {}
    for some in _slices(list(external_ids)):
        found.update(
            {
                str(name): pk
                for name, pk in Contact.objects.filter(external_id__in=some).values_list("external_id", "pk")
            }
        )
    return found


def _slices[Item](items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), IN_MOST):
        yield items[start : start + IN_MOST]
