"""Outgoing webhooks over HTTP: who is told what, and what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from core import webhooks
from core.api import In, Router, Status, bearer, given, idempotent, one
from core.api_lists import Filter, listing
from core.models import WebhookDelivery, WebhookEndpoint

router = Router(tags=["webhooks"])
read, write = bearer("webhooks:read"), bearer("webhooks:write")
ABOUT = f"Names, `publication.*`, or `*` for all. There are {', '.join(webhooks.EVENTS)}."


class WebhookIn(In):
    """An address to be told what happens."""

    url: str = Field(max_length=500, examples=["https://shop.example/almanac"])
    events: list[str] = Field(min_length=1, max_length=100, description=ABOUT, examples=[["publication.*"]])
    description: str = Field("", max_length=200)


class WebhookPatch(In):
    """What shall change."""

    url: str | None = Field(None, max_length=500)
    events: list[str] | None = Field(None, min_length=1, max_length=100, examples=[["delivery.bounced"]])
    description: str | None = Field(None, max_length=200)
    is_active: bool | None = None


class WebhookOut(Schema):
    """An address that is told."""

    id: UUID
    url: str
    events: list[str]
    description: str
    is_active: bool
    created_at: datetime
    updated_at: datetime


class WebhookMadeOut(WebhookOut):
    """A new one. `secret` is shown this once: check signatures with it (Standard Webhooks)."""

    secret: str


class WebhookDeliveryOut(Schema):
    """One event for one address. `id` is what travels as ``webhook-id``."""

    id: UUID
    webhook: UUID
    event: str
    body: str
    state: WebhookDelivery.State
    attempts: int
    next_at: datetime | None = Field(description="When it is tried again; null when it is not.")
    status: int | None = Field(description="Of the last answer.")
    error: str
    created_at: datetime
    delivered_at: datetime | None
    updated_at: datetime


def _out(endpoint: WebhookEndpoint) -> dict[str, Any]:
    own = ("url", "events", "description", "is_active", "created_at", "updated_at")
    return {"id": endpoint.public_id, **{name: getattr(endpoint, name) for name in own}}


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    own = ("event", "body", "state", "attempts", "status", "error", "created_at", "delivered_at", "updated_at")
    return {
        **{name: getattr(row, name) for name in own},
        "id": row.public_id,
        "webhook": row.endpoint.public_id,
        "next_at": row.next_at if row.state == WebhookDelivery.State.WAITING else None,
    }


def _deliveries() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.select_related("endpoint")


def _endpoint(id: str) -> WebhookEndpoint:
    return one(WebhookEndpoint.objects.all(), id, "webhook")


listing(
    router,
    "/webhooks",
    "webhooks:read",
    WebhookOut,
    WebhookEndpoint.objects.all,
    _out,
    filters={"is_active": Filter("is_active", "Only those that are told now, or all others.", bool)},
    search=("url", "description"),
)
listing(
    router,
    "/webhook-deliveries",
    "webhooks:read",
    WebhookDeliveryOut,
    _deliveries,
    _delivery,
    filters={
        "webhook": Filter("endpoint__public_id", "Id of a webhook.", UUID),
        "event": Filter("event", "Name of an event."),
        "state": Filter("state", "Whether it was taken.", WebhookDelivery.State),
    },
)


@router.post("/webhooks", auth=write, response={201: WebhookMadeOut}, summary="Make a webhook")
@idempotent
def create_webhook(request: HttpRequest, body: WebhookIn) -> Any:
    """The secret stands in this answer and nowhere else."""
    endpoint, secret = webhooks.create(body.url, body.events, request.auth, description=body.description)  # type: ignore[attr-defined]
    return Status(201, {**_out(endpoint), "secret": secret})


@router.get("/webhooks/{id}", auth=read, response=WebhookOut, summary="Read a webhook")
def read_webhook(request: HttpRequest, id: str) -> Any:
    """One address that is told."""
    return _out(_endpoint(id))


@router.patch("/webhooks/{id}", auth=write, response=WebhookOut, summary="Change a webhook")
@idempotent
def change_webhook(request: HttpRequest, id: str, body: WebhookPatch) -> Any:
    """Only what the body names changes."""
    return _out(webhooks.change(_endpoint(id), given(body), request.auth))  # type: ignore[attr-defined]


@router.delete("/webhooks/{id}", auth=write, response={204: None}, summary="Delete a webhook")
def delete_webhook(request: HttpRequest, id: str) -> Any:
    """It is told nothing any more."""
    webhooks.remove(_endpoint(id), request.auth)  # type: ignore[attr-defined]
    return Status(204, None)


@router.post("/webhooks/{id}/test", auth=write, response=WebhookDeliveryOut, summary="Test a webhook")
@idempotent(atomic=False)
def test_webhook(request: HttpRequest, id: str) -> Any:
    """Tell it a test now, once. What came of it stands in the answer, not in its status."""
    return _delivery(webhooks.test(_endpoint(id)))


@router.get("/webhook-deliveries/{id}", auth=read, response=WebhookDeliveryOut, summary="Read a webhook delivery")
def read_webhook_delivery(request: HttpRequest, id: str) -> Any:
    """One event for one address."""
    return _delivery(one(_deliveries(), id, "webhook delivery"))


@router.post(
    "/webhook-deliveries/{id}/replay", auth=write, response=WebhookDeliveryOut, summary="Replay a webhook delivery"
)
@idempotent
def replay_webhook_delivery(request: HttpRequest, id: str) -> Any:
    """Tell it once more, with the same id."""
    return _delivery(webhooks.replay(one(_deliveries(), id, "webhook delivery"), request.auth))  # type: ignore[attr-defined]
