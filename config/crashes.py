"""Errors to Sentry (or what speaks like it), where ``ALMANAC_SENTRY_DSN`` names a place; the extra ``almanac[sentry]``.

What is sent is the trace, the kind of error and the request's id. Not the address that was asked for (it may hold a person's
token), no headers, no bodies, no local variables, no SQL; and what looks like an e-mail address is taken out of the words.
"""

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings

from config.logs import REQUEST_ID

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_ADDRESS = re.compile(r"[^\s<>\"'(),:;=]+@[^\s<>\"'(),:;=]+")
_HIDDEN = "[address]"


def report() -> None:
    """Begin to report, if a place is named."""
    if not settings.ALMANAC_SENTRY_DSN:
        return
    import sentry_sdk

    sentry_sdk.init(
        dsn=settings.ALMANAC_SENTRY_DSN,
        environment=settings.ALMANAC_SENTRY_ENVIRONMENT,
        release=f"almanac@{settings.VERSION}",
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrub,
    )


def scrub(event: "Event", hint: "Hint") -> "Event":
    """The event without what could name a person."""
    event.pop("request", None)
    event.pop("user", None)
    event.pop("breadcrumbs", None)
    event.pop("extra", None)
    if asked := REQUEST_ID.get():
        event.setdefault("tags", {})["request_id"] = asked
    release = event.pop("release", None)  # spelled name@version
    cleaned: Event = _without_addresses(event)
    if release:
        cleaned["release"] = release
    return cleaned


def _without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return _ADDRESS.sub(_HIDDEN, value)
    if isinstance(value, dict):
        return {name: _without_addresses(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_addresses(inner) for inner in value]
    return value
