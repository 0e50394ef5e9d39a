"""What happened around a click to the same copy: other links in the same seconds, a page whose script ran.

New hits may change what is thought of stored ones. A link that is hammered has thousands of stored neighbours, and none of
them changes by one more click on the same link: so first the database is asked which links of a copy were followed at all,
from the index alone, and only copies with several have their stored clicks read.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from django.db.models import QuerySet

from campaigns.measurement.models import Hit
from campaigns.measurement.verdicts import BURST_SECONDS, SCRIPT_SECONDS

_BURST = timedelta(seconds=BURST_SECONDS)
_SCRIPT = timedelta(seconds=SCRIPT_SECONDS)


class Around(Protocol):
    """A hit of a copy, stored or not yet."""

    kind: str
    occurred_at: datetime
    delivery_id: int | None
    link_number: int | None
    burst: int
    ran_script: bool


def look_around(fresh: Sequence[Around]) -> list[Hit]:
    """Note on `fresh` hits of copies what happened around them; returns the stored clicks that they change, changed."""
    clicks = [one for one in fresh if one.kind == Hit.Kind.CLICK]
    pages: dict[int | None, list[datetime]] = defaultdict(list)
    for one in fresh:
        if one.kind == Hit.Kind.PAGE:
            pages[one.delivery_id].append(one.occurred_at)
    stored = {hit.pk: hit for hit in (*_in_a_burst(clicks), *_before_pages(pages))}
    before = {pk: (hit.burst, hit.ran_script) for pk, hit in stored.items()}
    by_copy: dict[int | None, list[Around]] = defaultdict(list)
    for click in (*stored.values(), *clicks):
        by_copy[click.delivery_id].append(click)
    for delivery_id, some in by_copy.items():
        count_bursts(some)
        if seen := pages.get(delivery_id):
            _note_scripts(some, seen)
    return [hit for pk, hit in stored.items() if (hit.burst, hit.ran_script) != before[pk]]


def count_bursts(clicks: Sequence[Around]) -> None:
    """Set `burst` of each click of one copy: how many different links of it were followed within three seconds of it."""
    if len({click.link_number for click in clicks}) == 1:
        for click in clicks:
            click.burst = max(click.burst, 1)
        return
    ordered = sorted(clicks, key=lambda click: click.occurred_at)
    links: Counter[int | None] = Counter()
    first = last = 0
    for click in ordered:
        while last < len(ordered) and ordered[last].occurred_at <= click.occurred_at + _BURST:
            links[ordered[last].link_number] += 1
            last += 1
        while ordered[first].occurred_at < click.occurred_at - _BURST:
            gone = ordered[first].link_number
            links[gone] -= 1
            if not links[gone]:
                del links[gone]
            first += 1
        click.burst = max(click.burst, len(links))


def _note_scripts(clicks: Iterable[Around], pages: Sequence[datetime]) -> None:
    ordered = sorted(pages)
    for click in clicks:
        next_page = bisect_left(ordered, click.occurred_at)
        if next_page < len(ordered) and ordered[next_page] <= click.occurred_at + _SCRIPT:
            click.ran_script = True


def _clicks(deliveries: Iterable[int | None], first: datetime, last: datetime) -> QuerySet[Hit]:
    # By time first, which the index begins with (`measurement_hit_of_copy`): one by copy would be written all over.
    return Hit.objects.filter(
        occurred_at__range=(first, last), delivery_id__in=set(deliveries), kind=Hit.Kind.CLICK
    ).order_by()


def _in_a_burst(clicks: Sequence[Around]) -> Iterable[Hit]:
    """Stored clicks within seconds of `clicks`, of copies of which several links were followed."""
    if not clicks:
        return []
    first, last = min(one.occurred_at for one in clicks) - _BURST, max(one.occurred_at for one in clicks) + _BURST
    links: dict[int | None, set[int | None]] = defaultdict(set)
    for one in clicks:
        links[one.delivery_id].add(one.link_number)
    near = _clicks(links, first, last)
    for delivery_id, number in near.values_list("delivery_id", "link_number").distinct():
        links[delivery_id].add(number)
    several = [delivery_id for delivery_id, numbers in links.items() if len(numbers) > 1]
    return _clicks(several, first, last) if several else []


def _before_pages(pages: dict[int | None, list[datetime]]) -> Iterable[Hit]:
    """Stored clicks of which it was not known yet that a page of theirs ran its script."""
    if not pages:
        return []
    first = min(min(seen) for seen in pages.values()) - _SCRIPT
    last = max(max(seen) for seen in pages.values())
    return _clicks(pages, first, last).filter(ran_script=False)
