"""Choosing the rows of the next slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.db.models import BooleanField, QuerySet, Value

from campaigns.audiences import selectors as audiences
from campaigns.audiences.models import Endpoint
from campaigns.publishing import sql
from campaigns.publishing.models import Delivery
from campaigns.publishing.services.chunks import Lease
from campaigns.publishing.services.flights import Row
from campaigns.publishing.states import DeliveryState
from channels.base import Channel

_SUSPECTS = 6
_ACTIVE = Endpoint.Status.ACTIVE.value
COLUMNS = (
    "pk",
    "seq",
    "recipient_key",
    "part_id",
    "attempts_made",
    "deferrals",
    "suspects",
    "endpoint__address",
    "endpoint__status",
    "contact_id",
    "contact__first_name",
    "contact__last_name",
    "contact__locale",
    "contact__attributes",
    "contact__erased_at",
)
_ALLOWED = ("closed", "agreed")


@dataclass(frozen=True, slots=True)
class Picked:
    """The next rows, and the number of the suspects they are of, if they are."""

    rows: Sequence[Row]
    suspects: int | None = None


def next_rows(lease: Lease, channel: str, now: datetime, size: int) -> Picked:
    """The next pending rows of the chunk, at most `size`, with what says now whether they may be written to.

    Rows among which a bad one is come by themselves, and half of them at a time: what is accepted has cleared itself, what is
    refused is a smaller set of suspects. So the bad one is found in about log2(n) calls, over any number of slices and workers.
    """
    rows = Delivery.objects.filter(run_id=lease.run_id, state=DeliveryState.PENDING)
    if lease.is_retry:
        chosen = rows.filter(next_at__lte=now).order_by("next_at", "seq")
        suspected = chosen.filter(suspects__isnull=False).values_list("suspects", flat=True).first()
        if suspected is not None:
            chosen = chosen.filter(suspects=suspected)
    else:
        # In the order of `seq` always: everything before a chunk's place has been tried. Suspects are what came back last,
        # so they are the first.
        chosen = rows.filter(next_at=None, seq__gte=lease.next_seq, seq__lte=lease.last_seq).order_by("seq")
    found = list(_asked(chosen, channel).values_list(*COLUMNS, *_ALLOWED)[:size])
    suspects = found[0][_SUSPECTS] if found else None
    alike = list(takewhile(lambda row: row[_SUSPECTS] == suspects, found))
    if suspects is not None:
        alike = alike[: max(1, chosen.filter(suspects=suspects).count() // 2)]
    return Picked([row_of(row) for row in alike], suspects)


def _asked(rows: QuerySet[Delivery], channel: str) -> QuerySet[Delivery]:
    """Suppression and consent in the same statement: a post has neither."""
    if channel == Channel.SOCIAL:
        return rows.annotate(closed=Value(False, BooleanField()), agreed=Value(True, BooleanField()))
    return rows.annotate(
        closed=audiences.suppressed(channel), agreed=audiences.consented(channel, contact="contact_id")
    )


def row_of(columns: Sequence[Any]) -> Row:
    """A row of `COLUMNS`, and of `closed` and `agreed` if they were asked for."""
    (pk, seq, key, part_id, attempts, deferrals, _suspects, address, status) = columns[:9]
    contact_id, first_name, last_name, locale, attributes, erased_at = columns[9:15]
    return Row(
        delivery_id=pk,
        seq=seq,
        recipient_key=key,
        part_id=part_id,
        number=attempts + 1,
        deferrals=deferrals,
        address=(address or "") if status == _ACTIVE else "",
        contact={
            "id": contact_id,
            "first_name": first_name or "",
            "last_name": last_name or "",
            "locale": locale or "",
            "attributes": attributes or {},
            "erased": erased_at is not None,
            "endpoint": status,
        },
        closed=bool(columns[15]) if len(columns) > 15 else False,
        agreed=bool(columns[16]) if len(columns) > 15 else True,
    )


def weed_out(rows: Sequence[Row], channel: str, now: datetime) -> list[Row]:
    """Skip, with the reason, whoever must not be written to any more; returns the others."""
    if channel == Channel.SOCIAL or not rows:
        return list(rows)
    reasons = {row.delivery_id: reason for row in rows if (reason := _why_not(row))}
    sql.skip(reasons, now)
    return [row for row in rows if row.delivery_id not in reasons]


def _why_not(row: Row) -> str:
    if row.contact["id"] is None or row.contact["erased"] or row.contact["endpoint"] is None:
        return "erased"
    if row.closed:
        return "suppressed"
    if not row.agreed:
        return "no_consent"
    return "" if row.address else "invalid_address"
