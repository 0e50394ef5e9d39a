"""Freezing a review: the numbers, what they meant, and what people made of them, as they stood."""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.measurement.definitions import definitions
from campaigns.measurement.models import Review
from campaigns.measurement.selectors import campaign_results
from campaigns.planning.models import Campaign
from core import clock, webhooks
from core.errors import Invalid
from core.models import User


def freeze(campaign: Campaign, *, findings: str, decisions: str, by: User | None, at: datetime | None = None) -> Review:
    """Keep the results of `campaign` as they are now, with their definitions, for ever.

    `at` dates a review of figures that are older than it: the demo's past.
    Raises `Invalid` when nothing was measured yet, or when nobody wrote down what was found.
    """
    results = campaign_results(campaign, at)
    if results.is_empty:
        raise Invalid(_("There is nothing to review yet: nothing was sent, seen or bought. Come back when it was."))
    if not findings.strip():
        raise Invalid(_("Write down what you found: the numbers alone will not tell it next year."), field="findings")
    numbers = {
        **results.as_dict(),
        "definitions": definitions(),
        "attribution_days": settings.ALMANAC_ATTRIBUTION_DAYS,
    }
    with transaction.atomic():
        review = Review.objects.create(
            campaign=campaign,
            numbers=numbers,
            cut_off=results.as_of,
            findings=findings.strip(),
            decisions=decisions.strip(),
            digest=digest(numbers, findings.strip(), decisions.strip()),
            frozen_by=by,
            frozen_at=at or clock.now(),
        )
        webhooks.announce("review.frozen", {"review": str(review.public_id), "campaign": str(campaign.public_id)})
        log(review, "almanac.freeze_review", user=by, data={"campaign": campaign.slug})
    return review


def digest(numbers: dict[str, Any], findings: str, decisions: str) -> str:
    """SHA-256 over the canonical JSON of a review."""
    canonical = json.dumps([numbers, findings, decisions], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_intact(review: Review) -> bool:
    """Whether a review is what was frozen."""
    return digest(review.numbers, review.findings, review.decisions) == review.digest
