"""In doubt: copies of which nobody knows whether they arrived, and what a person decides about them."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages

from campaigns.publishing import permissions, progress, reasons
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import doubts
from campaigns.publishing.views.common import PublicationScreen, Screen
from campaigns.publishing.views.deliveries import recipient_of
from core.errors import AlmanacError
from core.models import User

SHOWN = 25
SETTLE = {"arrived": doubts.accept, "lost": doubts.reject, "again": doubts.send_again}


class DoubtsView(Screen, TemplateView):
    """Every publication with copies in doubt, the newest first: for whoever may see deliveries. Settling is for those who
    may send."""

    wanted = permissions.SEE
    template_name = "publishing/doubts.html"
    page_title = gettext_lazy("In doubt")
    header_icon = "help"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """A group per publication."""
        groups = []
        for publication in doubts.by_publication().select_related("account", "stage__campaign")[:50]:
            rows = doubts.all_doubts().filter(publication=publication)[:SHOWN]
            groups.append(
                {
                    "publication": publication,
                    "count": publication.doubts,  # type: ignore[attr-defined]
                    "rows": [
                        {
                            "delivery": row,
                            "recipient": recipient_of(row),
                            "state": progress.LABELS[row.state],
                            "why": reasons.words(row.reason),
                        }
                        for row in rows
                    ],
                    "more": max(publication.doubts - SHOWN, 0),  # type: ignore[attr-defined]
                    "settle_url": reverse("publishing_doubts:settle", args=[publication.public_id]),
                }
            )
        may_settle = permissions.may(self.request.user, permissions.SEND)
        return {**super().get_context_data(**kwargs), "groups": groups, "may_settle": may_settle}


class SettleView(PublicationScreen, TemplateView):
    """Settles the chosen copies of one publication, or all of them. Sending again asks once more."""

    wanted = permissions.SEND
    http_method_names = ["post"]
    template_name = "publishing/send_again.html"
    page_title = gettext_lazy("Send again")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Do it, or ask."""
        chosen = self._chosen()
        verb = request.POST.get("verb", "")
        if not chosen or verb not in SETTLE:
            messages.warning(request, gettext_lazy("Nothing was chosen, so nothing was changed. Tick some rows first."))
            return redirect("publishing_doubts:index")
        if verb == "again" and "sure" not in request.POST:
            return self.render_to_response(self.get_context_data(chosen=chosen))
        user: User = request.user  # type: ignore[assignment]
        try:
            moved = SETTLE[verb](chosen, user)
        except AlmanacError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _said(verb, moved))
        return redirect("publishing_doubts:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whom it concerns."""
        chosen: list[Delivery] = kwargs.pop("chosen")
        return {
            **super().get_context_data(**kwargs),
            "publication": self.publication,
            "chosen": chosen,
            "whole": "all" in self.request.POST,
            "count": len(chosen),
            "names": [recipient_of(row) for row in chosen[:10]],
            "back_url": reverse("publishing_doubts:index"),
        }

    def _chosen(self) -> list[Delivery]:
        rows = doubts.all_doubts().filter(publication=self.publication)
        if "all" not in self.request.POST:
            ids = [int(pk) for pk in self.request.POST.getlist("delivery") if pk.isdigit()]
            rows = rows.filter(pk__in=ids[:1000])
        return list(rows)


def _said(verb: str, count: int) -> str:
    words = {
        "arrived": ngettext("%(count)d copy counts as arrived.", "%(count)d copies count as arrived.", count),
        "lost": ngettext("%(count)d copy counts as not arrived.", "%(count)d copies count as not arrived.", count),
        "again": ngettext("%(count)d copy is sent again.", "%(count)d copies are sent again.", count),
    }
    return words[verb] % {"count": count}
