"""Results as they were counted last, for everybody who looks: one viewer counts again when there is something new, and not
sooner than counting is worth it; the others get what there is.

What is exported, frozen or asked for by a program is counted anew always (`selectors.campaign_results`).
"""

import time as stopwatch
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils.translation import get_language

from campaigns.audiences.models import Audience, Consent, Contact, Segment, Suppression
from campaigns.measurement.attribution import window
from campaigns.measurement.models import Credit, Hit, Kept, Rollup
from campaigns.measurement.selectors import campaign_results
from campaigns.planning.models import Campaign, Publication, Stage, Target
from campaigns.planning.selectors import campaign_window
from campaigns.promotions.models import Offer, Order, Redemption, Refund
from campaigns.publishing.models import Attempt
from core import clock

REST_SECONDS = 3.0
"""So long at least what was counted is good for every viewer."""
REST_SHARE = 20.0
"""And so many times as long as the counting took: looking takes a twentieth of a process at most."""
AT_LAST_SECONDS = 60.0
"""It is counted again then though nothing seems new: rows may have gone, and days pass."""
ENDED_SECONDS = 3600.0
"""The same for a campaign whose last day, and the days in which its clicks earn credit, are over."""
_PATIENCE = timedelta(seconds=30)
"""Who began to count and has not come back for so long, or three times the last duration, is taken for dead."""

_BY_CHANGE: tuple[type[Model], ...] = (
    *(Campaign, Stage, Publication, Audience, Segment, Contact, Suppression),
    *(Offer, Order, Redemption),
)
_BY_ROW: tuple[type[Model], ...] = (Hit, Rollup, Credit, Refund, Attempt, Target, Consent)


def numbers_of(campaign: Campaign) -> dict[str, Any]:
    """The results of `campaign` as JSON's own types, as everybody sees them now; `as_of` says of when they are."""
    language = get_language() or "en"
    row = Kept.objects.filter(campaign=campaign, language=language).first()
    if row is None:
        return _count(campaign, language, mark())
    age = (clock.now() - row.counted_at).total_seconds()
    if age < 0 or age >= _rest(campaign, row.seconds):
        seen = mark()
        is_due = seen != row.mark or age >= (ENDED_SECONDS if _has_ended(campaign) else AT_LAST_SECONDS)
        if is_due and _claim(row):
            return _count(campaign, language, seen)
    found: dict[str, Any] = row.numbers
    return found


def mark() -> str:
    """A word that is another one whenever something was added or changed that results are made of: one query, by indexes."""
    quote = connection.ops.quote_name
    asked = [(model, "updated_at") for model in _BY_CHANGE] + [(model, "id") for model in _BY_ROW]
    parts = [
        f"SELECT {place}, CAST(MAX({quote(column)}) AS VARCHAR(40)) FROM {quote(model._meta.db_table)}"  # noqa: S608 - names of ours
        for place, (model, column) in enumerate(asked)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return "|".join(str(value) for _place, value in sorted(cursor.fetchall()))


def _rest(campaign: Campaign, seconds: float) -> float:
    return ENDED_SECONDS if _has_ended(campaign) else max(REST_SECONDS, REST_SHARE * seconds)


def _has_ended(campaign: Campaign) -> bool:
    """Whether its last day is over, and the days in which its clicks earn credit."""
    _first, last = campaign_window(campaign)
    if last is None:
        return False
    zone = clock.zone(campaign.market.timezone)
    return datetime.combine(last, datetime.max.time(), zone) + window() < clock.now()


def _claim(row: Kept) -> bool:
    """Only one viewer counts."""
    now = clock.now()
    free = Kept.objects.filter(pk=row.pk, claimed_until__lte=now)
    return bool(free.update(claimed_until=now + max(_PATIENCE, timedelta(seconds=3 * row.seconds))))


def _count(campaign: Campaign, language: str, seen: str) -> dict[str, Any]:
    begun = stopwatch.monotonic()
    numbers = campaign_results(campaign).as_dict()
    now = clock.now()
    Kept.objects.update_or_create(
        campaign=campaign,
        language=language,
        defaults={
            "numbers": numbers,
            "mark": seen,
            "counted_at": now,
            "seconds": stopwatch.monotonic() - begun,
            "claimed_until": now,
        },
    )
    return numbers
