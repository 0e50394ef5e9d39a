"""The outbox: what arrived in the sandbox, and playing its recipients."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_GET, require_POST
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from channels.models import CHANNEL_CHOICES
from channels.sandbox import control, player, players, reading
from channels.sandbox.reading import Shown
from channels.sandbox.store import ARRIVED, Store
from core.errors import AlmanacError, Missing

PAGE_SIZE = 50
DID = {
    "opened": gettext_lazy("opened"),
    "clicked": gettext_lazy("clicked"),
    "unsubscribed": gettext_lazy("unsubscribed"),
    "ordered": gettext_lazy("ordered"),
    "bounced": gettext_lazy("bounced"),
    "dropped": gettext_lazy("dropped"),
    "complained": gettext_lazy("reported as spam"),
}
SERVICES = {"smtp": "SMTP", "sendgrid": "SendGrid", "x": "X", "fcm": "FCM"}
_FRAME_POLICY = {
    "default-src": ["'none'"],
    "img-src": ["http:", "https:", "data:"],
    "style-src": ["'unsafe-inline'"],
    "font-src": ["http:", "https:", "data:"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}
"""A mail runs no script, sends no form and sees nothing of the admin around it."""


def _did(what: str) -> str | Promise:
    known: dict[str, str | Promise] = {**DID}
    return known.get(what, what)


def _listing(request: HttpRequest, store: Store | None) -> dict[str, Any]:
    channel = request.GET.get("channel", "")
    search = request.GET.get("q", "").strip()[:200]
    page = max(1, int(request.GET["p"])) if request.GET.get("p", "").isdigit() else 1
    if channel not in {value for value, _label in CHANNEL_CHOICES}:
        channel = ""
    found = {"channel": channel, "search": search, "page": page, "rows": [], "total": 0, "everything": 0, "seen": "0-0"}
    if store is None:
        return found
    arrivals = store.arrivals(
        channel=channel, search=search, newest=True, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
    )
    marks = store.marks([arrival.id for arrival in arrivals])
    rows: list[dict[str, Any]] = []
    for arrival in arrivals:
        did: list[str | Promise] = [] if arrival.state == ARRIVED else [DID[arrival.state]]
        did += [_did(what) for what in dict.fromkeys(mark.what for mark in marks[arrival.id])]
        rows.append({"arrival": arrival, "service": SERVICES[arrival.service], "did": did})
    total = store.count(channel=channel, search=search)
    return found | {
        "rows": rows,
        "total": total,
        "everything": store.count() if channel or search else total,
        "seen": f"{store.last_id()}-{sum(len(row['did']) for row in rows)}",
        "is_last_page": page * PAGE_SIZE >= total,
        "before": page - 1,
        "after": page + 1,
    }


class OutboxView(WagtailAdminTemplateMixin, TemplateView):
    """Everything that arrived, newest first."""

    template_name = "channels/outbox.html"
    page_title = gettext_lazy("Outbox (sandbox)")
    header_icon = "mail"
    _show_breadcrumbs = True
    extra: ClassVar[dict[str, Any]] = {}

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home, and here."""
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Rows, filters, and whether the sandbox runs."""
        with control.opened() as store:
            listing = _listing(self.request, store)
        return super().get_context_data(**kwargs) | listing | {"channels": CHANNEL_CHOICES, "running": _is_running()}


@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The table alone, for the screen that asks again and again; 204 while nothing new arrived."""
    with control.opened() as store:
        listing = _listing(request, store)
    if request.GET.get("seen", "") == listing["seen"]:
        return HttpResponse(status=204)
    return render(request, "channels/outbox_rows.html", listing)


def _is_running() -> bool:
    try:
        control.running_ports()
    except AlmanacError:
        return False
    return True


class MessageView(WagtailAdminTemplateMixin, TemplateView):
    """One message as its recipient sees it, with buttons to play the recipient."""

    template_name = "channels/outbox_message.html"
    header_icon = "mail"
    _show_breadcrumbs = True

    def get_page_title(self) -> str:
        """The subject, or the beginning of the post."""
        return self.seen.title[:80] or _("Message %(number)d") % {"number": self.seen.arrival.id}

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home, outbox, and here."""
        outbox = {"url": reverse("channels_outbox"), "label": _("Outbox (sandbox)")}
        return [*self.breadcrumbs_items, outbox, {"url": "", "label": self.get_page_title()}]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show it."""
        self.seen = _find(kwargs["number"])
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The message and what can be done with it."""
        seen = self.seen
        return super().get_context_data(**kwargs) | {
            "seen": seen,
            "arrival": seen.arrival,
            "service": SERVICES[seen.arrival.service],
            "did": [(_did(mark.what), mark) for mark in seen.marks],
            "links": [(link, reading.is_ours(link.url)) for link in seen.links],
            "may_order": bool(seen.click_token) and players.find("order") is not None,
            "may_unsubscribe": bool(seen.unsubscribe_url) and seen.one_click,
            "returned": DID.get(seen.arrival.state, "") if seen.arrival.state != ARRIVED else "",
        }


def _find(number: int) -> Shown:
    try:
        return player.find(number)
    except Missing as error:
        raise Http404(error.message) from error


@require_GET
@csp_override(_FRAME_POLICY)
def frame(request: HttpRequest, number: int) -> HttpResponse:
    """The mail's HTML, for the frame."""
    return HttpResponse(reading.frame(_find(number)))


@require_GET
def picture(request: HttpRequest, media_id: str) -> HttpResponse:
    """A picture that was uploaded for a post."""
    with control.opened() as store:
        found = store.media(media_id) if store else None
    if found is None or not found.mime_type.startswith("image/") or "svg" in found.mime_type:
        raise Http404
    return HttpResponse(found.content, content_type=found.mime_type)


@require_POST
def play(request: HttpRequest, number: int) -> HttpResponse:
    """Do what the pressed button says, and come back."""
    seen = _find(number)
    what, _colon, detail = request.POST.get("play", "").partition(":")
    try:
        messages.success(request, _played(seen, what, detail))
    except AlmanacError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(reverse("channels_outbox_message", args=[number]))


def _played(seen: Shown, what: str, detail: str) -> str:
    plays: dict[str, Callable[[], str]] = {
        "open": lambda: _say_opened(player.open_mail(seen.arrival)),
        "click": lambda: _say_visited(player.click(seen.arrival, int(detail) if detail.isdigit() else -1)),
        "unsubscribe": lambda: _say_unsubscribed(player.unsubscribe(seen.arrival)),
        "order": lambda: player.order(seen.arrival),
        "spamreport": lambda: _say_reported(seen, "spamreport"),
        "bounce": lambda: _say_reported(seen, "bounce"),
    }
    if what not in plays:
        raise Missing(_("There is no such button."))
    return plays[what]()


def _say_opened(count: int) -> str:
    return _("Opened: %(count)d pictures were loaded from our site.") % {"count": count}


def _say_visited(visit: player.Visit) -> str:
    return _("Clicked: it led to %(url)s (answer %(status)d).") % {"url": visit.url[:200], "status": visit.status}


def _say_unsubscribed(status: int) -> str:
    return _("Unsubscribed with one click; our site answered %(status)d.") % {"status": status}


def _say_reported(seen: Shown, event: str) -> str:
    player.report(seen.arrival, event)
    return _("SendGrid tells our webhook of it now, in a signed call.")
