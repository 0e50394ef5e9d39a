"""The screen “Outgoing webhooks”: who is told what, a test by a button, and what became of each event, to be told again."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from wagtail.admin.auth import permission_required

from core import webhooks
from core.errors import AlmanacError
from core.models import User, WebhookDelivery, WebhookEndpoint

MAY = "core.change_webhookendpoint"
SHOWN = 100


class WebhookForm(forms.Form):
    """A new address."""

    url = forms.URLField(
        label=gettext_lazy("Address"), max_length=500, assume_scheme="https", help_text=gettext_lazy("It takes a POST.")
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=lambda: [("*", _("All of them")), *((event, event) for event in webhooks.EVENTS)],
        widget=forms.CheckboxSelectMultiple,
    )
    description = forms.CharField(label=gettext_lazy("What for"), max_length=200, required=False)


@permission_required(MAY)
@require_http_methods(["GET", "POST"])
def webhooks_page(request: HttpRequest) -> HttpResponse:
    """GET shows, POST makes one: its secret stands on this answer and nowhere else."""
    form = WebhookForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            _made, secret = webhooks.create(said["url"], said["events"], _who(request), description=said["description"])
            form = WebhookForm()
        except AlmanacError as error:
            form.add_error(None if error.details.get("field") == "events" else "url", error.message)
    answer = TemplateResponse(request, "core/webhooks.html", {**_context(), "form": form, "secret": secret})
    answer.headers["Cache-Control"] = "no-store"
    return answer


@permission_required(MAY)
@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Test an address, switch it off or on, or delete it."""
    if verb not in ("test", "switch", "delete"):
        raise Http404
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    if verb == "test":
        _say(request, webhooks.test(endpoint))
    elif verb == "switch":
        webhooks.change(endpoint, {"is_active": not endpoint.is_active}, _who(request))
    else:
        webhooks.remove(endpoint, _who(request))
        messages.success(request, _("The webhook is deleted."))
    return redirect("webhooks")


@permission_required(MAY)
@require_POST
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell one event again."""
    try:
        webhooks.replay(get_object_or_404(WebhookDelivery.objects.select_related("endpoint"), pk=pk), _who(request))
        messages.success(request, _("It is told again within seconds."))
    except AlmanacError as error:
        messages.error(request, error.message)
    return redirect("webhooks")


def _say(request: HttpRequest, delivery: WebhookDelivery) -> None:
    if delivery.state == WebhookDelivery.State.DELIVERED:
        messages.success(request, _("The address took the test: it answered %(status)s.") % {"status": delivery.status})
    else:
        messages.error(request, _("The address did not take the test. %(why)s") % {"why": delivery.error})


def _who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _context() -> dict[str, Any]:
    return {
        "page_title": _("Outgoing webhooks"),
        "header_title": _("Outgoing webhooks"),
        "header_icon": "link-external",
        "breadcrumbs_items": [{"url": "", "label": _("Outgoing webhooks")}],
        "endpoints": WebhookEndpoint.objects.order_by("-is_active", "pk"),
        "deliveries": WebhookDelivery.objects.select_related("endpoint").order_by("-pk")[:SHOWN],
    }
