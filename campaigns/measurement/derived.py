"""What is counted from hits: hourly counts, visits and touches. All of it can be made anew from the hits (`rebuild`)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from campaigns.measurement.models import Credit, Hit, Rollup, Touch, Visit
from core import bulk

Bucket = tuple[int | None, int | None, datetime, str, str]


class Counted(Protocol):
    """A hit, or what is about to become one."""

    kind: str
    verdict: str
    occurred_at: datetime
    delivery_id: int | None
    publication_id: int | None
    campaign_id: int | None
    visitor: str


@dataclass
class Changes:
    """What a batch changed, for attribution to look at: which copies have new touches, from when to when, and the orders
    whose touch turned out to be none."""

    hits: int = 0
    touched: set[int] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None
    orders: set[int] = field(default_factory=set)

    def touch(self, hit: Counted) -> None:
        """Note that `hit` is one."""
        assert hit.delivery_id is not None
        self.touched.add(hit.delivery_id)
        self.first = min(self.first or hit.occurred_at, hit.occurred_at)
        self.last = max(self.last or hit.occurred_at, hit.occurred_at)


def add(
    hits: Sequence[Counted], changed: Iterable[tuple[Hit, str]], *, after: int, until: int | None = None
) -> Changes:
    """Count new `hits`, and older ones whose verdict `changed` from the one that is named.

    `hits` are the rows with ids above `after`, to `until` or the last.
    """
    changes = Changes(hits=len(hits))
    counts: Counter[Bucket] = Counter(_bucket(hit, hit.verdict) for hit in hits if hit.campaign_id)
    turned: list[Hit] = []
    fallen: list[int] = []
    for hit, before in changed:
        if hit.campaign_id:
            counts[_bucket(hit, before)] -= 1
            counts[_bucket(hit, hit.verdict)] += 1
        if is_touch(hit):
            turned.append(hit)
        elif before == Hit.Verdict.HUMAN:
            fallen.append(hit.pk)
    _add_counts(counts)
    _add_visits(hits)
    changes.orders.update(Credit.objects.filter(touch__hit_id__in=fallen).values_list("order_id", flat=True))
    Touch.objects.filter(hit_id__in=fallen).delete()
    everyone: tuple[Counted, ...] = (*hits, *turned)
    for one in everyone:
        if is_touch(one):
            changes.touch(one)
    if changes.touched:
        _add_touches(turned, after, until)
    return changes


def clear() -> None:
    """Throw away everything derived from hits; the caller makes it anew in the same transaction."""
    Touch.objects.all().delete()
    Visit.objects.all().delete()
    Rollup.objects.all().delete()


def is_touch(hit: Counted) -> bool:
    """Whether `hit` may earn credit: a human click on a copy of a publication."""
    return bool(hit.kind == Hit.Kind.CLICK and hit.verdict == Hit.Verdict.HUMAN and hit.delivery_id)


def _add_touches(turned: Iterable[Hit], after: int, until: int | None) -> None:
    """The touches of new rows, inside the database, and of older ones that turned out to be a person's."""
    rows = Hit.objects.filter(
        pk__gt=after, kind=Hit.Kind.CLICK, verdict=Hit.Verdict.HUMAN, delivery__isnull=False
    ).order_by("pk")
    if until is not None:
        rows = rows.filter(pk__lte=until)
    columns = ("delivery", "publication", "occurred_at")
    bulk.insert_from(Touch, ("hit", *columns), rows.values_list("pk", *columns))
    bulk.insert(
        Touch,
        ("hit", *columns),
        ((hit.pk, hit.delivery_id, hit.publication_id, hit.occurred_at) for hit in turned),
    )


def _bucket(hit: Counted, verdict: str) -> Bucket:
    hour = hit.occurred_at.replace(minute=0, second=0, microsecond=0)
    return hit.campaign_id, hit.publication_id, hour, hit.kind, verdict


def _add_counts(counts: Counter[Bucket]) -> None:
    columns = ("key", "campaign", "publication", "hour", "kind", "verdict", "count")
    rows = [
        (f"{campaign}:{publication or 0}:{hour:%Y%m%d%H}:{kind}:{verdict}", *bucket, count)
        for bucket, count in counts.items()
        for campaign, publication, hour, kind, verdict in (bucket,)
        if campaign is not None and count
    ]
    bulk.insert(Rollup, columns, sorted(rows), unique=("key",), add=("count",))


def _add_visits(hits: Iterable[Counted]) -> None:
    rows: dict[str, tuple[Any, ...]] = {}
    for hit in hits:
        if hit.kind != Hit.Kind.PAGE or hit.verdict != Hit.Verdict.HUMAN or not hit.visitor or not hit.campaign_id:
            continue
        key = f"{hit.campaign_id}:{hit.publication_id or 0}:{hit.visitor}"
        if key not in rows or hit.occurred_at < rows[key][-1]:
            rows[key] = (key, hit.campaign_id, hit.publication_id, hit.delivery_id, hit.visitor, hit.occurred_at)
    bulk.insert(
        Visit,
        ("key", "campaign", "publication", "delivery", "visitor", "first_at"),
        rows.values(),
        unique=("key",),
        update=("first_at", "delivery"),
        earliest="first_at",
    )
