"""Everything that is known of one contact, the newest first: what she agreed to, what she got, did and bought.

Each source is asked for one page from the place where the last page ended, by its own index; the pages are merged. Opens are
not among them: they are counted without a name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet

from campaigns.audiences.models import ConsentRecord, Contact, Suppression
from campaigns.measurement.models import Touch
from campaigns.promotions.models import Order, Redemption, Refund
from campaigns.publishing import refs
from campaigns.publishing.models import Delivery
from channels.models import ProviderEvent


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `kind` is its word in the glossary; `source` and `row` make its place unique."""

    at: datetime
    source: str
    row: int
    kind: str
    details: dict[str, Any]

    @property
    def place(self) -> tuple[datetime, str, int]:
        """Where it stands."""
        return self.at, self.source, self.row


@dataclass(frozen=True, slots=True)
class _Source:
    """A table: the rows of a contact, the column of the time, and what a row is."""

    name: str
    rows: Callable[[Contact], QuerySet[Any]]
    at: str
    tell: Callable[[Any], tuple[str, dict[str, Any]]]

    def entries(self, contact: Contact, before: tuple[datetime, str, int] | None, most: int) -> Iterator[Entry]:
        rows = self.rows(contact)
        if before is not None:
            at, name, row = before
            same = Q(**{self.at: at})
            if self.name == name:
                same &= Q(pk__lt=row)
            elif self.name > name:
                same = Q(pk__in=())
            rows = rows.filter(Q(**{f"{self.at}__lt": at}) | same)
        for found in rows.order_by(f"-{self.at}", "-pk")[:most]:
            kind, details = self.tell(found)
            yield Entry(getattr(found, self.at), self.name, found.pk, kind, details)


def _consent(row: ConsentRecord) -> tuple[str, dict[str, Any]]:
    details = {"channel": row.channel, "purpose": row.purpose, "source": row.source, "wording": row.wording}
    return "consented" if row.granted else "withdrawn", details


def _delivery(row: Delivery) -> tuple[str, dict[str, Any]]:
    details = {"reason": row.reason, "attempts": row.attempts_made, "channel": row.publication.channel}
    return row.state, {**details, **_said(row.publication)}


def _said(publication: Any) -> dict[str, Any]:
    return {"publication": str(publication.public_id), "title": str(publication)}


def _event(row: ProviderEvent) -> tuple[str, dict[str, Any]]:
    return row.kind, {"reason": row.reason, "permanent": row.permanent}


def _order(row: Order) -> tuple[str, dict[str, Any]]:
    return "ordered", {
        "order": row.external_id,
        "total_minor": row.total_minor,
        "currency": row.currency,
        "code": row.code,
    }


def _refund(row: Refund) -> tuple[str, dict[str, Any]]:
    money = {"amount_minor": row.amount_minor, "currency": row.order.currency}
    return "refunded", {"order": row.order.external_id, "refund": row.external_id, **money}


def _events(contact: Contact) -> QuerySet[ProviderEvent]:
    deliveries = Delivery.objects.filter(contact=contact).values_list("pk", flat=True)
    return ProviderEvent.objects.filter(ref__in=[refs.make(pk) for pk in deliveries])


def _closings(contact: Contact) -> QuerySet[Suppression]:
    return Suppression.objects.filter(recipient_key__in=contact.endpoints.values("recipient_key"))


SOURCES: Sequence[_Source] = (
    _Source("consent", lambda contact: contact.consent_records.all(), "occurred_at", _consent),
    _Source(
        "delivery",
        lambda contact: Delivery.objects.filter(contact=contact).select_related("publication"),
        "changed_at",
        _delivery,
    ),
    _Source("event", _events, "occurred_at", _event),
    _Source(
        "click",
        lambda contact: Touch.objects.filter(
            delivery__in=Delivery.objects.filter(contact=contact).values("pk")
        ).select_related("publication"),
        "occurred_at",
        lambda row: ("clicked", _said(row.publication)),
    ),
    _Source("order", lambda contact: Order.objects.filter(contact=contact), "occurred_at", _order),
    _Source(
        "refund",
        lambda contact: Refund.objects.filter(order__contact=contact).select_related("order"),
        "occurred_at",
        _refund,
    ),
    _Source(
        "redemption",
        lambda contact: Redemption.objects.filter(contact=contact).select_related("offer"),
        "occurred_at",
        lambda row: ("redeemed", {"offer": str(row.offer.public_id), "name": row.offer.name, "coupon": row.coupon}),
    ),
    _Source(
        "suppression",
        _closings,
        "created_at",
        lambda row: ("closed", {"channel": row.channel, "reason": row.reason, "source": row.source}),
    ),
)


def page(contact: Contact, most: int, before: tuple[datetime, str, int] | None = None) -> list[Entry]:
    """At most `most` entries, the newest first; `before` is the place of the last one seen."""
    pages = (source.entries(contact, before, most) for source in SOURCES)
    return list(islice(merge(*pages, key=lambda entry: entry.place, reverse=True), most))
