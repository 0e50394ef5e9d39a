"""The screen “API tokens”: which there are, a new one shown once, and the button that revokes one."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from wagtail.admin.auth import permission_required
from wagtail.admin.widgets import AdminDateInput

from core import clock, services
from core.errors import AlmanacError
from core.models import TokenGrant, User
from core.scopes import EVERYTHING, SCOPES

MAY = "core.change_tokengrant"


class TokenForm(forms.Form):
    """Who asks, what it may do, and until when."""

    name = forms.CharField(
        label=gettext_lazy("Service account"),
        max_length=150,
        help_text=gettext_lazy(
            "What uses the token, such as “shop”. Two accounts, where one writes what another approves."
        ),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May"),
        choices=lambda: [
            (EVERYTHING, _("Everything")),
            *((code, f"{code}: {words}") for code, words in SCOPES.items()),
        ],
        widget=forms.CheckboxSelectMultiple,
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=AdminDateInput,
        help_text=gettext_lazy("It works until the end of this day. Left empty, until it is revoked."),
    )

    def clean_last_day(self) -> Any:
        """A day to come."""
        day = self.cleaned_data["last_day"]
        if day and day < clock.now().date():
            raise forms.ValidationError(_("This day is over."))
        return day

    def expires_at(self) -> datetime | None:
        """The end of the last day, in the zone of the person at the screen."""
        day = self.cleaned_data["last_day"]
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time())) if day else None


@permission_required(MAY)
@require_http_methods(["GET", "POST"])
def tokens_page(request: HttpRequest) -> HttpResponse:
    """GET shows, POST makes one: its text stands on this answer and nowhere else."""
    form = TokenForm(request.POST or None)
    made = ""
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        name, scopes = form.cleaned_data["name"], form.cleaned_data["scopes"]
        try:
            made = services.create_token(name, scopes, by=request.user, expires_at=form.expires_at())
            form = TokenForm()
        except AlmanacError as error:
            form.add_error("name", error.message)
    answer = TemplateResponse(request, "core/tokens.html", {**_context(), "form": form, "made": made})
    answer.headers["Cache-Control"] = "no-store"
    return answer


@permission_required(MAY)
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one."""
    assert isinstance(request.user, User)
    grant = get_object_or_404(TokenGrant.objects.select_related("token__user"), pk=pk)
    services.revoke_token(grant, request.user)
    messages.success(request, _("The token %(prefix)s… is revoked.") % {"prefix": grant.token.prefix})
    return redirect("api_tokens")


def _context() -> dict[str, Any]:
    grants = TokenGrant.objects.select_related("token__user").order_by("token__revoked_at", "-pk")
    return {
        "page_title": _("API tokens"),
        "header_title": _("API tokens"),
        "header_icon": "key",
        "breadcrumbs_items": [{"url": "", "label": _("API tokens")}],
        "grants": grants[:500],
        "now": clock.now(),
    }
