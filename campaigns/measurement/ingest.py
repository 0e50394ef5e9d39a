"""From spool lines to hits: whose they are, whether a human made them, and what is kept of a person.

The caller (the drainer) holds the lock and the transaction. What is counted from hits is in `derived`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce

from campaigns.audiences.models import Consent
from campaigns.measurement import derived
from campaigns.measurement.models import Hit
from campaigns.measurement.verdicts import BURST_SECONDS, SCRIPT_SECONDS, evidence_of, judge
from campaigns.planning.models import Campaign, Publication
from campaigns.publishing.models import Attempt, Delivery
from channels.base import Channel

OPENS = "opens"
"""The purpose a contact must have agreed to before an open is noted for them (see docs/explanation/numbers.md)."""

_KINDS = frozenset(Hit.Kind.values)
_BURST = timedelta(seconds=BURST_SECONDS)
_SCRIPT = timedelta(seconds=SCRIPT_SECONDS)


@dataclass(slots=True)
class Told:
    """A hit as a spool line tells it, and what the line says that the row does not keep."""

    hit: Hit
    content: str = ""
    is_private: bool = False
    contact_id: int | None = None
    is_direct: bool = False


def read_line(line: bytes, spool_key: str) -> Told | None:
    """What a spool line tells; None when the line is torn or not ours."""
    try:
        told = json.loads(line)
        if told["k"] not in _KINDS:
            return None
        hit = Hit(
            spool_key=spool_key,
            kind=told["k"],
            occurred_at=datetime.fromtimestamp(told["t"] / 1_000_000, tz=UTC),
            delivery_id=told.get("d"),
            link_number=told.get("n"),
            user_agent=_text(told, "a"),
            path=_text(told, "p"),
            referrer=_text(told, "r"),
            visitor=_text(told, "v"),
            campaign_slug=_text(told, "c"),
            medium=_text(told, "m"),
            is_head=bool(told.get("h")),
        )
        return Told(hit, content=_text(told, "u"), is_private=bool(told.get("g")))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def ingest(told: Sequence[Told]) -> derived.Changes:
    """Store the hits of `told` that are not stored yet, and everything that is derived from them."""
    known = set(
        Hit.objects.filter(spool_key__in=[one.hit.spool_key for one in told]).values_list("spool_key", flat=True)
    )
    fresh = [one for one in told if one.hit.spool_key not in known]
    if not fresh:
        return derived.Changes()
    _place(fresh)
    _time_after_send(fresh)
    older = _earlier_clicks(fresh)
    before = {hit.pk: hit.verdict for hit in older}
    _look_around(fresh, older)
    for hit in (*(one.hit for one in fresh), *older):
        hit.verdict, hit.verdict_reason = judge(evidence_of(hit))
    _forget_persons(fresh)
    hits = [one.hit for one in fresh]
    Hit.objects.bulk_create(hits, batch_size=500)
    Hit.objects.bulk_update(older, ["verdict", "verdict_reason", "burst", "ran_script"], batch_size=500)
    changed = [(hit, before[hit.pk]) for hit in older if hit.verdict != before[hit.pk]]
    return derived.add(hits, changed)


def _text(told: Mapping[str, Any], name: str) -> str:
    # PostgreSQL stores no NUL; a hostile beacon may send one.
    return str(told.get(name) or "").replace("\0", "")


def _place(fresh: Iterable[Told]) -> None:
    """Find publication, campaign and contact: by the token, else by ``utm_content``, else by ``utm_campaign``."""
    copies: dict[int | None, dict[str, Any]] = {
        row["pk"]: dict(row)
        for row in Delivery.objects.filter(pk__in={one.hit.delivery_id for one in fresh if one.hit.delivery_id}).values(
            "pk", "contact_id", "publication_id", "publication__channel", "publication__stage__campaign_id"
        )
    }
    publications = {
        str(public_id): (pk, campaign)
        for public_id, pk, campaign in Publication.objects.filter(
            public_id__in=filter(None, (_uuid(one.content) for one in fresh))
        ).values_list("public_id", "pk", "stage__campaign_id")
    }
    campaigns = dict(
        Campaign.objects.filter(slug__in={one.hit.campaign_slug for one in fresh} - {""}).values_list("slug", "pk")
    )
    for one in fresh:
        hit = one.hit
        if copy := copies.get(hit.delivery_id):
            hit.publication_id, hit.campaign_id = copy["publication_id"], copy["publication__stage__campaign_id"]
            one.contact_id = copy["contact_id"]
            one.is_direct = copy["publication__channel"] != Channel.SOCIAL
            continue
        hit.delivery_id = None
        if named := publications.get(one.content.lower()):
            hit.publication_id, hit.campaign_id = named
        else:
            hit.campaign_id = campaigns.get(hit.campaign_slug)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _time_after_send(fresh: Iterable[Told]) -> None:
    """Note how long after the sending each direct copy was clicked. A post is read by all, so it tells nothing there."""
    clicks = [one.hit for one in fresh if one.is_direct and one.hit.kind == Hit.Kind.CLICK]
    sent: dict[int | None, datetime] = dict(
        Attempt.objects.filter(delivery_id__in={hit.delivery_id for hit in clicks})
        .values("delivery_id")
        .annotate(sent_at=Max(Coalesce("finished_at", "started_at")))
        .values_list("delivery_id", "sent_at")
    )
    for hit in clicks:
        if sent_at := sent.get(hit.delivery_id):
            hit.after_send_ms = int((hit.occurred_at - sent_at) / timedelta(milliseconds=1))


def _earlier_clicks(fresh: Iterable[Told]) -> list[Hit]:
    """Stored clicks of the same copies, near enough in time that the new hits may change what we think of them."""
    direct = [one.hit for one in fresh if one.is_direct]
    if not direct:
        return []
    return list(
        Hit.objects.filter(
            kind=Hit.Kind.CLICK,
            delivery_id__in={hit.delivery_id for hit in direct},
            # By time first: that column has the index.
            occurred_at__gte=min(hit.occurred_at for hit in direct) - _SCRIPT,
            occurred_at__lte=max(hit.occurred_at for hit in direct) + _BURST,
        )
    )


def _look_around(fresh: Iterable[Told], older: Iterable[Hit]) -> None:
    """Write on each click what happened around it to the same copy: other links, a page whose script ran."""
    clicks: dict[int | None, list[Hit]] = defaultdict(list)
    pages: dict[int | None, list[datetime]] = defaultdict(list)
    for hit in older:
        clicks[hit.delivery_id].append(hit)
    for one in fresh:
        if one.is_direct and one.hit.kind == Hit.Kind.CLICK:
            clicks[one.hit.delivery_id].append(one.hit)
        elif one.is_direct and one.hit.kind == Hit.Kind.PAGE:
            pages[one.hit.delivery_id].append(one.hit.occurred_at)
    for delivery_id, hits in clicks.items():
        count_bursts(hits)
        for hit in hits:
            if any(hit.occurred_at <= seen <= hit.occurred_at + _SCRIPT for seen in pages[delivery_id]):
                hit.ran_script = True


def count_bursts(clicks: Collection[Hit]) -> None:
    """Set `burst` of each click of one copy: how many different links of it were followed within three seconds of it."""
    ordered = sorted(clicks, key=lambda hit: hit.occurred_at)
    links: Counter[int | None] = Counter()
    first = last = 0
    for hit in ordered:
        while last < len(ordered) and ordered[last].occurred_at <= hit.occurred_at + _BURST:
            links[ordered[last].link_number] += 1
            last += 1
        while ordered[first].occurred_at < hit.occurred_at - _BURST:
            links[ordered[first].link_number] -= 1
            first += 1
        hit.burst = max(hit.burst, sum(1 for count in links.values() if count > 0))


def _forget_persons(fresh: Iterable[Told]) -> None:
    """Keep no person with a hit whose maker does not want it, nor with an open without consent.

    What is left counts for the publication; of an open it is the hour alone.
    """
    opens = [one for one in fresh if one.hit.kind == Hit.Kind.OPEN]
    agreed = set(
        Consent.objects.filter(
            contact_id__in={one.contact_id for one in opens if one.contact_id}, purpose=OPENS, granted=True
        ).values_list("contact_id", flat=True)
    )
    for one in fresh:
        hit = one.hit
        without_consent = hit.kind == Hit.Kind.OPEN and one.contact_id not in agreed
        if one.is_private or without_consent:
            hit.delivery_id, hit.visitor = None, ""
        if without_consent:
            hit.user_agent, hit.after_send_ms = "", None
            hit.occurred_at = hit.occurred_at.replace(minute=0, second=0, microsecond=0)
