"""Addresses that belong to no room."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static

from core import heartbeat, obstacles

STATE = "X-Almanac-State"


def health(request: HttpRequest) -> JsonResponse:
    """``/healthz``: 200 while the database answers, 503 otherwise. ``state`` and the header ``X-Almanac-State`` say more:
    ``ok``, or the code of the first obstacle (``held`` when the installation looks like a copy), or ``no_database``.

    Only a database that is gone makes it unhealthy: no silent worker, no full disk and no held installation is mended by
    starting the web process again, and somebody needs it to confirm that this installation shall send.
    """
    return _health()


def health_of_sending(request: HttpRequest) -> JsonResponse:
    """``/healthz/sending``: the same answer with 503 whenever nothing may be sent. For monitors that wake a person, never
    for whatever starts processes again."""
    answer = _health()
    if answer.headers[STATE] != "ok":
        answer.status_code = 503
    return answer


def _health() -> JsonResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        found = obstacles.standing()
        state = found[0].code if found else "ok"
        body = {
            "database": True,
            "state": state,
            "workers": heartbeat.alive("worker"),
            "schedulers": heartbeat.alive("scheduler"),
            "may_send": not found,
            "reason": found[0].sentence if found else "",
        }
    except DatabaseError:
        return JsonResponse(
            {"database": False, "state": "no_database"},
            status=503,
            headers={"Retry-After": "5", STATE: "no_database"},
        )
    return JsonResponse(body, headers={STATE: state})


def icon(request: HttpRequest) -> HttpResponseRedirect:
    """The icon, where browsers look for it on pages that name none."""
    return HttpResponseRedirect(static("cms/icon.svg"))
