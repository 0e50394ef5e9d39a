"""SendGrid's Mail Send (v3) and its signed Event Webhook, as their documentation describes them."""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

from channels.sandbox.http import Request, Response, answer
from channels.sandbox.keys import Keys
from channels.sandbox.people import will
from channels.sandbox.store import ARRIVED, BOUNCED, DROPPED, Arrival, Store

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
MOST_RECIPIENTS = 1000
MOST_CUSTOM_ARGS = MOST_SUBSTITUTIONS = 10_000
_TOP = (
    "personalizations from reply_to reply_to_list subject content attachments template_id headers categories custom_args"
    " send_at batch_id asm ip_pool_name mail_settings tracking_settings sections"
)
_PERSONAL = "from to cc bcc subject headers substitutions dynamic_template_data custom_args send_at"
_RESERVED = (
    "x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding to from subject reply-to cc bcc"
)
_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\]+@[^\s<>@,;:\"()\[\]\\]+\.[^\s<>@,;:\"()\[\]\\.]+\Z")
REF_NAMES = ("almanac_ref", "ref", "delivery", "delivery_id")
"""Custom arguments that may hold our delivery reference, in this order."""


class Wrong(Exception):
    """A rule that the request breaks."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def handle(request: Request, store: Store, keys: Keys, *, record: bool = True) -> Response:
    """``POST /v3/mail/send``, and ``GET /v3/scopes`` to try the key."""
    if request.headers.get("authorization") != f"Bearer {keys.sendgrid_api_key}":
        return _errors(401, None, "The provided authorization grant is invalid, expired, or revoked")
    if request.path == "/v3/scopes":
        return answer(200, {"scopes": ["mail.send"]})
    if request.content_type != "application/json":
        return _errors(415, None, "Content-Type should be application/json.")
    mail = request.json()
    try:
        check(mail)
    except Wrong as wrong:
        return _errors(400, wrong.field, str(wrong))
    if mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
        return Response(200)
    message_id = secrets.token_urlsafe(16)
    if record:
        _take(mail, message_id, store)
    return Response(202, b"", {"X-Message-Id": message_id})


def check(mail: Any) -> None:
    """Raise `Wrong` for the first rule that the request breaks."""
    if not isinstance(mail, dict):
        raise Wrong("", "Bad Request")
    _only(mail, _TOP, "")
    people = mail.get("personalizations")
    if not isinstance(people, list) or not people:
        raise Wrong(
            "personalizations", "The personalizations field is required and must have at least one personalization."
        )
    if len(people) > MOST_RECIPIENTS:
        raise Wrong("personalizations", f"The maximum number of personalizations is {MOST_RECIPIENTS}.")
    _check_address(mail.get("from"), "from")
    if "reply_to" in mail:
        _check_address(mail["reply_to"], "reply_to")
    _check_content(mail)
    _check_args(mail, "")
    _check_headers(mail, "")
    count = 0
    for number, person in enumerate(people):
        count += _check_person(person, f"personalizations.{number}.", mail)
    if count > MOST_RECIPIENTS:
        raise Wrong("personalizations", f"The total number of recipients must be no more than {MOST_RECIPIENTS}.")


def _check_content(mail: Mapping[str, Any]) -> None:
    if mail.get("template_id"):
        return
    content = mail.get("content")
    if not isinstance(content, list) or not content:
        raise Wrong("content", "Unless a valid template_id is provided, the content parameter is required.")
    for number, part in enumerate(content):
        for name in ("type", "value"):
            value = part.get(name) if isinstance(part, dict) else None
            if not isinstance(value, str) or not value:
                raise Wrong(
                    f"content.{number}.{name}", f"The content {name} must be a string at least one character in length."
                )
    kinds = [part["type"] for part in content]
    if "text/plain" in kinds and kinds[0] != "text/plain":
        raise Wrong("content", "If present, text/plain must be first, followed by text/html, then any other types.")


def _check_person(person: Any, at: str, mail: Mapping[str, Any]) -> int:
    if not isinstance(person, dict):
        raise Wrong(at[:-1], "Bad Request")
    _only(person, _PERSONAL, at)
    to = person.get("to")
    if not isinstance(to, list) or not to:
        raise Wrong(
            f"{at}to",
            "The to array is required for all personalization objects, and must have at least one email object.",
        )
    seen: set[str] = set()
    for name in ("to", "cc", "bcc"):
        for number, address in enumerate(person.get(name, [])):
            _check_address(address, f"{at}{name}.{number}")
            if address["email"].lower() in seen:
                raise Wrong(
                    at[:-1], "Each email address in the personalization block should be unique between to, cc, and bcc."
                )
            seen.add(address["email"].lower())
    subject = person.get("subject", mail.get("subject"))
    if not mail.get("template_id") and (not isinstance(subject, str) or not subject):
        raise Wrong("subject", "The subject is required. You can get around this requirement if you use a template.")
    _check_args(person, at)
    _check_headers(person, at)
    substitutions = _texts(person, "substitutions", at)
    if sum(len(name.encode()) + len(text.encode()) for name, text in substitutions.items()) > MOST_SUBSTITUTIONS:
        raise Wrong(f"{at}substitutions", "The substitutions are larger than 10000 bytes.")
    return len(seen)


def _only(value: Mapping[str, Any], known: str, at: str) -> None:
    for name in value:
        if name not in known.split():
            raise Wrong(f"{at}{name}", f"Additional property {name} is not allowed")


def _check_address(value: Any, at: str) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("email"), str):
        raise Wrong(f"{at}.email", "The email object must be provided for every address, with a string as its email.")
    if not _ADDRESS.match(value["email"]):
        raise Wrong(f"{at}.email", "Does not contain a valid address.")


def _texts(value: Mapping[str, Any], name: str, at: str) -> dict[str, str]:
    found = value.get(name, {})
    if not isinstance(found, dict) or any(not isinstance(text, str) for text in found.values()):
        raise Wrong(f"{at}{name}", f"The {name} must be an object of strings.")
    return found


def _check_args(value: Mapping[str, Any], at: str) -> None:
    if len(json.dumps(_texts(value, "custom_args", at))) > MOST_CUSTOM_ARGS:
        raise Wrong(f"{at}custom_args", "The custom arguments are larger than 10000 bytes.")


def _check_headers(value: Mapping[str, Any], at: str) -> None:
    for name, text in _texts(value, "headers", at).items():
        if name.lower() in _RESERVED.split():
            raise Wrong(f"{at}headers.{name}", f"The header {name} is reserved and cannot be used.")
        if "\n" in text or "\r" in text or not name.isascii():
            raise Wrong(f"{at}headers.{name}", "Headers cannot contain line breaks or unicode in their names.")


def _errors(status: int, field: str | None, message: str) -> Response:
    return answer(status, {"errors": [{"message": message, "field": field, "help": None}]})


# --- what becomes of it ----------------------------------------------------------------------------------------------


def _take(mail: Mapping[str, Any], message_id: str, store: Store) -> None:
    shared = {name: value for name, value in mail.items() if name != "personalizations"}
    payload = store.add_payload(json.dumps(shared).encode())
    events: list[dict[str, Any]] = []
    for number, person in enumerate(mail["personalizations"]):
        args = {**mail.get("custom_args", {}), **person.get("custom_args", {})}
        ref = next((args[name] for name in REF_NAMES if name in args), "")
        subject = substituted(person.get("subject") or mail.get("subject", ""), person, mail)
        for address in [*person["to"], *person.get("cc", []), *person.get("bcc", [])]:
            recipient = address["email"]
            state = ARRIVED
            if will(recipient) == "bounce":
                state = DROPPED if store.was_returned("sendgrid", recipient) else BOUNCED
            detail = {"personalization": person, "args": args, "number": number}
            arrival = store.add(
                "sendgrid", "email", recipient,
                payload=payload, ref=ref, subject=subject, provider_id=message_id, state=state, detail=detail,
            )  # fmt: skip
            events += _first_events(recipient, state, message_id, arrival, args)
    if store.fact("sendgrid_webhook") and store.fact("sendgrid_events") != "off":
        store.queue_events(events)


def _first_events(
    recipient: str, state: str, message_id: str, arrival: int, args: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    if state == DROPPED:
        yield event("dropped", recipient, message_id, arrival, args, reason="Bounced Address")
        return
    yield event("processed", recipient, message_id, arrival, args)
    if state == BOUNCED:
        yield bounced(recipient, message_id, arrival, args)
        return
    if will(recipient) == "defer":
        yield event("deferred", recipient, message_id, arrival, args, response="451 4.3.0 Try again later", attempt="1")
    yield event("delivered", recipient, message_id, arrival, args, response="250 2.0.0 OK")


def bounced(recipient: str, message_id: str, arrival: int, args: Mapping[str, str]) -> dict[str, Any]:
    """A hard bounce."""
    reason = "550 5.1.1 There is nobody of that name here"
    return event("bounce", recipient, message_id, arrival, args, type="bounce", status="5.1.1", reason=reason)


def event(
    kind: str, recipient: str, message_id: str, arrival: int, args: Mapping[str, str], **more: str
) -> dict[str, Any]:
    """One event as the webhook carries it; custom arguments stand beside its own fields."""
    return {
        **args,
        "email": recipient,
        "timestamp": int(time.time()),
        "event": kind,
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": f"{message_id}.recvd-sandbox-{arrival}-0",
        "smtp-id": f"<{message_id}@sandbox.almanac.example>",
        **more,
    }


def substituted(text: str, person: Mapping[str, Any], mail: Mapping[str, Any]) -> str:
    """`text` with this personalization's substitutions and the sections they name."""
    for name, value in person.get("substitutions", {}).items():
        text = text.replace(name, value)
    for name, value in (mail.get("sections") or {}).items():
        text = text.replace(name, value)
    return text


def signed(body: bytes, keys: Keys, *, at: int) -> dict[str, str]:
    """The headers that prove a call of the webhook."""
    return {SIGNATURE: keys.sign_events(str(at), body), TIMESTAMP: str(at), "Content-Type": "application/json"}


def read(arrival: Arrival, payload: bytes) -> dict[str, Any]:
    """The mail as its recipient gets it: from, to, subject, text, html, headers, custom_args, tracking_settings."""
    mail = json.loads(payload)
    person = arrival.detail["personalization"]
    content = {part["type"]: substituted(part["value"], person, mail) for part in mail.get("content", [])}
    return {
        "from": mail["from"],
        "reply_to": mail.get("reply_to"),
        "to": arrival.recipient,
        "subject": arrival.subject,
        "text": content.get("text/plain", ""),
        "html": content.get("text/html", ""),
        "headers": {**mail.get("headers", {}), **person.get("headers", {})},
        "custom_args": arrival.detail["args"],
        "tracking_settings": mail.get("tracking_settings", {}),
    }
