"""Closed addresses: what each run closed or would close, why, and the way back."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages

from campaigns.publishing import permissions
from campaigns.publishing.models import Run
from campaigns.publishing.services import closings
from campaigns.publishing.views.common import Crumb, Screen
from core.models import User

SHOWN = 100


class ClosingsView(Screen, TemplateView):
    """Every run that closed addresses or waits to, the newest first."""

    wanted = permissions.SEND
    template_name = "publishing/closings.html"
    page_title = gettext_lazy("Closed addresses")
    header_icon = "lock"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """A group per run, with what the servers said."""
        groups = [
            {
                "run": run,
                "publication": run.publication,
                "sentences": closings.sentences(run),
                "settle_url": reverse("publishing_closings:settle", args=[run.public_id]),
            }
            for run in closings.runs()[:SHOWN]
        ]
        return {**super().get_context_data(**kwargs), "groups": groups}


class SettleClosingsView(Screen, TemplateView):
    """Opens again what one run closed, or closes what it held back; either asks once."""

    wanted = permissions.SEND
    http_method_names = ["post"]
    template_name = "publishing/closings_confirm.html"
    page_title = gettext_lazy("Closed addresses")
    header_icon = "lock"

    def get_crumbs(self) -> list[Crumb]:
        """The list."""
        return [{"url": reverse("publishing_closings:index"), "label": gettext_lazy("Closed addresses")}]

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponseBase:
        """Do it, or ask."""
        run = get_object_or_404(closings.runs(), public_id=public_id)
        verb = request.POST.get("verb", "")
        if verb not in {"reopen", "close"}:
            return redirect("publishing_closings:index")
        if "sure" not in request.POST:
            context = self.get_context_data(run=run, publication=run.publication, verb=verb)
            return self.render_to_response({**context, "back_url": reverse("publishing_closings:index")})
        user: User = request.user  # type: ignore[assignment]
        _do(request, verb, run, user)
        return redirect("publishing_closings:index")


def _do(request: HttpRequest, verb: str, run: Run, user: User) -> None:
    if verb == "close":
        closed = closings.close_now(run, user)
        said = ngettext("%(count)d address is closed.", "%(count)d addresses are closed.", closed)
        messages.success(request, said % {"count": closed})
        return
    found = closings.reopen(run, user)
    said = ngettext("%(count)d address is open again.", "%(count)d addresses are open again.", found.opened)
    messages.success(request, said % {"count": found.opened})
    if found.kept:
        said = ngettext(
            "%(count)d stays closed: its person asked for it, or another run found it dead too.",
            "%(count)d stay closed: their people asked for it, or another run found them dead too.",
            found.kept,
        )
        messages.warning(request, said % {"count": found.kept})
