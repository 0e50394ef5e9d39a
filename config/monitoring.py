"""The outermost middleware: gives every request an id, times it, and answers those who watch.

The probes are answered here and not behind the others, because a prober comes over plain http, by IP and without a session: no
redirect to https, no host name to be allowed, no database unless the probe asks for it.
"""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config import logs, metrics, views

log = logging.getLogger("almanac.request")

HEADER = "X-Request-ID"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Monitoring:
    """See the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        metrics.begin()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass on and take the time."""
        probe = views.PROBES.get(request.path)
        if probe is not None:
            return probe(request)
        asked = logs.request_id(request.headers.get(HEADER, ""))
        token = logs.REQUEST_ID.set(asked)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            self._note(request, response, time.perf_counter() - began)
        finally:
            logs.REQUEST_ID.reset(token)
        response.headers[HEADER] = asked
        return response

    def _note(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        """The route, never the path: a path may hold a person's token."""
        method, status = _method(request), response.status_code
        match = request.resolver_match
        route = f"/{match.route}" if match else "(none)"
        metrics.observe(method, route, status, seconds)
        if log.isEnabledFor(logging.INFO):
            known = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
            log.info("%s %s %d", method, route, status, extra=known)


def _method(request: HttpRequest) -> str:
    """Anybody may invent a method; a metric has only those that exist."""
    method = request.method or ""
    return method if method in METHODS else "other"
