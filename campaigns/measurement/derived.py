"""What is counted from hits: hourly counts, visits and touches. All of it can be made anew from the hits (`rebuild`)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F

from campaigns.measurement.models import Credit, Hit, Rollup, Touch, Visit

Bucket = tuple[int | None, int | None, datetime, str, str]


@dataclass
class Changes:
    """What a batch changed, for attribution to look at: new touches, and orders whose touch turned out to be none."""

    hits: int = 0
    touches: list[Touch] = field(default_factory=list)
    orders: set[int] = field(default_factory=set)


def add(hits: Sequence[Hit], changed: Iterable[tuple[Hit, str]]) -> Changes:
    """Count new `hits`, and older ones whose verdict `changed` from the one that is named."""
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
    changes.touches = [touch_of(hit) for hit in (*hits, *turned) if is_touch(hit)]
    Touch.objects.bulk_create(changes.touches, batch_size=500)
    return changes


def clear() -> None:
    """Throw away everything derived from hits; the caller makes it anew in the same transaction."""
    Touch.objects.all().delete()
    Visit.objects.all().delete()
    Rollup.objects.all().delete()


def is_touch(hit: Hit) -> bool:
    """Whether `hit` may earn credit: a human click on a copy of a publication."""
    return hit.kind == Hit.Kind.CLICK and hit.verdict == Hit.Verdict.HUMAN and bool(hit.delivery_id)


def touch_of(hit: Hit) -> Touch:
    """The unsaved touch of a human click."""
    assert hit.delivery_id is not None
    assert hit.publication_id is not None
    return Touch(hit=hit, delivery_id=hit.delivery_id, publication_id=hit.publication_id, occurred_at=hit.occurred_at)


def _bucket(hit: Hit, verdict: str) -> Bucket:
    hour = hit.occurred_at.replace(minute=0, second=0, microsecond=0)
    return hit.campaign_id, hit.publication_id, hour, hit.kind, verdict


def _add_counts(counts: Counter[Bucket]) -> None:
    rows = {
        f"{campaign}:{publication or 0}:{hour:%Y%m%d%H}:{kind}:{verdict}": Rollup(
            campaign_id=campaign, publication_id=publication, hour=hour, kind=kind, verdict=verdict, count=count
        )
        for (campaign, publication, hour, kind, verdict), count in counts.items()
        if campaign is not None and count
    }
    known = set(Rollup.objects.filter(key__in=rows).values_list("key", flat=True))
    for key, row in rows.items():
        row.key = key
        if key in known:
            Rollup.objects.filter(key=key).update(count=F("count") + row.count)
    Rollup.objects.bulk_create((row for key, row in rows.items() if key not in known), batch_size=500)


def _add_visits(hits: Iterable[Hit]) -> None:
    rows: dict[str, Visit] = {}
    for hit in hits:
        if hit.kind != Hit.Kind.PAGE or hit.verdict != Hit.Verdict.HUMAN or not hit.visitor or not hit.campaign_id:
            continue
        key = f"{hit.campaign_id}:{hit.publication_id or 0}:{hit.visitor}"
        if key not in rows or hit.occurred_at < rows[key].first_at:
            rows[key] = Visit(
                key=key,
                campaign_id=hit.campaign_id,
                publication_id=hit.publication_id,
                delivery_id=hit.delivery_id,
                visitor=hit.visitor,
                first_at=hit.occurred_at,
            )
    known = dict(Visit.objects.filter(key__in=rows).values_list("key", "first_at"))
    for key in known.keys() & rows.keys():
        if rows[key].first_at < known[key]:
            Visit.objects.filter(key=key).update(first_at=rows[key].first_at, delivery_id=rows[key].delivery_id)
    Visit.objects.bulk_create((row for key, row in rows.items() if key not in known), batch_size=500)
