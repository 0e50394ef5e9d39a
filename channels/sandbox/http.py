"""The HTTP side: SendGrid's v3 mail/send, X's API v2 and FCM's v1, as far as our providers speak them.

Signatures of requests are not checked, credentials only for being there. A recipient at ``bounce.example`` bounces, a device
token that begins with ``dead`` is no longer registered, a post that repeats another is refused: as the real ones do.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.sandbox.events import EventPoster
from channels.sandbox.faults import Faults
from channels.sandbox.store import Row, Store

LARGEST_BODY = 64 * 1024 * 1024
_OAUTH_TOKEN = re.compile(r'oauth_token="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Request:
    """One call."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def login(self) -> str:
        """Who signs in: the bearer token, or OAuth 1.0a's token."""
        value = self.headers.get("authorization", "")
        if value.startswith("Bearer "):
            return value.removeprefix("Bearer ").strip()
        found = _OAUTH_TOKEN.search(value)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `rows` are kept before it is given."""

    status: int
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    after: Callable[[], None] | None = None


class HttpServer:
    """Every route, and the keep-alive loop around them."""

    def __init__(self, store: Store, faults: Faults, events: EventPoster) -> None:
        self.store = store
        self.faults = faults
        self.events = events
        self.stopping = False
        self._numbers = count(int(time.time() * 1000) << 10)
        self._writers: set[asyncio.StreamWriter] = set()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Reply]]] = [
            ("POST", re.compile(r"/v3/mail/send"), self._sendgrid_send),
            ("GET", re.compile(r"/v3/scopes"), self._sendgrid_scopes),
            ("POST", re.compile(r"/2/tweets"), self._x_post),
            ("POST", re.compile(r"/2/media/upload"), self._x_upload),
            ("POST", re.compile(r"/2/media/metadata"), self._x_describe),
            ("GET", re.compile(r"/2/users/me"), self._x_me),
            ("GET", re.compile(r"/2/users/(\w+)/tweets"), self._x_timeline),
            ("POST", re.compile(r"/token"), self._fcm_token),
            ("POST", re.compile(r"/v1/projects/([^/]+)/messages:send"), self._fcm_send),
            ("POST", re.compile(r"/_sandbox/faults"), self._add_fault),
            ("DELETE", re.compile(r"/_sandbox/faults"), self._clear_faults),
            ("POST", re.compile(r"/_sandbox/events"), self._tell_event),
            ("GET", re.compile(r"/_sandbox/health"), lambda request: Reply(200, {"ok": True})),
        ]

    # --- HTTP

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client leaves it."""
        self._writers.add(writer)
        try:
            while not self.stopping:
                request = await _read(reader, writer)
                if request is None or not await self._answer(request, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def close_all(self) -> None:
        """Drop every connection."""
        self.stopping = True
        for writer in list(self._writers):
            writer.transport.abort()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        fault = self.faults.take(request.path, request.body.decode("utf-8", "replace") if request.body else "")
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.status:
            reply = Reply(
                fault.status, {"error": {"message": fault.text}, "errors": [{"message": fault.text}]}, fault.headers
            )
        else:
            reply = self._route(request)
        if reply.rows:
            self.store.add(reply.rows)
        if fault is not None and fault.lost:
            writer.transport.abort()
            return False
        body = b"" if reply.data is None else json.dumps(reply.data).encode()
        head = [f"HTTP/1.1 {reply.status} {'OK' if reply.status < 400 else 'Error'}", f"Content-Length: {len(body)}"]
        head += ["Content-Type: application/json", *(f"{name}: {value}" for name, value in reply.headers.items())]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        if reply.after is not None:
            reply.after()
        return request.headers.get("connection", "").lower() != "close"

    def _route(self, request: Request) -> Reply:
        for method, pattern, view in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                if not request.path.startswith(("/_sandbox", "/token")) and not request.login:
                    return Reply(401, {"errors": [{"message": "authorization required"}], "title": "Unauthorized"})
                return view(request, *found.groups())
        return Reply(404, {"errors": [{"message": "not found"}]})

    def _number(self) -> str:
        return str(next(self._numbers))

    # --- what tests and the outbox use

    def _add_fault(self, request: Request) -> Reply:
        rule = request.json()
        self.faults.add(rule.pop("where"), **rule)
        return Reply(204)

    def _clear_faults(self, request: Request) -> Reply:
        self.faults.clear()
        return Reply(204)

    def _tell_event(self, request: Request) -> Reply:
        told = request.json()
        self.events.tell(str(told["login"]), [dict(told["event"])])
        return Reply(204)

    # --- SendGrid

    def _sendgrid_scopes(self, request: Request) -> Reply:
        return Reply(200, {"scopes": ["mail.send"]})

    def _sendgrid_send(self, request: Request) -> Reply:
        mail = request.json()
        people = mail.get("personalizations") or []
        errors = _sendgrid_errors(mail, people)
        if errors:
            return Reply(400, {"errors": errors})
        message_id = f"sandbox{self._number()}"
        rows: list[Row] = []
        events: list[dict[str, Any]] = []
        for number, person in enumerate(people):
            to = person["to"][0]["email"]
            content = {item["type"]: _substituted(item["value"], person) for item in mail["content"]}
            args = {**mail.get("custom_args", {}), **person.get("custom_args", {})}
            subject = _substituted(person.get("subject") or mail.get("subject", ""), person)
            body = {
                "from": mail["from"],
                "to": to,
                "subject": subject,
                "text": content.get("text/plain", ""),
                "html": content.get("text/html", ""),
                "headers": {**mail.get("headers", {}), **person.get("headers", {})},
                "custom_args": args,
                "tracking_settings": mail.get("tracking_settings", {}),
            }
            ref = str(args.get("almanac_ref", ""))
            own_id = f"{message_id}.{number}"
            rows.append(("email", "sendgrid", request.login, to, ref, subject, own_id, json.dumps(body).encode()))
            events += _sendgrid_events(to, args, own_id)
        return Reply(
            202,
            headers={"X-Message-Id": message_id},
            rows=tuple(rows),
            after=lambda: self.events.tell(request.login, events),
        )

    # --- X

    def _x_me(self, request: Request) -> Reply:
        return Reply(200, {"data": {"id": "1", "name": "Almanac", "username": "almanac"}})

    def _x_upload(self, request: Request) -> Reply:
        parts = _multipart(request)
        content = parts.get("media")
        if content is None:
            return Reply(400, {"title": "Invalid Request", "detail": "media is missing"})
        number = self._number()
        self.store.add_media(number, parts.get("media_type", b"image/jpeg").decode() or "image/jpeg", content)
        return Reply(200, {"data": {"id": number, "media_key": f"3_{number}"}})

    def _x_describe(self, request: Request) -> Reply:
        told = request.json()
        self.store.describe_media(
            str(told.get("id", "")), str(told.get("metadata", {}).get("alt_text", {}).get("text", ""))
        )
        return Reply(200, {"data": {"id": told.get("id")}})

    def _x_post(self, request: Request) -> Reply:
        told = request.json()
        text = str(told.get("text", ""))
        if not text:
            return Reply(400, {"title": "Invalid Request", "detail": "text is missing"})
        mine = [message for message in self.store.messages(provider="x") if message.login == request.login]
        if any(message.data["text"] == text for message in mine):
            detail = "You are not allowed to create a Tweet with duplicate content."
            return Reply(403, {"title": "Forbidden", "detail": detail, "status": 403})
        number = self._number()
        body = {"id": number, "text": text, "media_ids": told.get("media", {}).get("media_ids", [])}
        row: Row = ("social", "x", request.login, "", number, text[:80], number, json.dumps(body).encode())
        return Reply(201, {"data": {"id": number, "text": text}}, rows=(row,))

    def _x_timeline(self, request: Request, user: str) -> Reply:
        mine = [message for message in self.store.messages(provider="x", limit=100) if message.login == request.login]
        posts = [
            {
                "id": message.provider_id,
                "text": message.data["text"],
                "created_at": message.arrived_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            }
            for message in mine
        ]
        return Reply(200, {"data": posts, "meta": {"result_count": len(posts)}})

    # --- FCM

    def _fcm_token(self, request: Request) -> Reply:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        if not form.get("assertion"):
            return Reply(400, {"error": "invalid_grant", "error_description": "assertion is missing"})
        return Reply(200, {"access_token": f"sandbox-{self._number()}", "expires_in": 3600, "token_type": "Bearer"})

    def _fcm_send(self, request: Request, project: str) -> Reply:
        message = request.json().get("message", {})
        token = str(message.get("token", ""))
        if not token:
            return Reply(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "token is missing"}})
        if token.startswith("dead"):
            details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"}]
            error = {
                "code": 404,
                "status": "NOT_FOUND",
                "message": "Requested entity was not found.",
                "details": details,
            }
            return Reply(404, {"error": error})
        name = f"projects/{project}/messages/{self._number()}"
        ref = str(message.get("data", {}).get("almanac_ref", ""))
        title = str(message.get("notification", {}).get("title", ""))
        row: Row = ("push", "fcm", project, token, ref, title, name, json.dumps(message).encode())
        return Reply(200, {"name": name}, rows=(row,))


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection; None when there is none, or none that we read."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    length = headers.get("content-length", "0")
    if len(words) != 3 or not length.isdigit() or int(length) > LARGEST_BODY or "transfer-encoding" in headers:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        return None
    url = urlsplit(words[1])
    body = await reader.readexactly(int(length)) if length != "0" else b""
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    return Request(words[0], url.path, query, headers, body)


def _multipart(request: Request) -> dict[str, bytes]:
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return {}
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body)
    found: dict[str, bytes] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content
    return found


def _substituted(text: str, person: Mapping[str, Any]) -> str:
    for tag, value in person.get("substitutions", {}).items():
        text = text.replace(tag, str(value))
    return text


def _sendgrid_errors(mail: Mapping[str, Any], people: list[Any]) -> list[dict[str, Any]]:
    if not 1 <= len(people) <= 1000:
        return [{"message": "There must be 1 to 1000 personalizations.", "field": "personalizations"}]
    if not mail.get("from", {}).get("email") or not mail.get("content"):
        return [{"message": "from and content are required.", "field": "from"}]
    errors = []
    for number, person in enumerate(people):
        to = (person.get("to") or [{}])[0].get("email", "")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", to):
            errors.append(
                {"message": "Does not contain a valid address.", "field": f"personalizations.{number}.to.0.email"}
            )
        if sum(len(str(value)) for value in person.get("substitutions", {}).values()) > 10_000:
            errors.append({"message": "too large", "field": f"personalizations.{number}.substitutions"})
    return errors


def _sendgrid_events(to: str, args: Mapping[str, Any], message_id: str) -> list[dict[str, Any]]:
    base = {**args, "email": to, "sg_message_id": message_id, "timestamp": int(time.time())}
    if to.rpartition("@")[2].lower() == "bounce.example":
        last = {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 No such mailbox"}
    else:
        last = {"event": "delivered", "response": "250 OK"}
    events = [{**base, "event": "processed"}, {**base, **last}]
    return [{**event, "sg_event_id": f"{message_id}-{event['event']}"} for event in events]
