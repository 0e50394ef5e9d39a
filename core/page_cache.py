"""Public pages before Django: made once, then given to every anonymous visitor from memory.

What a view allows (`core.kept`) is kept under host, path and scheme; the language is in the path. Nobody's own request is
looked at when a page is made, neither headers nor cookies nor query, so nobody can put anything into another one's page. It is
given

- while nothing was published since: a stamp of the database is asked for twice a second (`core.watch`); what is older than
  the newest stamp is given for `STALE` seconds more while it is made anew in the background;
- from the moment that it shows on and before the next one (a price), to the instant and without that grace. The page of the
  next moment is made shortly before, so that nobody waits at the switch;
- without a database for `WITHOUT_DATABASE` seconds, but never past such a moment.

Whoever is signed in (a session cookie or an Authorization header), and every method but GET and HEAD, goes past it.
"""

import logging
import threading
import time
import zlib
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import Any

from core import clock, gate
from core.gate import App, Environ, Gate, StartResponse
from core.kept import KEEP, Keep
from core.watch import Seen, Watch

logger = logging.getLogger(__name__)

STALE = 5.0
"""Seconds that a page is given after something was published while the new one is not there yet."""
FRESH_FOR = 60.0
"""A page that is older is made anew beside: what changed without anybody's saying so shows after that."""
WITHOUT_DATABASE = 600.0
AHEAD = 3.0
"""Seconds before a moment at which the page of that moment is made."""
MAX_AGE = 5
"""Seconds that a browser or a cache between us may keep a page."""
FLIGHT_SECONDS = 3.0
"""Nobody waits for a page that has been in the making for longer: something hangs."""
PAUSE = 0.2
NO_PAGES_KEPT = 2000
_ALWAYS = float("inf")
_KEPT_OF_REQUEST = ("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "PATH_INFO")

_OF_ONE_ANSWER = frozenset(
    {"vary", "etag", "content-length", "cache-control", "date", "content-encoding", "x-request-id"}
)

Key = tuple[str, str, str | None, str | None]
Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Page:
    """An answer as it is given, in every coding that it is given in. Instants are seconds of the epoch."""

    stamp: Hashable
    made_at: float
    since: float
    until: float
    tag: str
    plain: tuple[Headers, list[bytes]]
    zipped: tuple[Headers, list[bytes]]
    environ: Environ
    used_at: float = 0.0
    is_renewed: bool = False
    successor: "Page | None" = None

    @property
    def size(self) -> int:
        """Bytes, near enough."""
        return len(self.plain[1][0]) + len(self.zipped[1][0]) + 4096

    def shows(self, moment: float) -> bool:
        """Whether what it shows is true at `moment`."""
        return self.since <= moment < self.until


@dataclass(slots=True)
class Flight:
    """A page that is being made for everybody who asks for it meanwhile."""

    landed: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)
    page: Page | None = None
    failure: "_Answer | None" = None
    is_refused: bool = False

    def wait(self) -> bool:
        """Whether it landed in time."""
        return self.landed.wait(max(0.0, self.began + FLIGHT_SECONDS - time.monotonic()))


class PageCache:
    """`app` with its public pages kept; `crowd` limits how many of them are made at once."""

    def __init__(
        self, app: App, watch: Watch, crowd: Gate, *, session_cookie: str, past: tuple[str, ...], most_bytes: int
    ) -> None:
        self._app = app
        self._watch = watch
        self._crowd = crowd
        self._session = f"{session_cookie}="
        self._past = past
        self._most = most_bytes
        self._pages: dict[Key, Page] = {}
        self._size = 0
        self._no_pages: dict[Key, Hashable] = {}
        self._flights: dict[Key, Flight] = {}
        self._lock = threading.Lock()
        self._renewals: deque[tuple[Key, Page, float | None]] = deque()
        self._renewer: threading.Thread | None = None
        self._wanted = threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from memory, or make the page, or pass on what is no page."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method != "GET" and method != "HEAD") or path.startswith(self._past) or self._is_somebodys(environ):
            return self._app(environ, start_response)
        # Two bytes of a header decide which scheme Django believes in; both spellings of it are only keys here.
        key = (
            environ.get("HTTP_HOST", ""),
            path,
            environ.get("HTTP_X_FORWARDED_PROTO"),
            environ.get("wsgi.url_scheme"),
        )
        now = time.monotonic()
        seen = self._watch.look(now)
        page = self._pages.get(key)
        if page is not None and (page := self._current(key, page, seen, now)) is not None:
            page.used_at = now
            return _given(page, environ, start_response)
        return self._make(key, environ, start_response, seen)

    def _is_somebodys(self, environ: Environ) -> bool:
        cookies = environ.get("HTTP_COOKIE")
        return (cookies is not None and self._session in cookies) or "HTTP_AUTHORIZATION" in environ

    # -- whether a page that is there may be given --

    def _current(self, key: Key, page: Page, seen: Seen | None, now: float) -> Page | None:
        """`page`, or the one that follows it, if it may be given; asks for what will be needed next."""
        if page.until != _ALWAYS or page.since != -_ALWAYS:
            moment = _wall()
            if not page.shows(moment):
                return self._following(key, page, seen, moment)
            if page.until - moment < AHEAD and page.successor is None:
                self._renew(key, page, page.until)
        if seen is None or seen.stamp != page.stamp:
            if seen is None or now - seen.since > STALE:
                return None
            self._renew(key, page)
        elif now - page.made_at > FRESH_FOR:
            if self._watch.silent_for(now) > WITHOUT_DATABASE:
                return None
            self._renew(key, page)
        return page

    def _following(self, key: Key, page: Page, seen: Seen | None, moment: float) -> Page | None:
        """The page of the moment that has come, in the place of the last; None where there is none that is true."""
        following = page.successor
        if following is None or not following.shows(moment) or seen is None or seen.stamp != following.stamp:
            return None
        self._store(key, following)
        return following

    # -- making pages --

    def _make(self, key: Key, environ: Environ, start_response: StartResponse, seen: Seen | None) -> Iterable[bytes]:
        """The page, made for everybody who waits for it; or whatever else Django answers, to this visitor alone."""
        stamp = seen.stamp if seen else None
        if seen is None or environ["REQUEST_METHOD"] == "HEAD" or self._no_pages.get(key, self) == stamp:
            return self._pass_on(environ, start_response)
        with self._lock:
            flight = self._flights.get(key)
            is_ours = flight is None
            if flight is None:
                flight = self._flights[key] = Flight()
        if is_ours:
            try:
                answer = self._fly(key, flight, environ, stamp)
            finally:
                with self._lock:
                    del self._flights[key]
                flight.landed.set()
            if answer is not None and not _says_more(environ):
                start_response(answer.status, answer.headers)
                return [answer.body]
        elif not flight.wait():
            return gate.refuse(environ, start_response)
        if flight.page is not None and flight.page.shows(_wall()):
            return _given(flight.page, environ, start_response)
        if flight.is_refused:
            return gate.refuse(environ, start_response)
        if flight.failure is not None:
            start_response(flight.failure.status, flight.failure.headers)
            return [flight.failure.body]
        return self._pass_on(environ, start_response)

    def _fly(self, key: Key, flight: Flight, environ: Environ, stamp: Hashable) -> "_Answer | None":
        """Make the page of `flight`; returns the answer when it is nothing to keep."""
        if not self._crowd.enter():
            flight.is_refused = True
            return None
        try:
            clean = _clean(environ)
            answer = self._asked(clean, None)
            if answer.ends_before(_wall()):  # its moment came while it was being made
                answer = self._asked(clean, None)
        finally:
            self._crowd.leave()
        flight.page = answer.as_page(clean, stamp)
        if flight.page is not None:
            self._store(key, flight.page)
            return None
        if not answer.is_settled:
            flight.failure = answer
            return answer
        with self._lock:
            if len(self._no_pages) >= NO_PAGES_KEPT:
                self._no_pages.clear()
            self._no_pages[key] = stamp
        return answer

    def _pass_on(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self._crowd.enter():
            return gate.refuse(environ, start_response)
        try:
            return self._app(environ, start_response)
        finally:
            self._crowd.leave()

    def _asked(self, environ: Environ, moment: float | None) -> "_Answer":
        """What Django answers to nobody in particular, as of `moment`."""
        keep = Keep(datetime.fromtimestamp(moment, UTC) if moment is not None else None)
        said: list[Any] = []
        environ = {**environ, "wsgi.input": BytesIO(), KEEP: keep}
        parts = self._app(environ, lambda status, headers, exc_info=None: said.extend((status, headers)))
        try:
            body = b"".join(parts)
        finally:
            if close := getattr(parts, "close", None):
                close()
        return _Answer(said[0], list(said[1]), body, keep)

    # -- in the background --

    def _renew(self, key: Key, page: Page, moment: float | None = None) -> None:
        """Have `page` made anew, as of now or as of `moment`, once."""
        if page.is_renewed:
            return
        with self._lock:
            if page.is_renewed:
                return
            page.is_renewed = True
            self._renewals.append((key, page, moment))
        self._call_renewer()

    def _call_renewer(self) -> None:
        with self._lock:
            if self._renewer is None or not self._renewer.is_alive():  # not before the process has forked
                self._renewer = threading.Thread(target=self._run, name="pages", daemon=True)
                self._renewer.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self.renew_waiting()

    def renew_waiting(self) -> None:
        """Make anew what is due; the renewing thread does it whenever it is called."""
        while self._renewals:
            key, page, moment = self._renewals.popleft()
            try:
                self._renew_now(key, page, moment)
            except Exception:  # Django answers its own errors; whatever else: the old page is given as long as it may
                logger.exception("A page could not be made anew.")
                time.sleep(PAUSE)
            finally:
                page.is_renewed = False

    def _renew_now(self, key: Key, page: Page, moment: float | None) -> None:
        seen = self._watch.look(time.monotonic())
        answer = self._asked(page.environ, moment)
        fresh = answer.as_page(page.environ, seen.stamp if seen else None)
        if fresh is None:
            if answer.is_settled:  # unpublished, moved, or closed
                self._drop(key)
            else:
                time.sleep(PAUSE)  # the database is away: not again at once
        elif moment is not None:
            page.successor = fresh
        elif fresh.shows(_wall()):
            fresh.successor, fresh.used_at = None, page.used_at
            self._store(key, fresh)

    # -- what is kept --

    def _store(self, key: Key, page: Page) -> None:
        page.used_at = page.used_at or time.monotonic()
        with self._lock:
            old = self._pages.pop(key, None)
            self._size += page.size - (old.size if old else 0)
            self._pages[key] = page
            while self._size > self._most and self._pages:
                oldest = min(self._pages, key=lambda one: self._pages[one].used_at)
                self._size -= self._pages.pop(oldest).size

    def _drop(self, key: Key) -> None:
        with self._lock:
            if old := self._pages.pop(key, None):
                self._size -= old.size


@dataclass(slots=True)
class _Answer:
    """What Django said, complete."""

    status: str
    headers: Headers
    body: bytes
    keep: Keep

    @property
    def is_settled(self) -> bool:
        """Whether it is an answer of the site, and not a failure that passes."""
        return not self.status.startswith("5")

    def ends_before(self, moment: float) -> bool:
        """Whether what it shows is over by `moment`."""
        return self.keep.until is not None and self.keep.until.timestamp() <= moment

    def as_page(self, environ: Environ, stamp: Hashable) -> Page | None:
        """The page to keep; None when the view did not allow it, or said something that is one visitor's own."""
        told = {name.lower(): value for name, value in self.headers}
        is_own = "set-cookie" in told or "no-store" in told.get("cache-control", "") or "'nonce-" in _policy(told)
        if not self.keep.is_allowed or not self.status.startswith("200") or is_own:
            return None
        kept = [(name, value) for name, value in self.headers if name.lower() not in _OF_ONE_ANSWER]
        tag = urlsafe_b64encode(sha256(repr(kept).encode() + self.body).digest()[:18]).decode()
        zipped = zlib.compressobj(9, wbits=31)
        small = zipped.compress(self.body) + zipped.flush()
        rules = [("Cache-Control", f"public, max-age={MAX_AGE}"), ("Vary", "Accept-Encoding")]
        return Page(
            stamp=stamp,
            made_at=time.monotonic(),
            since=self.keep.since.timestamp() if self.keep.since else -_ALWAYS,
            until=self.keep.until.timestamp() if self.keep.until else _ALWAYS,
            tag=tag,
            plain=([*rules, ("ETag", f'"{tag}"'), *kept, ("Content-Length", str(len(self.body)))], [self.body]),
            zipped=(
                [
                    *rules,
                    ("ETag", f'"{tag}-gz"'),
                    *kept,
                    ("Content-Encoding", "gzip"),
                    ("Content-Length", str(len(small))),
                ],
                [small],
            ),
            environ=environ,
        )


def _policy(told: dict[str, str]) -> str:
    return told.get("content-security-policy", "")


def _wall() -> float:
    return clock.now().timestamp()


def _clean(environ: Environ) -> Environ:
    """The request that every visitor has in common: where it goes to, and nothing of who makes it."""
    kept = {name: environ[name] for name in _KEPT_OF_REQUEST if name in environ}
    server = {name: value for name, value in environ.items() if name.startswith("wsgi.")}
    return {
        **server,
        **kept,
        "SCRIPT_NAME": "",
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
    }


def _says_more(environ: Environ) -> bool:
    """Whether the visitor said something that could change an answer that is no page: where a redirect leads, a language."""
    return bool(environ.get("QUERY_STRING") or "HTTP_COOKIE" in environ or "HTTP_ACCEPT_LANGUAGE" in environ)


@lru_cache(maxsize=512)
def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header (RFC 9110, 12.5.3) takes gzip: by its name or ``*``, and not with ``q=0``."""
    found = {}
    for part in accepted.lower().split(","):
        name, _mark, rest = part.partition(";")
        weight = rest.strip().removeprefix("q=") if rest else "1"
        found[name.strip()] = weight.strip(" 0.") != ""
    return found.get("gzip", found.get("*", False))


def _given(page: Page, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The page, in the coding that the visitor takes; 304 when she has it."""
    is_zipped = takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    headers, body = page.zipped if is_zipped else page.plain
    if page.until != _ALWAYS and (left := page.until - _wall()) < MAX_AGE:
        headers = [("Cache-Control", f"public, max-age={max(0, int(left))}"), *headers[1:]]
    had = environ.get("HTTP_IF_NONE_MATCH")
    if had is not None and (page.tag in had or had.strip() == "*"):
        start_response("304 Not Modified", headers[:3])
        return []
    start_response("200 OK", headers)
    return body if environ["REQUEST_METHOD"] == "GET" else []
