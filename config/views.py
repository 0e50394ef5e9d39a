"""Addresses that belong to no room."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static

from core import heartbeat, installation


def health(request: HttpRequest) -> JsonResponse:
    """``/healthz``: 200 while the database answers, 503 otherwise. Says how many processes were heard within a minute.

    Only a database that is gone makes it unhealthy: a web process cannot mend a silent worker by being restarted.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        may_send, reason = installation.may_send()
        body = {
            "database": True,
            "workers": heartbeat.alive("worker"),
            "schedulers": heartbeat.alive("scheduler"),
            "may_send": may_send,
            "reason": reason,
        }
    except DatabaseError:
        return JsonResponse({"database": False}, status=503, headers={"Retry-After": "5"})
    return JsonResponse(body)


def icon(request: HttpRequest) -> HttpResponseRedirect:
    """The icon, where browsers look for it on pages that name none."""
    return HttpResponseRedirect(static("cms/icon.svg"))
