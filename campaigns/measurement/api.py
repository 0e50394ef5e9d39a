"""The HTTP edge of this room: results, reviews, and the timeline of a contact."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Query, Schema

from campaigns.audiences.api import contact_of
from campaigns.measurement import timeline
from campaigns.measurement.models import Review
from campaigns.measurement.selectors import campaign_results
from campaigns.measurement.services import reviews
from campaigns.planning.models import Campaign
from core.api import In, Router, Status, bearer, idempotent, one
from core.api_lists import Asked, Filter, cursor_at, listing, place_of

router = Router(tags=["measurement"])


class ReviewIn(In):
    """What people made of the numbers."""

    findings: str = Field(
        min_length=1, max_length=20_000, examples=["The second reminder brought a third of the orders."]
    )
    decisions: str = Field("", max_length=20_000)


class ReviewListedOut(Schema):
    """A frozen review, without its numbers."""

    id: UUID
    campaign: UUID
    cut_off: datetime
    findings: str
    decisions: str
    digest: str = Field(description="SHA-256 over numbers, findings and decisions, as frozen.")
    frozen_at: datetime


class ReviewOut(ReviewListedOut):
    """A frozen review with the results, targets and definitions as they stood. `intact`: it is what was frozen."""

    numbers: dict[str, Any]
    intact: bool


def _campaign(campaign_id: str) -> Campaign:
    return one(Campaign.objects.select_related("market", "audience"), campaign_id, "campaign")


@router.get("/campaigns/{campaign_id}/results", auth=bearer("results:read"), response={200: dict[str, Any]})
def results(request: HttpRequest, campaign_id: str) -> Any:
    """What a campaign has brought: audience-window figures, attributed ones, per stage, channel and publication."""
    return campaign_results(_campaign(campaign_id)).as_dict()


# --- Reviews ---------------------------------------------------------------------------------------------------------


def _reviews() -> QuerySet[Review]:
    return Review.objects.select_related("campaign")


def _listed(review: Review) -> dict[str, Any]:
    own = ("cut_off", "findings", "decisions", "digest", "frozen_at")
    return {
        **{name: getattr(review, name) for name in own},
        "id": review.public_id,
        "campaign": review.campaign.public_id,
    }


def _review(review: Review) -> dict[str, Any]:
    return {**_listed(review), "numbers": review.numbers, "intact": reviews.is_intact(review)}


listing(
    router,
    "/reviews",
    "reviews:read",
    ReviewListedOut,
    _reviews,
    _listed,
    filters={"campaign": Filter("campaign__public_id", "Id of a campaign.", UUID)},
    search=("findings", "decisions", "campaign__name"),
    updated="frozen_at",
)


@router.get("/reviews/{id}", auth=bearer("reviews:read"), response=ReviewOut, summary="Read a review")
def read_review(request: HttpRequest, id: str) -> Any:
    """One review with its numbers."""
    return _review(one(_reviews(), id, "review"))


@router.post(
    "/campaigns/{campaign_id}/reviews",
    auth=bearer("reviews:write"),
    response={201: ReviewOut},
    summary="Freeze a review",
)
@idempotent
def freeze_review(request: HttpRequest, campaign_id: str, body: ReviewIn) -> Any:
    """Keep the results as they are now, for ever. A review is never changed or deleted; freeze a new one instead."""
    review = reviews.freeze(
        _campaign(campaign_id),
        findings=body.findings,
        decisions=body.decisions,
        by=request.auth,  # type: ignore[attr-defined]
    )
    return Status(201, _review(review))


# --- Timeline --------------------------------------------------------------------------------------------------------


class EntryOut(Schema):
    """One thing that happened. Which `details` there are depends on its `source`."""

    at: datetime
    source: Literal["consent", "delivery", "event", "click", "order", "refund", "redemption", "suppression"]
    kind: str = Field(description="Such as consented, accepted, skipped, delivered, bounced, clicked, ordered, closed.")
    details: dict[str, Any]


class TimelinePage(Schema):
    """One page, the newest first. `next_cursor` is null on the last one."""

    items: list[EntryOut]
    next_cursor: str | None


@router.get(
    "/contacts/{id}/timeline", auth=bearer("contacts:read"), response=TimelinePage, summary="Read a contact's timeline"
)
def read_timeline(request: HttpRequest, id: str, asked: Query[Asked]) -> Any:
    """Everything that is known of a contact, the newest first: consents, messages and what became of them, clicks, orders."""
    contact = contact_of(id)
    place = place_of(request, asked)
    before = (datetime.fromisoformat(place[0]), place[1], place[2]) if place else None
    found = timeline.page(contact, asked.limit + 1, before)
    shown = found[: asked.limit]
    after = [shown[-1].at.isoformat(), shown[-1].source, shown[-1].row] if len(found) > asked.limit else None
    return {"items": shown, "next_cursor": cursor_at(request, after)}
