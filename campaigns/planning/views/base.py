"""What planning's screens have in common: Wagtail's frame, a form, and a service that may refuse."""

from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin

from campaigns.planning.models import Campaign
from campaigns.planning.permissions import Guarded
from core.errors import AlmanacError
from core.models import User


def url_of(name: str, *args: Any) -> str:
    """The address called `name`, or nothing where the room that has it is not there."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def actor(request: HttpRequest) -> User:
    """Who does it; behind `Guarded` nobody is anonymous."""
    return cast(User, request.user)


class Screen(Guarded, WagtailAdminTemplateMixin, TemplateView):
    """A page in Wagtail's frame. `trail` is what stands between the calendar and this page."""

    breadcrumbs_items: list[dict[str, Any]] = []
    _show_breadcrumbs = True
    request: HttpRequest

    def trail(self) -> list[tuple[str, Any]]:
        """Address and label of each step; the last one is this page."""
        return [("", self.get_page_title())]

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """From the calendar to here."""
        start = url_of("campaign_calendar:index")
        first = [{"url": start, "label": _("Campaign calendar")}] if start else []
        return [*first, *({"url": url, "label": label} for url, label in self.trail())]


class FormScreen(Screen, FormView):
    """A page with one form. A service that refuses is shown above it, and nothing that was typed is lost."""

    template_name = "planning/form.html"
    submit_label: Any = _("Save")
    lead: Any = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the words around the form."""
        context = super().get_context_data(**kwargs)
        return {**context, "submit_label": self.submit_label, "lead": self.lead, "media": context["form"].media}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check, do, and say what happened."""
        form = self.get_form()
        if not form.is_valid():
            return self.form_invalid(form)
        try:
            target = self.save(form)
        except AlmanacError as error:
            field = str(error.details.get("field", ""))
            form.add_error(field if field in form.fields else None, error.message)
            response: HttpResponse = self.form_invalid(form)
            response.status_code = error.status if error.status == 409 else 200
            return response
        return redirect(target)

    def save(self, form: forms.Form) -> str:
        """Call the service; returns the address to go on to."""
        raise NotImplementedError

    def say(self, text: Any) -> None:
        """Tell the person what was done."""
        messages.success(self.request, text)


class OneCampaign:
    """A view of the campaign whose slug stands in the address."""

    kwargs: dict[str, Any]

    @cached_property
    def campaign(self) -> Campaign:
        """The campaign."""
        rows = Campaign.objects.select_related("market", "owner", "audience").prefetch_related("stages")
        return get_object_or_404(rows, slug=self.kwargs["slug"])

    def over(self) -> list[tuple[str, Any]]:
        """The steps to it."""
        return [
            (reverse("planning_campaign:index"), _("Campaigns")),
            (reverse("planning_campaign:detail", args=[self.campaign.slug]), self.campaign.name),
        ]
