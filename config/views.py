"""Addresses that belong to no room: the probes of those who watch, and the icon.

============================  ======================================================  =====================================
address                       200 while                                               for
============================  ======================================================  =====================================
``/healthz``                  the process answers                                     whatever starts it again
``/readyz/database``          the database answers                                    load balancers
``/readyz/…``                 one of `CHECKS` holds                                   one question
``/readyz``                   all of `CHECKS` hold                                    whatever wakes a person
``/metrics``                  always, with the token                                  Prometheus
============================  ======================================================  =====================================

A stranger learns the status and nothing else; who brings ``ALMANAC_MONITOR_TOKEN`` as a bearer token learns why.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static

from config import metrics
from core import disk, heartbeat, obstacles

STATE = "X-Almanac-State"
NO_DATABASE = "no_database"


def _answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


CHECKS: Mapping[str, Callable[[], bool]] = {
    "database": _answers,
    "scheduler": lambda: heartbeat.alive("scheduler") > 0,
    "workers": lambda: heartbeat.alive("worker") > 0,
    "sending": lambda: not obstacles.standing(),
    "disk": lambda: not disk.short(),
}
"""What has to hold, in the order in which it is told. ``sending``: nothing stands in everybody's way (`core.obstacles`)."""


def knows_the_token(request: HttpRequest) -> bool:
    """Whether the request brings ``ALMANAC_MONITOR_TOKEN``."""
    token: str = settings.ALMANAC_MONITOR_TOKEN
    kind, _space, given = request.headers.get("Authorization", "").partition(" ")
    if not token or kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.encode())


def health(request: HttpRequest) -> HttpResponse:
    """``/healthz``: 200 from every process that answers. It asks nobody: starting it again would mend no database."""
    if knows_the_token(request):
        return JsonResponse({"live": True, "version": settings.VERSION})
    return _word("ok", 200)


def readiness(name: str | None = None) -> Callable[[HttpRequest], HttpResponse]:
    """``/readyz``, or ``/readyz/<name>`` for one of `CHECKS`: 200, or 503 with ``Retry-After``."""
    wanted = [name] if name else list(CHECKS)

    def answer(request: HttpRequest) -> HttpResponse:
        try:
            failed = [one for one in wanted if not CHECKS[one]()]
            known = _details(failed) if knows_the_token(request) else None
        except DatabaseError:
            failed = ["database"]
            known = {"ready": False, "failed": failed, "state": NO_DATABASE, "database": False}
        status = 503 if failed else 200
        if knows_the_token(request) and known is not None:
            response: HttpResponse = JsonResponse(known, status=status, headers={STATE: str(known["state"])})
        else:
            response = _word("not ready" if failed else "ok", status)
        if failed:
            response.headers["Retry-After"] = "5"
        return response

    return answer


def _details(failed: list[str]) -> dict[str, Any]:
    found = obstacles.standing()
    return {
        "ready": not failed,
        "failed": failed,
        "state": found[0].code if found else "ok",
        "reason": found[0].sentence if found else "",
        "may_send": not found,
        "database": True,
        "workers": heartbeat.alive("worker"),
        "schedulers": heartbeat.alive("scheduler"),
        "disk_free_mb": {name: free // disk.MEGABYTE for name, free in disk.free().items()},
    }


def scrape(request: HttpRequest) -> HttpResponse:
    """``/metrics``: Prometheus' text format, for those who bring the token; 404 while none is set."""
    if not settings.ALMANAC_MONITOR_TOKEN:
        return _word("not found", 404)
    if not knows_the_token(request):
        response = _word("a token is needed", 401)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    body, kind = metrics.exposition()
    return HttpResponse(body, content_type=kind)


def _word(word: str, status: int) -> HttpResponse:
    return HttpResponse(f"{word}\n", status=status, content_type="text/plain; charset=utf-8")


PROBES: Mapping[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": health,
    "/readyz": readiness(),
    **{f"/readyz/{name}": readiness(name) for name in CHECKS},
    "/metrics": scrape,
}
"""Answered by `config.monitoring` in front of every other middleware."""


def icon(request: HttpRequest) -> HttpResponseRedirect:
    """The icon, where browsers look for it on pages that name none."""
    return HttpResponseRedirect(static("cms/icon.svg"))
