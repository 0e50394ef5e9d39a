"""The HTTP edge of this room: what is done with a publication, and what became of every copy."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Schema

from campaigns.planning.api import PublicationOut, PublicationPatch, changed, planned, publication_dict
from campaigns.planning.models import Publication
from campaigns.planning.services import publications as plans
from campaigns.publishing import obstacles, reasons, selectors
from campaigns.publishing.models import Delivery, Run
from campaigns.publishing.services import publications, seals
from campaigns.publishing.states import DeliveryState, RunState
from core.api import In, Instant, Router, Status, bearer, idempotent, one
from core.api_lists import Filter, listing
from core.models import User
from core.obstacles import Obstacle

router = Router(tags=["publishing"])


class LedgerOut(Schema):
    """Every recipient, counted once: `targeted` is the sum of the others."""

    targeted: int
    pending: int
    claimed: int
    attempting: int
    accepted: int
    rejected: int
    skipped: int
    unknown: int
    unconfirmed: int


class RunOut(Schema):
    """One wave. `zones` is empty when it is for everybody; `targeted` is null until its audience is frozen."""

    id: UUID
    due_at: datetime
    state: RunState
    state_reason: str
    zones: list[str]
    wave: str
    targeted: int | None


class ObstacleOut(Schema):
    """What keeps it from going on: `code` for machines, what is wrong, what to do next, and who can do it.

    `passes` says that it goes away by itself.
    """

    code: str
    sentence: str
    next_step: str
    who: str
    passes: bool


class PublicationStateOut(PublicationOut):
    """A publication as it stands: what was planned, its runs, the ledger, and what stands in its way.

    `warnings` are the obstacles as sentences: a verb that was taken although nothing goes out yet says so there.
    """

    state_reason: str
    warnings: list[str]
    obstacles: list[ObstacleOut]
    runs: list[RunOut]
    ledger: LedgerOut


class SubmittedOut(PublicationStateOut):
    """As the publication stands; `advice` is what its author and reviewer may want to mend before it is approved."""

    advice: list[str]


class RejectIn(In):
    """Why it goes back to its author."""

    reason: str = Field(min_length=1, max_length=2000, examples=["The price is last year's."])


class DeliveryOut(Schema):
    """One copy. `external_id` is null for a post, which has no recipient, and once the contact is erased."""

    external_id: str | None
    state: DeliveryState
    reason: str
    attempts: int
    changed_at: datetime


read = bearer("publications:read")
write = bearer("publications:write")
approve_scope = bearer("publications:approve")


@router.get("/publications/{public_id}", auth=read, response=PublicationStateOut)
def get_publication(request: HttpRequest, public_id: str) -> Any:
    """One publication with its runs and its ledger."""
    return _as_dict(_publication(public_id))


@router.patch("/publications/{public_id}", auth=write, response=PublicationStateOut, summary="Change a plan")
@idempotent
def change_publication(request: HttpRequest, public_id: str, data: PublicationPatch) -> Any:
    """Withdraw what was submitted or approved first."""
    return _do(request, public_id, lambda publication, by: changed(publication, data, by))


@router.delete("/publications/{public_id}", auth=write, response={204: None}, summary="Delete a plan")
def delete_publication(request: HttpRequest, public_id: str) -> Any:
    """A bare plan; what was ever submitted has a history and is cancelled instead (409)."""
    plans.remove(_publication(public_id), by=request.auth)  # type: ignore[attr-defined]
    return Status(204, None)


@router.post("/publications/{public_id}/submit", auth=write, response=SubmittedOut)
@idempotent
def submit(request: HttpRequest, public_id: str) -> Any:
    """Ask for approval; the answer says what is worth a look before it is given."""
    answer = _do(request, public_id, publications.submit)
    return {**answer, "advice": seals.advice(_publication(public_id))}


@router.post("/publications/{public_id}/withdraw", auth=write, response=PublicationStateOut)
@idempotent
def withdraw(request: HttpRequest, public_id: str) -> Any:
    """Take it back to planned, to change it; an approval no longer holds then."""
    return _do(request, public_id, publications.withdraw)


@router.post("/publications/{public_id}/approve", auth=approve_scope, response=PublicationStateOut)
@idempotent
def approve(request: HttpRequest, public_id: str) -> Any:
    """Seal it, as somebody else than its author (403 otherwise). What was not yet submitted is submitted first."""
    return _do(request, public_id, publications.approve)


@router.post("/publications/{public_id}/reject", auth=approve_scope, response=PublicationStateOut)
@idempotent
def reject(request: HttpRequest, public_id: str, data: RejectIn) -> Any:
    """Send it back to its author with a reason."""
    return _do(request, public_id, lambda publication, by: publications.reject(publication, by, data.reason))


@router.post("/publications/{public_id}/schedule", auth=write, response=PublicationStateOut)
@idempotent
def schedule(request: HttpRequest, public_id: str) -> Any:
    """Let it go out at its moment. `warnings` say what would keep it from going even so."""
    return _do(request, public_id, publications.schedule)


@router.post("/publications/{public_id}/pause", auth=write, response=PublicationStateOut)
@idempotent
def pause(request: HttpRequest, public_id: str) -> Any:
    """Stop; what is in the air ends, nothing new begins."""
    return _do(request, public_id, publications.pause)


@router.post("/publications/{public_id}/resume", auth=write, response=PublicationStateOut)
@idempotent
def resume(request: HttpRequest, public_id: str) -> Any:
    """Go on where it was paused. `warnings` say what would keep it from going even so."""
    return _do(request, public_id, publications.resume)


@router.post("/publications/{public_id}/release", auth=write, response=PublicationStateOut)
@idempotent
def release(request: HttpRequest, public_id: str) -> Any:
    """Let go what was held, after a look. `warnings` say what would keep it from going even so."""
    return _do(request, public_id, publications.release)


@router.post("/publications/{public_id}/cancel", auth=write, response=PublicationStateOut)
@idempotent
def cancel(request: HttpRequest, public_id: str) -> Any:
    """Stop for good."""
    return _do(request, public_id, publications.cancel)


# --- Shared ----------------------------------------------------------------------------------------------------------


def _publication(public_id: str) -> Publication:
    return one(planned(), public_id, "publication")


def _do(request: HttpRequest, public_id: str, verb: Callable[[Publication, User], object]) -> dict[str, Any]:
    verb(_publication(public_id), request.auth)  # type: ignore[attr-defined]
    return _as_dict(_publication(public_id))


def _as_dict(publication: Publication) -> dict[str, Any]:
    runs = publication.runs.select_related("snapshot").order_by("due_at", "pk")
    found = obstacles.of(publication)
    return {
        **publication_dict(publication),
        "title": str(publication),
        "state_reason": reasons.words(publication.state_reason),
        "warnings": obstacles.sentences(found),
        "obstacles": [_obstacle(one) for one in found],
        "runs": [_run(run) for run in runs],
        "ledger": selectors.ledger(publication),
    }


def _obstacle(one: Obstacle) -> dict[str, Any]:
    return {
        "code": one.code,
        "sentence": one.sentence,
        "next_step": one.step,
        "who": one.who,
        "passes": one.passes,
    }


def _run(run: Run) -> dict[str, Any]:
    snapshot = getattr(run, "snapshot", None)
    return {
        "id": run.public_id,
        "due_at": run.due_at,
        "state": run.state,
        "state_reason": reasons.words(run.state_reason),
        "zones": run.zones,
        "wave": run.wave,
        "targeted": snapshot.targeted if snapshot else None,
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "external_id": row.contact.external_id if row.contact else None,
        "state": row.state,
        "reason": row.reason,
        "attempts": row.attempts_made,
        "changed_at": row.changed_at,
    }


# --- Deliveries ------------------------------------------------------------------------------------------------------


def _deliveries(public_id: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(publication=_publication(public_id)).select_related("contact")


listing(
    router,
    "/publications/{public_id}/deliveries",
    "publications:read",
    DeliveryOut,
    _deliveries,
    _delivery,
    filters={
        "state": Filter("state", "Only those in this state.", DeliveryState),
        "contact": Filter("contact__external_id", "Your id of the recipient."),
        "changed_since": Filter("changed_at__gte", "Only what changed at this instant or later.", Instant),
    },
    updated="",
    about="What became of every copy.",
)
