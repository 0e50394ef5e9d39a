"""Choosing the rows of the next slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.db.models import QuerySet

from campaigns.audiences import selectors as audiences
from campaigns.audiences.models import Endpoint
from campaigns.publishing import sql
from campaigns.publishing.models import Delivery
from campaigns.publishing.services.chunks import Lease
from campaigns.publishing.services.flights import Row
from campaigns.publishing.states import DeliveryState
from channels.base import Channel

_SUSPECTS = 6
_COLUMNS = (
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


@dataclass(frozen=True, slots=True)
class Picked:
    """The next rows, and the number of the suspects they are of, if they are."""

    rows: Sequence[Row]
    suspects: int | None = None


def next_rows(lease: Lease, now: datetime, size: int) -> Picked:
    """The next pending rows of the chunk, at most `size`.

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
    found = _read(chosen, size)
    suspects = found[0][_SUSPECTS] if found else None
    alike = list(takewhile(lambda row: row[_SUSPECTS] == suspects, found))
    if suspects is not None:
        alike = alike[: max(1, chosen.filter(suspects=suspects).count() // 2)]
    return Picked([_row(row) for row in alike], suspects)


def _read(rows: QuerySet[Delivery], size: int) -> list[tuple[Any, ...]]:
    return list(rows.values_list(*_COLUMNS)[:size])


def _row(row: Sequence[Any]) -> Row:
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    status = values["endpoint__status"]
    return Row(
        delivery_id=values["pk"],
        seq=values["seq"],
        recipient_key=values["recipient_key"],
        part_id=values["part_id"],
        number=values["attempts_made"] + 1,
        deferrals=values["deferrals"],
        address=(values["endpoint__address"] or "") if status == Endpoint.Status.ACTIVE else "",
        contact={
            "id": values["contact_id"],
            "first_name": values["contact__first_name"] or "",
            "last_name": values["contact__last_name"] or "",
            "locale": values["contact__locale"] or "",
            "attributes": values["contact__attributes"] or {},
            "erased": values["contact__erased_at"] is not None,
            "endpoint": status,
        },
    )


def weed_out(rows: Sequence[Row], channel: str, now: datetime) -> list[Row]:
    """Skip, with the reason, whoever must not be written to any more; returns the others."""
    if channel == Channel.SOCIAL or not rows:
        return list(rows)
    closed = audiences.is_suppressed([row.recipient_key for row in rows], channel)
    people = [row.contact["id"] for row in rows if row.contact["id"] is not None]
    unwilling = audiences.withdrawn(people, channel)
    reasons: dict[int, str] = {}
    for row in rows:
        if row.contact["id"] is None or row.contact["erased"] or row.contact["endpoint"] is None:
            reasons[row.delivery_id] = "erased"
        elif row.recipient_key in closed:
            reasons[row.delivery_id] = "suppressed"
        elif row.contact["id"] in unwilling:
            reasons[row.delivery_id] = "no_consent"
        elif not row.address:
            reasons[row.delivery_id] = "invalid_address"
    sql.skip(reasons, now)
    return [row for row in rows if row.delivery_id not in reasons]
