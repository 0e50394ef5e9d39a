"""From a report's bytes to events.

A report counts only with a reference of ours: the envelope id that we gave (RFC 3461), or what stands in the headers of the
message that it is about. References hold a keyed hash, so nobody can make one up for somebody else; the rooms above check it.

Reports that are no DSN (old qmail, web mailers) are known by `flufl.bounce`; their words go through the same table.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from hashlib import sha256

from flufl.bounce import all_failures

from channels.base import Event, EventKind, safe_detail
from channels.refusals import judge
from core import clock

LARGEST = 2 * 1024 * 1024
MOST = 100
"""Recipients or forwarded reports that one message may speak of."""
OURS = re.compile(r"\b[0-9a-f]{1,16}-[0-9a-f]{20}\b")
ACTIONS = {
    "failed": EventKind.BOUNCED,
    "delayed": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "relayed": EventKind.SENT,  # handed to a server that sends no reports
    "expanded": EventKind.SENT,
}
FEEDBACK = {
    "abuse": EventKind.COMPLAINED,
    "fraud": EventKind.COMPLAINED,
    "virus": EventKind.COMPLAINED,
    "other": EventKind.COMPLAINED,
    "opt-out": EventKind.UNSUBSCRIBED,
}
_REPLY = re.compile(r"(?<![\d.])([245]\d\d)[ -]")
_XTEXT = re.compile(r"\+([0-9A-Fa-f]{2})")


def read(raw: bytes) -> list[Event]:
    """The events of one message, or of each report that is forwarded in it; none when it is no report about ours."""
    if len(raw) > LARGEST:
        raw = raw[:LARGEST]
    message = message_from_bytes(raw, policy=policy.default)
    reports = [message, *_forwarded(message)] if message.get_content_type() != "multipart/report" else [message]
    return [event for report in reports[: MOST + 1] for event in _events(report)][:MOST]


def _forwarded(message: Message) -> Iterator[Message]:
    """Reports that travel as attachments of another message (a digest of complaints, a forwarded bounce)."""
    if message.get_content_maintype() != "multipart":
        return
    for part in message.iter_parts() if isinstance(message, EmailMessage) else ():
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload(0)
            if isinstance(inner, Message) and inner.get_content_type() == "multipart/report":
                yield inner


def _events(report: Message) -> Iterator[Event]:
    parts = {part.get_content_type(): part for part in _flat(report)}
    if (feedback := parts.get("message/feedback-report")) is not None:
        yield from _complaint(report, feedback)
    elif (status := parts.get("message/delivery-status") or parts.get("message/global-delivery-status")) is not None:
        yield from _statuses(report, status)
    elif report.get_content_type() != "multipart/report":
        yield from _odd(report)


def _flat(message: Message) -> Iterator[Message]:
    """The parts of a report, not those of the message that it is about."""
    yield message
    if message.get_content_maintype() == "multipart":
        for part in message.get_payload() if isinstance(message.get_payload(), list) else []:
            if isinstance(part, Message):
                yield from _flat(part) if part.get_content_maintype() == "multipart" else (part,)


# --- Delivery status notifications ------------------------------------------------------------------------------------


def _statuses(report: Message, status: Message) -> Iterator[Event]:
    blocks = [block for block in _blocks(status) if block]
    if not blocks:
        return
    whole, *recipients = blocks
    ref = xtext(whole.get("original-envelope-id", "")) or ref_in(report)
    for fields in recipients[:MOST]:
        kind = ACTIONS.get(fields.get("action", "").split(";")[0].split("(")[0].strip().lower())
        if kind is None or not ref:
            continue
        yield _status(ref, kind, fields, whole, report)


def _status(ref: str, kind: EventKind, fields: Mapping[str, str], whole: Mapping[str, str], report: Message) -> Event:
    diagnostic = fields.get("diagnostic-code", "").partition(";")[2].strip() or fields.get("diagnostic-code", "")
    code = fields.get("status", "").split("(")[0].strip()
    if not diagnostic and kind == EventKind.BOUNCED:
        diagnostic = _told_people(report, fields.get("final-recipient", ""))
    reply = _REPLY.match(diagnostic + " ")
    verdict = judge(
        int(reply[1]) if reply and reply[1][0] != "2" else 0,
        diagnostic[4:] if reply else diagnostic,
        stage="report",
        code=code,
    )
    bounced = kind == EventKind.BOUNCED
    said = safe_detail(diagnostic or code)
    when = _moment(fields.get("last-attempt-date"), whole.get("arrival-date"), report.get("Date"))
    return Event(
        # Whoever tells the same again (another inbox, another poll) tells the same status of the same delivery.
        key=_key(ref, kind, code, said, when if kind == EventKind.DEFERRED else None),
        kind=kind,
        ref=ref,
        occurred_at=when,
        reason=said,
        permanent=bounced and verdict.closes,
        fault=verdict.fault if bounced else "",
        payload={"source": "dsn", "status": code, "action": fields.get("action", "")[:40]},
    )


def _told_people(report: Message, recipient: str) -> str:
    """What the part for people says under the recipient's address.

    Exim gives no Diagnostic-Code and 5.0.0 for what its own routers refuse: the reason stands there alone.
    """
    address = recipient.rpartition(";")[2].strip().lower()
    text = next((part for part in _flat(report) if part.get_content_type() == "text/plain"), None)
    payload = text.get_payload(decode=True) if text is not None else b""
    lines = payload.decode("utf-8", "replace").lower().splitlines() if isinstance(payload, bytes) else []
    at = next((number for number, line in enumerate(lines) if address and address in line), None)
    if at is None:
        return ""
    said = []
    for line in lines[at + 1 : at + 20]:
        if not line.strip():
            break
        said.append(line.strip())
    return " ".join(said)


def _blocks(status: Message) -> Iterator[dict[str, str]]:
    """The groups of fields of a delivery-status part, names in lower case."""
    payload = status.get_payload()
    groups = payload if isinstance(payload, list) else []
    for group in groups[: MOST + 1]:
        if isinstance(group, Message):
            yield {name.lower(): " ".join(str(value).split()) for name, value in group.items()}


# --- Complaints -------------------------------------------------------------------------------------------------------


def _complaint(report: Message, feedback: Message) -> Iterator[Event]:
    fields = next(_blocks(feedback), None) or _fields(feedback)
    kind = FEEDBACK.get(fields.get("feedback-type", "").strip().lower())
    ref = xtext(fields.get("original-envelope-id", "")) or ref_in(report)
    if kind is None or not ref:
        return
    yield Event(
        key=_key(ref, kind, "arf", "", None),
        kind=kind,
        ref=ref,
        occurred_at=_moment(fields.get("received-date"), fields.get("arrival-date"), report.get("Date")),
        reason=safe_detail(fields.get("feedback-type", "")),
        payload={"source": "arf", "feedback": fields.get("feedback-type", "")[:40]},
    )


def _fields(part: Message) -> dict[str, str]:
    """The fields of a part that the parser left as text."""
    payload = part.get_payload(decode=True) or b""
    inner = message_from_bytes(payload if isinstance(payload, bytes) else b"", policy=policy.default)
    return {name.lower(): " ".join(str(value).split()) for name, value in inner.items()}


# --- Other bounces ----------------------------------------------------------------------------------------------------


def _odd(report: Message) -> Iterator[Event]:
    """A bounce in words only: `flufl.bounce` says whether it is one, our table what it says."""
    temporary, permanent = all_failures(report)
    if not (temporary or permanent):
        return
    text = _text(report)
    ref = ref_in(report) or (found[0] if (found := OURS.search(text)) else "")
    if not ref:
        return
    said = " ".join(text[: _start_of_original(text)].split())[:4000]
    verdict = judge(0, said, stage="report")
    dead = bool(permanent) and verdict.closes
    yield Event(
        key=_key(ref, EventKind.BOUNCED, "text", "", None),
        kind=EventKind.BOUNCED if permanent else EventKind.DEFERRED,
        ref=ref,
        occurred_at=_moment(report.get("Date")),
        reason=safe_detail(said),
        permanent=dead,
        fault=verdict.fault if permanent else "",
        payload={"source": "text", "status": verdict.code},
    )


def _text(report: Message) -> str:
    texts = []
    for part in report.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            texts.append(payload.decode("utf-8", "replace") if isinstance(payload, bytes) else "")
    return "\n".join(texts)[:200_000]


def _start_of_original(text: str) -> int:
    """Where the copy of the original begins, so that its words are not taken for the server's."""
    marks = [text.find(mark) for mark in ("\n---", "\nReceived:", "\nReturn-Path:", "\nMessage-ID:", "\nMessage-Id:")]
    return min([mark for mark in marks if mark >= 0], default=len(text))


# --- What they have in common -----------------------------------------------------------------------------------------


def ref_in(report: Message) -> str:
    """Our reference in the headers of the message that the report is about, or in what the report answers to."""
    for part in report.walk():
        if part.get_content_type() in {
            "message/rfc822",
            "text/rfc822-headers",
            "message/global-headers",
            "message/global",
        }:
            head = part.get_payload(0) if part.is_multipart() else _headers_of(part)
            if isinstance(head, Message) and (ref := _ref_of(head, "X-Almanac-Ref", "Message-ID")):
                return ref
    return _ref_of(report, "In-Reply-To", "References")


def _headers_of(part: Message) -> Message:
    payload = part.get_payload(decode=True)
    return message_from_bytes(payload if isinstance(payload, bytes) else b"", policy=policy.default)


def _ref_of(message: Message, *names: str) -> str:
    for name in names:
        found = OURS.search(str(message.get(name) or ""))
        if found:
            return found[0]
    return ""


def xtext(text: str) -> str:
    """The envelope id as we gave it: RFC 3461, 4, read back."""
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), text.strip())[:200]


def _moment(*candidates: object) -> datetime:
    """The first that is a date of the past, in UTC."""
    now = clock.now()
    for text in candidates:
        try:
            found = parsedate_to_datetime(str(text))
        except (TypeError, ValueError):
            continue
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if found.year > 2000 and found <= now:
            return found
    return now


def _key(ref: str, kind: EventKind, *more: object) -> str:
    return "report:" + sha256(repr((ref, kind.value, *map(str, more))).encode()).hexdigest()
