"""From spool lines to hits: whose they are, whether a human made them, and what is kept of a person.

The caller (the drainer) holds the lock and the transaction. What is counted from hits is in `derived`.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce

from campaigns.audiences.models import Consent
from campaigns.measurement import derived, neighbours
from campaigns.measurement.models import Hit
from campaigns.measurement.verdicts import evidence_of, judge
from campaigns.planning.models import Campaign, Publication
from campaigns.publishing.models import Attempt, Delivery
from channels.base import Channel
from core import bulk, clock

OPENS = "opens"
"""The purpose a contact must have agreed to before an open is noted for them (see docs/explanation/numbers.md)."""

_KINDS = frozenset(Hit.Kind.values)


@dataclass(slots=True)
class Told:
    """What a spool line tells, with the fields of the `Hit` that it becomes, and what the row does not keep.

    A model instance costs more than all else that is done to a line.
    """

    spool_key: str
    kind: str
    occurred_at: datetime
    delivery_id: int | None = None
    link_number: int | None = None
    user_agent: str = ""
    path: str = ""
    referrer: str = ""
    visitor: str = ""
    campaign_slug: str = ""
    medium: str = ""
    is_head: bool = False
    publication_id: int | None = None
    campaign_id: int | None = None
    after_send_ms: int | None = None
    burst: int = 0
    ran_script: bool = False
    verdict: str = Hit.Verdict.UNSURE.value
    verdict_reason: str = ""
    content: str = ""
    is_private: bool = False
    contact_id: int | None = None
    is_direct: bool = False


_COLUMNS = {
    "spool_key": "spool_key",
    "kind": "kind",
    "verdict": "verdict",
    "verdict_reason": "verdict_reason",
    "delivery": "delivery_id",
    "publication": "publication_id",
    "campaign": "campaign_id",
    "link_number": "link_number",
    "path": "path",
    "referrer": "referrer",
    "visitor": "visitor",
    "campaign_slug": "campaign_slug",
    "medium": "medium",
    "user_agent": "user_agent",
    "is_head": "is_head",
    "after_send_ms": "after_send_ms",
    "burst": "burst",
    "ran_script": "ran_script",
    "occurred_at": "occurred_at",
}
_values = attrgetter(*_COLUMNS.values())


def read_line(line: bytes, spool_key: str) -> Told | None:
    """What a spool line tells; None when the line is torn or not ours."""
    try:
        told = json.loads(line)
        if told["k"] not in _KINDS:
            return None
        return Told(
            spool_key,
            told["k"],
            datetime.fromtimestamp(told["t"] / 1_000_000, tz=UTC),
            told.get("d"),
            told.get("n"),
            _text(told, "a"),
            _text(told, "p"),
            _text(told, "r"),
            _text(told, "v"),
            _text(told, "c"),
            _text(told, "m"),
            bool(told.get("h")),
            content=_text(told, "u"),
            is_private=bool(told.get("g")),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def ingest(fresh: Sequence[Told]) -> derived.Changes:
    """Store hits that are not stored yet, and everything that is derived from them.

    Of the hits that stand there already only those are read that the new ones may turn, and only those written that they do.
    """
    if not fresh:
        return derived.Changes()
    _place(fresh)
    _time_after_send(fresh)
    stored = neighbours.look_around([one for one in fresh if one.is_direct])
    for one in fresh:
        one.verdict, one.verdict_reason = judge(evidence_of(one))
    turned = _judge_again(stored)
    _forget_persons(fresh)
    last = Hit.objects.aggregate(last=Max("pk"))["last"] or 0
    now = clock.now()
    bulk.insert(Hit, (*_COLUMNS, "recorded_at"), ((*_values(one), now) for one in fresh))
    return derived.add(fresh, turned, after=last)


def _judge_again(stored: Collection[Hit]) -> list[tuple[Hit, str]]:
    """Write what has changed on stored hits; returns those whose verdict changed, each with the one before."""
    before = {hit.pk: hit.verdict for hit in stored}
    for hit in stored:
        hit.verdict, hit.verdict_reason = judge(evidence_of(hit))
    bulk.change(
        Hit,
        ("verdict", "verdict_reason", "burst", "ran_script"),
        ((hit.verdict, hit.verdict_reason, hit.burst, hit.ran_script, hit.pk) for hit in stored),
    )
    return [(hit, before[hit.pk]) for hit in stored if hit.verdict != before[hit.pk]]


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not value:
        return ""
    text = str(value)
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    # No database stores half a character, nor PostgreSQL a NUL; a hostile beacon may send both.
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _place(fresh: Iterable[Told]) -> None:
    """Find publication, campaign and contact: by the token, else by ``utm_content``, else by ``utm_campaign``."""
    copies: dict[int | None, tuple[int | None, int]] = {
        pk: (contact, publication)
        for pk, contact, publication in Delivery.objects.filter(
            pk__in={one.delivery_id for one in fresh if one.delivery_id}
        ).values_list("pk", "contact_id", "publication_id")
    }
    sent = {
        pk: (campaign, channel)
        for pk, campaign, channel in Publication.objects.filter(
            pk__in={publication for _contact, publication in copies.values()}
        ).values_list("pk", "stage__campaign_id", "channel")
    }
    contents = {one.content for one in fresh if one.content}
    publications = {
        str(public_id): (pk, campaign)
        for public_id, pk, campaign in Publication.objects.filter(
            public_id__in=filter(None, map(_uuid, contents))
        ).values_list("public_id", "pk", "stage__campaign_id")
    }
    slugs = {one.campaign_slug for one in fresh} - {""}
    campaigns = dict(Campaign.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    for one in fresh:
        if copy := copies.get(one.delivery_id):
            one.contact_id, one.publication_id = copy
            one.campaign_id, channel = sent[one.publication_id]
            one.is_direct = channel != Channel.SOCIAL
            continue
        one.delivery_id = None
        if named := publications.get(one.content.lower()):
            one.publication_id, one.campaign_id = named
        else:
            one.campaign_id = campaigns.get(one.campaign_slug)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _time_after_send(fresh: Iterable[Told]) -> None:
    """Note how long after the sending each direct copy was clicked. A post is read by all, so it tells nothing there."""
    clicks = [one for one in fresh if one.is_direct and one.kind == Hit.Kind.CLICK]
    sent: dict[int | None, datetime] = dict(
        Attempt.objects.filter(delivery_id__in={one.delivery_id for one in clicks})
        .values("delivery_id")
        .annotate(sent_at=Max(Coalesce("finished_at", "started_at")))
        .values_list("delivery_id", "sent_at")
    )
    for one in clicks:
        if sent_at := sent.get(one.delivery_id):
            one.after_send_ms = int((one.occurred_at - sent_at) / timedelta(milliseconds=1))


def _forget_persons(fresh: Iterable[Told]) -> None:
    """Keep no person with a hit whose maker does not want it, nor with an open without consent.

    What is left counts for the publication; of an open it is the hour alone.
    """
    opens = {one.contact_id for one in fresh if one.kind == Hit.Kind.OPEN and one.contact_id}
    agreed = set(
        Consent.objects.filter(contact_id__in=opens, purpose=OPENS, granted=True).values_list("contact_id", flat=True)
    )
    for one in fresh:
        without_consent = one.kind == Hit.Kind.OPEN and one.contact_id not in agreed
        if one.is_private or without_consent:
            one.delivery_id, one.visitor = None, ""
        if without_consent:
            one.user_agent, one.after_send_ms = "", None
            one.occurred_at = one.occurred_at.replace(minute=0, second=0, microsecond=0)
