"""Is this the installation that shall send? A copy or a restored backup waits here for a person."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages

from campaigns.publishing import telling
from campaigns.publishing.views.common import Screen
from core import heartbeat, installation
from core.models import User


class InstallationView(Screen, TemplateView):
    """What is known of this installation, why it sends nothing if so, and the button that confirms it."""

    wanted = ("core.change_installation",)
    template_name = "publishing/installation.html"
    page_title = gettext_lazy("Installation")
    header_icon = "site"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The row, and what was found."""
        row = installation.this()
        may_send, why = installation.may_send()
        return {
            **super().get_context_data(**kwargs),
            "may_send": may_send,
            "why": why,
            "confirmed_at": telling.shown(row.confirmed_at),
            "confirmed_by": telling.name_of(row.confirmed_by),
            "heartbeat_at": telling.shown(row.heartbeat_at),
            "base_url": installation.fingerprint()["base_url"],
            "former_base_url": row.fingerprint.get("base_url", ""),
            "workers": heartbeat.alive("worker"),
            "schedulers": heartbeat.alive("scheduler"),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """A person says: this is the one that shall send."""
        user: User = request.user  # type: ignore[assignment]
        installation.confirm(user)
        messages.success(request, _("Confirmed: this installation sends. What was held for it goes on by itself."))
        return redirect("publishing_installation:index")
