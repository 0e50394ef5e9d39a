"""The installation's page: which database and address this is, which processes live, and the button that confirms it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from wagtail.admin.auth import permission_required

from core import clock, heartbeat, installation
from core.models import Installation, ProcessHeartbeat, User


@permission_required("core.change_installation")
@require_http_methods(["GET", "POST"])
def installation_page(request: HttpRequest) -> HttpResponse:
    """GET shows, POST confirms that this installation shall send."""
    if request.method == "POST":
        assert isinstance(request.user, User)
        installation.confirm(request.user)
        messages.success(request, _("Confirmed: this installation sends. What was held for it goes on by itself."))
        return redirect("installation")
    return TemplateResponse(request, "core/installation.html", _context())


def _context() -> dict[str, Any]:
    row = installation.this()
    ready, why = installation.may_send()
    now = clock.now()
    silent_before = now - heartbeat.SILENT_AFTER
    return {
        "page_title": _("Installation"),
        "header_title": _("Installation"),
        "header_icon": "site",
        "breadcrumbs_items": [{"url": "", "label": _("Installation")}],
        "installation": row,
        "ready": ready,
        "why": why,
        "facts": _facts(row),
        "processes": [
            {"row": process, "alive": process.seen_at >= silent_before}
            for process in ProcessHeartbeat.objects.order_by("kind", "host", "pid")
            if process.seen_at >= silent_before or process.kind != "worker"
        ],
    }


def _facts(row: Installation) -> list[tuple[str, str, str]]:
    """Name, confirmed value and present value of everything that tells this installation from a copy."""
    then, now = _flat(row.fingerprint), _flat(installation.fingerprint())
    return [(name, then.get(name, ""), now.get(name, "")) for name in dict.fromkeys([*now, *then])]


def _flat(fingerprint: dict[str, Any]) -> dict[str, str]:
    database = {str(name): str(value) for name, value in sorted(fingerprint.get("database", {}).items())}
    return {_("Address"): str(fingerprint.get("base_url") or settings.ALMANAC_DEFAULT_URL), **database}
