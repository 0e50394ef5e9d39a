"""Occasions: the choice of a market and a year, and the campaign that one becomes."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.planning import occasions, permissions, playbooks
from campaigns.planning.forms import CampaignForm, OccasionForm
from campaigns.planning.models import Campaign
from campaigns.planning.occasions import Occasion, words
from campaigns.planning.permissions import may
from campaigns.planning.services import campaigns
from campaigns.planning.views.base import FormScreen, Screen, actor
from core import clock, countries, money
from core.errors import Invalid
from core.models import Market


class OccasionView(Screen):
    """The occasions of a market and a year, to take one."""

    template_name = "planning/occasions.html"
    wanted = permissions.OPEN
    page_title = gettext_lazy("Take an occasion")
    header_icon = "calendar-check"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """By month."""
        today = clock.now().date()
        query = self.request.GET
        everywhere = bool(query.get("everywhere"))
        market = Market.objects.filter(code=query.get("market", "")).first() or Market.objects.first()
        year = int(query["year"]) if query.get("year", "").isdecimal() else today.year
        form = OccasionForm(initial={"market": market.code if market else "", "year": year, "everywhere": everywhere})
        found: list[Occasion] = []
        if market:
            try:
                found = occasions.occasions(market.country, year, everywhere=everywhere)
            except Invalid:
                found = []
        taken: dict[Any, list[Campaign]] = {}
        for campaign in Campaign.objects.filter(market=market, anchor_date__year=year):
            taken.setdefault(campaign.anchor_date, []).append(campaign)
        months: dict[int, list[dict[str, Any]]] = {}
        for occasion in found:
            months.setdefault(occasion.day.month, []).append(
                {
                    "occasion": occasion,
                    "about": [words.kind(occasion), *words.caveats(occasion)],
                    "campaigns": taken.get(occasion.day, []),
                    "over": occasion.last < today,
                }
            )
        return {
            **super().get_context_data(**kwargs),
            "form": form,
            "market": market,
            "unknown": countries.name(market.country)
            if market and not occasions.knows_public_holidays(market.country, year)
            else "",
            "months": [(rows[0]["occasion"].day, rows) for rows in months.values()],
            "year": year,
        }


class TakeView(FormScreen):
    """Plan a campaign on one occasion: everything on one form, then opened in one go."""

    wanted = permissions.OPEN
    template_name = "planning/take.html"
    header_icon = "calendar-check"
    form_class = CampaignForm
    submit_label = gettext_lazy("Open the campaign")

    @cached_property
    def market(self) -> Market:
        """The market whose occasion it is."""
        return get_object_or_404(Market, code=self.request.GET.get("market", ""))

    @cached_property
    def occasion(self) -> Occasion:
        """The occasion that the address names by its key and day."""
        day = parse_date(self.request.GET.get("day", "") or "")
        key = self.request.GET.get("occasion", "")
        if day:
            for occasion in occasions.occasions(self.market.country, day.year, everywhere=True):
                if occasion.key == key and occasion.day == day:
                    return occasion
        return occasions.find(self.market.country, key, today=clock.now().date())

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Back to the choice when the address names nothing."""
        self.request = request
        try:
            _known = self.occasion if may(request.user, permissions.OPEN) else None
        except Invalid:
            return redirect("planning_occasion:index")
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        """What is planned."""
        return _("Plan “%(occasion)s”") % {"occasion": self.occasion.name}

    def trail(self) -> list[tuple[str, Any]]:
        """Over the choice."""
        return [(reverse("planning_occasion:index"), _("Take an occasion")), ("", self.get_page_title())]

    def get_initial(self) -> dict[str, Any]:
        """As most would want it."""
        return {
            "name": f"{self.occasion.name} {self.occasion.year}",
            "kind": Campaign.Kind.HOLIDAY_SALE,
            "market": self.market,
            "owner": self.request.user,
        }

    def get_form(self, form_class: Any = None) -> CampaignForm:
        """Without what the occasion says already."""
        form = CampaignForm(**self.get_form_kwargs())
        for name in ("market", "anchor", "stages"):
            del form.fields[name]
        for name in ("budget", "goal_gmv"):
            form.fields[name].help_text = _("In %(currency)s.") % {"currency": self.market.currency}
        return form

    def get_form_kwargs(self) -> dict[str, Any]:
        """Plain."""
        return super().get_form_kwargs()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the stages each kind would bring."""
        form = kwargs.get("form") or self.get_form()
        kind = form["kind"].value() or Campaign.Kind.HOLIDAY_SALE
        day = self.occasion.day
        steps = {
            value: [
                (step.name, day + timedelta(days=step.start_offset), day + timedelta(days=step.end_offset))
                for step in playbooks.of(value).steps(self.occasion)
            ]
            for value, _label in Campaign.Kind.choices
        }
        return {
            **super().get_context_data(**{**kwargs, "form": form}),
            "occasion": self.occasion,
            "caveats": words.caveats(self.occasion),
            "market": self.market,
            "kind": kind,
            "steps": steps,
            "chosen_steps": steps.get(kind, []),
        }

    def save(self, form: forms.Form) -> str:
        """Open it."""
        assert isinstance(form, CampaignForm)
        form.cleaned_data["market"] = self.market
        goals = {name: value for name, value in form_goals(form, self.market).items() if value is not None}
        campaign = campaigns.from_occasion(
            self.occasion,
            market=self.market,
            name=form.cleaned_data["name"],
            kind=form.cleaned_data["kind"],
            goals=goals,
            by=actor(self.request),
            **{**form.fields_for_service(), "budget_minor": minor(form, "budget", self.market)},
        )
        self.say(_("“%(campaign)s” is open with its stages. Add publications to them next.") % {"campaign": campaign})
        return reverse("planning_campaign:detail", args=[campaign.slug])


def minor(form: CampaignForm, name: str, market: Market) -> int | None:
    """An amount of the form in minor units of `market`; raises `Invalid`."""
    amount = form.cleaned_data.get(name)
    if amount is None:
        return None
    try:
        return money.to_minor(amount, market.currency)
    except ValueError as error:
        raise Invalid(
            _("Too many decimal places for %(currency)s.") % {"currency": market.currency}, field=name
        ) from error


def form_goals(form: CampaignForm, market: Market) -> dict[str, int | None]:
    """Targets, with revenue in minor units of `market`."""
    form.cleaned_data["goal_gmv_minor"] = minor(form, "goal_gmv", market)
    return form.goals()
