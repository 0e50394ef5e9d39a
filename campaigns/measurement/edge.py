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
from typing import Any
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
        target = _target(ref.link_set_id, number)
    except tokens.BadToken:
        return app(environ, start_response)
    except DatabaseError:
        logger.exception("A tracked link could not be looked up.")
        return _answer(start_response, "503 Service Unavailable", [("Retry-After", "5")], b"Please try again.\n")
    if target is None:
        return app(environ, start_response)
    private = _wants_privacy(environ)
    spool.append(_line("click", environ, private) | {"d": ref.delivery_id, "s": ref.link_set_id, "n": number})
    location = target.url if private or not target.passes_token else addresses.appended(target.url, {"al": token})
    return _answer(
        start_response, "302 Found", [("Location", iri_to_uri(location)), ("Referrer-Policy", "no-referrer")], b""
    )


def _opened(path: str, environ: Environ, start_response: StartResponse, app: App, spool: Spool) -> Iterable[bytes]:
    match = _OPEN.fullmatch(path)
    if match is None or not _reads(environ):
        return app(environ, start_response)
    try:
        ref = tokens.read("click", match[1])
    except tokens.BadToken:
        return app(environ, start_response)
    spool.append(_line("open", environ, _wants_privacy(environ)) | {"d": ref.delivery_id, "s": ref.link_set_id})
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


def _target(link_set_id: int, number: int) -> links.Target | None:
    # Outside Django's request cycle nobody else closes a connection that has died or grown old.
    close_old_connections()
    try:
        return links.target_of(link_set_id, number)
    finally:
        close_old_connections()


def _reads(environ: Environ) -> bool:
    return environ["REQUEST_METHOD"] in {"GET", "HEAD"}


def _wants_privacy(environ: Environ) -> bool:
    return environ.get("HTTP_SEC_GPC") == "1" or environ.get("HTTP_DNT") == "1"


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
