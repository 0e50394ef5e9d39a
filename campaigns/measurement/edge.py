"""The door in front of Django: tracked links, the open picture and the page beacon.

``/c/<token>/<n>`` answers 302 to the stored target; ``/o/<token>.gif`` a picture of one pixel; ``/t/page`` takes a page view
from our own pages. Each notes one line in the spool. An answer never waits for the database (but for the first look-up
of a link) and never fails because the spool does. What we do not know is passed on to Django, which answers 404.

The target learns the token as ``al=…``, put behind its own query, when it is ours or the shop's; other sites learn nothing.
A visitor who sends ``Sec-GPC: 1`` or ``DNT: 1`` is not recognised: the redirect leaves our token out of the target, and
the line says `g`, so that the drainer keeps no person with it.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, close_old_connections
from django.http.request import split_domain_port, validate_host
from django.utils.encoding import iri_to_uri

from campaigns.links import addresses, tokens
from campaigns.links import services as links
from campaigns.measurement.spool import Spool

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

logger = logging.getLogger(__name__)

# A reader's program that takes the sentence behind a link along (“…/0，全场五折”, “…/0).”) is led to its target all the same.
_CLICK = re.compile(r"/c/([A-Za-z0-9_-]{1,100})/([0-9]{1,4})(?:[^0-9A-Za-z_/\-].*)?", re.DOTALL)
_OPEN = re.compile(r"/o/([A-Za-z0-9_-]{1,100})\.gif")
_VISITOR = re.compile(r"[A-Za-z0-9_-]{16,40}")
BEACON = "/t/page"
BEACON_BYTES = 4096
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
_NEVER_KEEP = [("Cache-Control", "no-store, private, max-age=0"), ("X-Robots-Tag", "noindex, nofollow")]
_REDIRECT = [
    *_NEVER_KEEP,
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Length", "0"),
]
TARGETS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Way:
    """Where a link leads, parsed once: as it stands, and what stands before and behind a click token in it."""

    plain: str
    before: str = ""
    behind: str = ""

    @classmethod
    def to(cls, target: links.Target) -> Self:
        """The way to `target`; without a place for a token where none may be told."""
        if not target.passes_token:
            return cls(iri_to_uri(target.url))
        before, _mark, behind = addresses.appended(target.url, {"al": _PLACE}).partition(_PLACE)
        return cls(iri_to_uri(target.url), iri_to_uri(before), iri_to_uri(behind))

    def with_token(self, token: str) -> str:
        """The address for the holder of `token`, which needs no quoting."""
        return f"{self.before}{token}{self.behind}" if self.before else self.plain


_PLACE = "almanac-token-goes-here"
_ways: dict[tuple[int, int], Way] = {}


def forget() -> None:
    """Look every link up again."""
    _ways.clear()


def edge(app: App, spool: Spool | None = None) -> App:
    """`app` (Django) with the tracking addresses in front of it."""
    written_to = spool or Spool()

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith("/c/"):
            return _click(path, environ, start_response, app, written_to)
        if path.startswith("/o/"):
            return _opened(path, environ, start_response, app, written_to)
        if path == BEACON:
            return _page(environ, start_response, written_to)
        return app(environ, start_response)

    return application


def _click(path: str, environ: Environ, start_response: StartResponse, app: App, spool: Spool) -> Iterable[bytes]:
    match = _CLICK.fullmatch(path)
    if match is None or not _reads(environ):
        return app(environ, start_response)
    token, number = match[1], int(match[2])
    try:
        ref = tokens.read("click", token)
        way = _ways.get((ref.link_set_id, number)) or _look_up(ref.link_set_id, number)
    except tokens.BadToken:
        return app(environ, start_response)
    except DatabaseError:
        logger.exception("A tracked link could not be looked up.")
        return _answer(start_response, "503 Service Unavailable", [("Retry-After", "5")], b"Please try again.\n")
    if way is None:
        return app(environ, start_response)
    private = _wants_privacy(environ)
    spool.append_line(_hit("click", environ, private, f'"d":{ref.delivery_id},"s":{ref.link_set_id},"n":{number}'))
    location = way.plain if private else way.with_token(token)
    start_response("302 Found", [("Location", location), *_REDIRECT])
    return []


def _opened(path: str, environ: Environ, start_response: StartResponse, app: App, spool: Spool) -> Iterable[bytes]:
    match = _OPEN.fullmatch(path)
    if match is None or not _reads(environ):
        return app(environ, start_response)
    try:
        ref = tokens.read("click", match[1])
    except tokens.BadToken:
        return app(environ, start_response)
    private = _wants_privacy(environ)
    spool.append_line(_hit("open", environ, private, f'"d":{ref.delivery_id},"s":{ref.link_set_id}'))
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else GIF
    return _answer(start_response, "200 OK", [("Content-Type", "image/gif")], body, length=len(GIF))


def _page(environ: Environ, start_response: StartResponse, spool: Spool) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] != "POST":
        return _answer(start_response, "405 Method Not Allowed", [("Allow", "POST")], b"")
    if not _same_origin(environ):
        return _answer(start_response, "403 Forbidden", [], b"This address takes page views of this site only.\n")
    view = _page_view(environ)
    if view is None:
        return _answer(start_response, "400 Bad Request", [], b"This is no page view.\n")
    spool.append(view)
    return _answer(start_response, "204 No Content", [], None)


def _look_up(link_set_id: int, number: int) -> Way | None:
    """The way of a link that nobody has followed yet in this process; links never change, so it is kept."""
    # Outside Django's request cycle nobody else closes a connection that has died or grown old.
    close_old_connections()
    try:
        target = links.target_of(link_set_id, number)
    finally:
        close_old_connections()
    if target is None:
        return None
    if len(_ways) >= TARGETS_KEPT:
        _ways.clear()
    way = _ways[link_set_id, number] = Way.to(target)
    return way


def _reads(environ: Environ) -> bool:
    return environ["REQUEST_METHOD"] in {"GET", "HEAD"}


def _wants_privacy(environ: Environ) -> bool:
    return environ.get("HTTP_SEC_GPC") == "1" or environ.get("HTTP_DNT") == "1"


@lru_cache(maxsize=4096)
def _quoted(agent: str) -> str:
    """The name of a visitor's program as JSON; many have the same."""
    return json.dumps(agent[:300])


def _hit(kind: str, environ: Environ, private: bool, told: str) -> bytes:
    """The spool line of a click or an open, as `json.dumps` would write it: this is done for every one of a crowd."""
    head = ',"h":1' if environ["REQUEST_METHOD"] == "HEAD" else ""
    hidden = ',"g":1' if private else ""
    agent = _quoted(environ.get("HTTP_USER_AGENT", ""))
    return f'{{"k":"{kind}","t":{time.time_ns() // 1000},"a":{agent}{head}{hidden},{told}}}\n'.encode()


def _line(kind: str, environ: Environ, private: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"k": kind, "t": time.time_ns() // 1000, "a": environ.get("HTTP_USER_AGENT", "")[:300]}
    if environ["REQUEST_METHOD"] == "HEAD":
        line["h"] = 1
    if private:
        line["g"] = 1
    return line


def _page_view(environ: Environ) -> dict[str, Any] | None:
    """The spool line of a beacon call; None when it is not one."""
    try:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < size <= BEACON_BYTES:
            return None
        sent = json.loads(environ["wsgi.input"].read(size))
        if not isinstance(sent, dict) or not isinstance(sent["path"], str) or not sent["path"].startswith("/"):
            return None
    except (ValueError, KeyError):
        return None
    private = _wants_privacy(environ) or bool(sent.get("private"))
    line = _line("page", environ, private) | {"p": sent["path"][:500]}
    for name, short, most in (
        ("referrer", "r", 253),
        ("campaign", "c", 100),
        ("medium", "m", 40),
        ("content", "u", 40),
    ):
        value = sent.get(name)
        if isinstance(value, str) and value:
            line[short] = value[:most]
    visitor = sent.get("visitor")
    if not private and isinstance(visitor, str) and _VISITOR.fullmatch(visitor):
        line["v"] = visitor
    try:
        ref = tokens.read("click", str(sent.get("al", ""))[:100])
    except tokens.BadToken:
        return line
    return line | {"d": ref.delivery_id, "s": ref.link_set_id}


def _same_origin(environ: Environ) -> bool:
    """Whether a page of this site asks: browsers name the origin of every POST, and nothing else may say it."""
    host: str = environ.get("HTTP_HOST", "")
    try:
        domain, _port = split_domain_port(host)
    except DisallowedHost:
        return False
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    return urlsplit(environ.get("HTTP_ORIGIN", "")).netloc == host


def _answer(
    start_response: StartResponse,
    status: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
    length: int | None = None,
) -> Iterable[bytes]:
    if body is None:
        start_response(status, [*_NEVER_KEEP, *headers])
        return []
    known = {name for name, _value in headers}
    plain = [] if "Content-Type" in known else [("Content-Type", "text/plain; charset=utf-8")]
    size = len(body) if length is None else length
    start_response(status, [*_NEVER_KEEP, *plain, *headers, ("Content-Length", str(size))])
    return [body] if body else []
