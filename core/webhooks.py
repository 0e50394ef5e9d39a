"""Outgoing webhooks: what happens is told to addresses of the shop's, signed, and again until it is taken.

`announce` writes the outbox in the transaction of what it tells: nothing is told that did not happen, and nothing that
happened is lost. `send_due` posts what is due, through the one outgoing door (`core.http`), and puts off what was not taken.
An event may arrive more than once (an answer that was lost): ``webhook-id`` is the same each time.

Signed as Standard Webhooks 1.0 says: ``webhook-signature: v1,`` and the base64 of HMAC-SHA256 over
``{webhook-id}.{webhook-timestamp}.{body}``, keyed by the bytes behind ``whsec_``.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from wagtail.log_actions import log as audit

from core import clock, crypto, http, installation
from core.errors import AlmanacError, Conflict, Invalid
from core.ids import uuid7
from core.models import User, WebhookDelivery, WebhookEndpoint

log = logging.getLogger(__name__)

PUBLICATION = ("planned", "submitted", "approved", "scheduled", "live", "paused", "held", "done", "cancelled", "failed")
MESSAGE = (
    "queued", "sent", "delivered", "deferred", "bounced", "rejected", "failed", "opened", "clicked", "complained",
    "unsubscribed",
)  # fmt: skip
EVENTS = (
    *(f"publication.{state}" for state in PUBLICATION),
    *(f"delivery.{kind}" for kind in MESSAGE),
    "contact.erased",
    "review.frozen",
)
"""Every event there is, in the words of the glossary."""

TEST = "test"
SECONDS = 10.0
RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
)
"""How long after each try that failed; then it is given up, some two days after the first."""
CLAIM = timedelta(seconds=60)
State = WebhookDelivery.State


# --- What happens ----------------------------------------------------------------------------------------------------


def announce(event: str, data: "Mapping[str, Any] | Callable[[], Mapping[str, Any]]", *, key: str = "") -> None:
    """Tell `event` to whoever wants it, in the transaction of the caller. A `key` that was told before is not told again.

    `data` may be a function, which is asked only when somebody wants to know.
    """
    if event not in EVENTS:
        raise ValueError(f"{event} is no event; see core.webhooks.EVENTS")
    wanted = [one for one in WebhookEndpoint.objects.filter(is_active=True) if wants(one, event)]
    if wanted:
        key = key or str(uuid7())
        data = data() if callable(data) else data
        WebhookDelivery.objects.bulk_create(
            [_delivery(endpoint, event, data, key) for endpoint in wanted], ignore_conflicts=True
        )


def wants(endpoint: WebhookEndpoint, event: str) -> bool:
    """Whether the address asked for `event`."""
    return bool({"*", event, f"{event.partition('.')[0]}.*"} & set(endpoint.events))


def _delivery(endpoint: WebhookEndpoint, event: str, data: Mapping[str, Any], key: str) -> WebhookDelivery:
    now = clock.now()
    body = {"type": event, "timestamp": now.isoformat(), "data": data}
    return WebhookDelivery(
        endpoint=endpoint,
        event=event,
        key=f"{event}:{key}"[:100],
        body=json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        next_at=now,
    )


# --- Who is told -----------------------------------------------------------------------------------------------------


@transaction.atomic
def create(url: str, events: Iterable[str], by: User | None, *, description: str = "") -> tuple[WebhookEndpoint, str]:
    """A new address and its secret, which is shown this once. Raises `Invalid`, and `AddressRefused` as `core.http` does."""
    endpoint = WebhookEndpoint(created_by=by)
    _assign(endpoint, {"url": url, "events": list(events), "description": description})
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    endpoint.sealed_secret = crypto.encrypt_json(secret, bound_to=_place(endpoint))
    endpoint.save()
    audit(endpoint, "almanac.webhook.create", user=by)
    return endpoint, secret


@transaction.atomic
def change(endpoint: WebhookEndpoint, values: Mapping[str, Any], by: User | None) -> WebhookEndpoint:
    """Change url, events, description or is_active. What waits for an address goes to where it is then."""
    _assign(endpoint, values)
    endpoint.save()
    audit(endpoint, "almanac.webhook.change", user=by, data={"fields": sorted(values)})
    return endpoint


@transaction.atomic
def remove(endpoint: WebhookEndpoint, by: User | None) -> None:
    """Tell it nothing any more, and forget what it was told."""
    audit(endpoint, "almanac.webhook.delete", user=by, deleted=True)
    endpoint.delete()


def _assign(endpoint: WebhookEndpoint, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(endpoint, name, value)
    http.check_url(endpoint.url)
    known = {"*", *EVENTS, *(f"{event.partition('.')[0]}.*" for event in EVENTS)}
    if unknown := [event for event in endpoint.events if event not in known]:
        raise Invalid(
            _("There is no event “%(unknown)s”. There are %(known)s; publication.* and * name several.")
            % {"unknown": ", ".join(unknown)[:100], "known": ", ".join(EVENTS)},
            field="events",
        )
    if not endpoint.events:
        raise Invalid(_("Say which events this address wants; * is all of them."), field="events")


def _place(endpoint: WebhookEndpoint) -> str:
    return f"core.WebhookEndpoint:{endpoint.public_id}:secret"


# --- Sending ---------------------------------------------------------------------------------------------------------


def send_due(most: int = 100) -> int:
    """Post what is due, oldest first; answers how many were taken. Safe beside another: each is claimed first.

    An installation that may not send (it looks like a copy) tells nobody anything.
    """
    if not installation.may_send()[0]:
        return 0
    taken = 0
    due = WebhookDelivery.objects.filter(state=State.WAITING, next_at__lte=clock.now(), endpoint__is_active=True)
    with http.Door() as door:
        for delivery in due.select_related("endpoint").order_by("next_at", "pk")[:most]:
            if _claim(delivery):
                taken += _post(door, delivery)
    return taken


def test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Tell the address a test now, and answer what became of it."""
    delivery = _delivery(endpoint, TEST, {"message": "This is a test."}, str(uuid7()))
    delivery.next_at = clock.now() + CLAIM
    delivery.attempts = 1
    delivery.save()
    with http.Door() as door:
        _post(door, delivery, retry=False)
    return delivery


def replay(delivery: WebhookDelivery, by: User | None) -> WebhookDelivery:
    """Tell it once more, from the beginning of its tries. Raises `Conflict` while it waits anyway."""
    moved = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(state=State.WAITING)
    if not moved.update(state=State.WAITING, attempts=0, next_at=clock.now(), error="", delivered_at=None):
        raise Conflict(_("This is waiting to be told anyway."), code="waiting")
    audit(delivery.endpoint, "almanac.webhook.replay", user=by, data={"event": delivery.event})
    delivery.refresh_from_db()
    return delivery


def signed(endpoint: WebhookEndpoint, delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that prove who says it, and when."""
    secret = crypto.decrypt_json(endpoint.sealed_secret, bound_to=_place(endpoint))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = str(int(at.timestamp()))
    mac = hmac.new(key, f"{delivery_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _claim(delivery: WebhookDelivery) -> bool:
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING, next_at=delivery.next_at)
    return rows.update(next_at=clock.now() + CLAIM, attempts=F("attempts") + 1) == 1


def _post(door: http.Door, delivery: WebhookDelivery, *, retry: bool = True) -> bool:
    body = delivery.body.encode()
    try:
        headers = signed(delivery.endpoint, str(delivery.public_id), clock.now(), body)
        answer = door.request(
            "POST",
            delivery.endpoint.url,
            headers={"Content-Type": "application/json", **headers},
            content=body,
            seconds=SECONDS,
            max_bytes=64 * 1024,
        )
        status, error = answer.status, "" if 200 <= answer.status < 300 else f"It answered {answer.status}."
    except AlmanacError as refused:
        status, error = None, refused.message
    delivery.refresh_from_db(fields=["attempts"])
    now = clock.now()
    if not error:
        delivery.state, delivery.delivered_at = State.DELIVERED, now
    elif retry and delivery.attempts <= len(RETRIES):
        delivery.next_at = now + RETRIES[delivery.attempts - 1]
    else:
        delivery.state = State.FAILED
        log.warning("The webhook %s was given up: %s", delivery.public_id, delivery.event)
    delivery.status, delivery.error = status, error[:300]
    delivery.save(update_fields=["state", "delivered_at", "next_at", "status", "error"])
    return not error


def prune(days: int = 30) -> int:
    """Forget what was told, or given up, that long ago."""
    old = WebhookDelivery.objects.filter(created_at__lt=clock.now() - timedelta(days=days))
    return old.exclude(state=State.WAITING).delete()[0]
