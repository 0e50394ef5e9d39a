"""Campaigns: the list, one of them with its stages, and their forms."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.widgets.button import HeaderButton

from campaigns.planning import clashes, occasions, permissions, playbooks
from campaigns.planning.forms import AnchorForm, CampaignForm, StageForm, TargetForm, target_words
from campaigns.planning.models import Campaign, Stage
from campaigns.planning.occasions import Kind, Occasion
from campaigns.planning.permissions import may
from campaigns.planning.selectors import LATE, campaign_window, publications_of, stage_window, status_of
from campaigns.planning.services import campaigns, stages, targets
from campaigns.planning.states import PublicationState
from campaigns.planning.views.base import FormScreen, Screen, url_of
from core import clock, money
from core.errors import Invalid
from core.models import Market


class IndexView(Screen):
    """Every campaign, the newest first."""

    template_name = "planning/campaigns.html"
    page_title = gettext_lazy("Campaigns")
    header_icon = "thumbtack"

    def get_header_buttons(self) -> list[Any]:
        """How a campaign begins."""
        if not may(self.request.user, permissions.OPEN):
            return []
        return [
            HeaderButton(
                label=_("Take an occasion"), url=reverse("planning_occasion:index"), icon_name="calendar-check"
            ),
            HeaderButton(label=_("New campaign"), url=reverse("planning_campaign:add"), icon_name="plus"),
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Campaigns with their windows and counts."""
        words = self.request.GET.get("q", "").strip()
        rows = Campaign.objects.select_related("market", "owner").prefetch_related("stages")
        rows = rows.annotate(publications=Count("stages__publications", distinct=True))
        if words:
            rows = rows.filter(Q(name__icontains=words) | Q(slug__icontains=words))
        shown = [
            {"campaign": campaign, "window": campaign_window(campaign)}
            for campaign in rows.order_by("-anchor_date", "-pk")
        ]
        return {
            **super().get_context_data(**kwargs),
            "rows": shown,
            "words": words,
            "may_open": may(self.request.user, permissions.OPEN),
        }


class AddView(FormScreen):
    """A campaign from scratch."""

    wanted = permissions.OPEN
    page_title = gettext_lazy("New campaign")
    header_icon = "plus"
    form_class = CampaignForm
    submit_label = gettext_lazy("Open the campaign")

    def get_initial(self) -> dict[str, Any]:
        """A holiday sale in the first market, owned by whoever opens it."""
        return {
            "kind": Campaign.Kind.HOLIDAY_SALE,
            "market": Market.objects.first(),
            "owner": self.request.user,
            "stages": True,
            "anchor": parse_date(self.request.GET.get("day", "") or "") or None,
        }

    def save(self, form: forms.Form) -> str:
        """Open it, with the usual stages where there is an anchor."""
        assert isinstance(form, CampaignForm)
        data = form.cleaned_data
        common = {**form.fields_for_service(), "by": self.request.user}
        if data["anchor"] and data["stages"]:
            day = data["anchor"]
            campaign = campaigns.from_occasion(
                Occasion("", data["name"], Kind.SHOPPING, day, day, day),
                market=data["market"],
                name=data["name"],
                kind=data["kind"],
                **common,
            )
        else:
            campaign = campaigns.create(
                data["name"], market=data["market"], kind=data["kind"], anchor=data["anchor"], **common
            )
        set_goals(campaign, form, self.request)
        self.say(_("“%(campaign)s” is open. Add its publications next.") % {"campaign": campaign})
        return reverse("planning_campaign:detail", args=[campaign.slug])


class OccasionView(Screen):
    """The occasions of a market and a year, to take one."""

    template_name = "planning/occasions.html"
    wanted = permissions.OPEN
    page_title = gettext_lazy("Take an occasion")
    header_icon = "calendar-check"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """By month."""
        from campaigns.planning.forms import OccasionForm

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
                {"occasion": occasion, "campaigns": taken.get(occasion.day, []), "over": occasion.last < today}
            )
        return {
            **super().get_context_data(**kwargs),
            "form": form,
            "market": market,
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
            by=self.request.user,
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


def set_goals(campaign: Campaign, form: CampaignForm, request: HttpRequest) -> None:
    """Write the targets of the whole campaign."""
    have = {target.metric: target.value for target in campaign.targets.filter(stage=None, channel="")}
    for metric, value in form.goals().items():
        if have.get(metric) != value:
            targets.set(campaign, metric, value, by=request.user)  # type: ignore[arg-type]


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


class DetailView(OneCampaign, Screen):
    """One campaign: its facts, its stages with what goes out in each, its targets, and what to do next."""

    template_name = "planning/campaign.html"
    header_icon = "thumbtack"

    def get_page_title(self) -> str:
        """Its name."""
        return self.campaign.name

    def trail(self) -> list[tuple[str, Any]]:
        """Under the campaigns."""
        return [(reverse("planning_campaign:index"), _("Campaigns")), ("", self.campaign.name)]

    def get_header_buttons(self) -> list[Any]:
        """What can be done with it."""
        buttons = []
        if results := url_of("measurement_results:campaign", self.campaign.slug):
            buttons.append(HeaderButton(label=_("Results"), url=results, icon_name="view"))
        if may(self.request.user, permissions.CHANGE):
            buttons.append(
                HeaderButton(
                    label=_("Edit"), url=reverse("planning_campaign:edit", args=[self.campaign.slug]), icon_name="edit"
                )
            )
        return buttons

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Stages with their publications, in order."""
        campaign = self.campaign
        publications = list(publications_of(campaign).order_by("moment_date", "moment_time", "pk"))
        found = clashes.by_publication(self._clashes(publications))
        labels = {**dict(PublicationState.choices), LATE: _("late")}
        now = clock.now()
        rows = []
        for stage in campaign.stages.all():
            first, last = stage_window(stage)
            rows.append(
                {
                    "stage": stage,
                    "first": first,
                    "last": last,
                    "now": bool(first and last and first <= now.date() <= last),
                    "publications": [
                        {
                            "publication": publication,
                            "status": status_of(publication, now),
                            "label": labels[status_of(publication, now)],
                            "clashes": found.get(publication.pk, []),
                            "url": url_of("publishing_publication:detail", publication.public_id)
                            or reverse("planning_publication:edit", args=[publication.public_id]),
                        }
                        for publication in publications
                        if publication.stage_id == stage.pk
                    ],
                }
            )
        currency = campaign.market.currency
        first, last = campaign_window(campaign)
        return {
            **super().get_context_data(**kwargs),
            "campaign": campaign,
            "first": first,
            "last": last,
            "budget": money.display(campaign.budget_minor, currency) if campaign.budget_minor is not None else "",
            "rows": rows,
            "targets": [
                {"target": target, "words": target_words(target, currency)}
                for target in campaign.targets.select_related("stage").order_by("stage__position", "channel", "pk")
            ],
            "offers": campaign.offers.all(),
            "may_change": may(self.request.user, permissions.CHANGE),
            "may_plan": may(self.request.user, permissions.PLAN),
            "calendar_url": self._calendar_url(first),
            "results_url": url_of("measurement_results:campaign", campaign.slug),
        }

    def _calendar_url(self, first: Any) -> str:
        url = url_of("campaign_calendar:index")
        day = f"&date={first.isoformat()}" if first else ""
        return f"{url}?view=timeline&campaign={self.campaign.public_id}{day}" if url else ""

    def _clashes(self, publications: list[Any]) -> list[clashes.Clash]:
        from campaigns.planning.models import Publication

        days = [p.moment_date for p in publications if p.moment_date]
        if not days:
            return []
        near = Publication.objects.filter(
            moment_date__gte=min(days) - timedelta(days=2), moment_date__lte=max(days) + timedelta(days=2)
        )
        return clashes.find(near.select_related("stage__campaign__market"))


class EditView(OneCampaign, FormScreen):
    """Change what moves nothing."""

    wanted = permissions.CHANGE
    header_icon = "edit"

    def get_page_title(self) -> str:
        """What is edited."""
        return _("Edit “%(campaign)s”") % {"campaign": self.campaign}

    def trail(self) -> list[tuple[str, Any]]:
        """Under the campaign."""
        return [*self.over(), ("", _("Edit"))]

    def get_form(self, form_class: Any = None) -> CampaignForm:
        """Filled in with what is there."""
        return CampaignForm(**self.get_form_kwargs(), campaign=self.campaign)

    def get_initial(self) -> dict[str, Any]:
        """As it stands."""
        return CampaignForm.initial_of(self.campaign)

    def save(self, form: forms.Form) -> str:
        """Save it."""
        assert isinstance(form, CampaignForm)
        data = form.cleaned_data
        campaigns.edit(
            self.campaign,
            name=data["name"],
            kind=data["kind"],
            by=self.request.user,  # type: ignore[arg-type]
            **form.fields_for_service(),
        )
        set_goals(self.campaign, form, self.request)
        self.say(_("Saved."))
        return reverse("planning_campaign:detail", args=[self.campaign.slug])


class AnchorView(OneCampaign, Screen):
    """Move the anchor: choose a day, see what follows, then do it."""

    wanted = permissions.CHANGE
    template_name = "planning/anchor.html"
    page_title = gettext_lazy("Move the anchor")
    header_icon = "calendar-alt"

    def trail(self) -> list[tuple[str, Any]]:
        """Under the campaign."""
        return [*self.over(), ("", self.page_title)]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The preview, once a day is named."""
        form = AnchorForm(self.request.GET if "to" in self.request.GET else None)
        to = form.cleaned_data["to"] if form.is_bound and form.is_valid() else None
        if not form.is_bound:
            form = AnchorForm(initial={"to": self.campaign.anchor_date})
        return {
            **super().get_context_data(**kwargs),
            "campaign": self.campaign,
            "form": form,
            "to": to,
            "preview": campaigns.preview_anchor(self.campaign, to) if to else None,
            "days": (to - self.campaign.anchor_date).days if to and self.campaign.anchor_date else 0,
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Move it as it was shown."""
        from wagtail.admin import messages

        from core.errors import AlmanacError

        form = AnchorForm(request.POST)
        if not form.is_valid():
            return redirect(request.path)
        try:
            report = campaigns.move_anchor(
                self.campaign,
                form.cleaned_data["to"],
                request.user,  # type: ignore[arg-type]
                expected=parse_date(request.POST.get("expected", "") or ""),
                again=bool(request.POST.get("again")),
            )
        except AlmanacError as error:
            context = {**self.get_context_data(), "error": error.message}
            return render(request, self.template_name, context, status=error.status)
        messages.success(request, _("The anchor moved. %(report)s") % {"report": report.sentence()})
        return redirect("planning_campaign:detail", self.campaign.slug)


class StageFormScreen(OneCampaign, FormScreen):
    """What adding and changing a stage have in common."""

    wanted = permissions.CHANGE
    header_icon = "list-ul"

    def trail(self) -> list[tuple[str, Any]]:
        """Under the campaign."""
        return [*self.over(), ("", self.get_page_title())]

    def get_form(self, form_class: Any = None) -> StageForm:
        """With days where the campaign has an anchor."""
        return StageForm(**self.get_form_kwargs(), campaign=self.campaign)

    @property
    def lead(self) -> Any:  # type: ignore[override]
        """What days mean here."""
        if self.campaign.anchor_date is None:
            return _("The campaign has no anchor yet, so its stages have no days. Set the anchor to give them some.")
        return _("Days are kept as a distance from the anchor: when the anchor moves, the stage moves along.")


class AddStageView(StageFormScreen):
    """One more stage."""

    page_title = gettext_lazy("Add a stage")
    submit_label = gettext_lazy("Add the stage")

    def save(self, form: forms.Form) -> str:
        """Add it."""
        assert isinstance(form, StageForm)
        data = form.cleaned_data
        stages.add(self.campaign, data["name"], kind=data["kind"], by=self.request.user, **form.offsets())  # type: ignore[arg-type]
        self.say(_("Stage added."))
        return reverse("planning_campaign:detail", args=[self.campaign.slug])


class EditStageView(StageFormScreen):
    """Change a stage; when its first day changes, what is in it goes along."""

    @cached_property
    def stage(self) -> Stage:
        """The stage."""
        return get_object_or_404(
            self.campaign.stages.select_related("campaign__market"), public_id=self.kwargs["public_id"]
        )

    def get_page_title(self) -> str:
        """What is edited."""
        return _("Edit “%(stage)s”") % {"stage": self.stage}

    def get_initial(self) -> dict[str, Any]:
        """As it stands."""
        first, last = stage_window(self.stage) if self.stage.start_offset is not None else (None, None)
        return {"name": self.stage.name, "kind": self.stage.kind, "first": first, "last": last}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the way to delete an empty one."""
        empty = not self.stage.publications.exists()
        return {**super().get_context_data(**kwargs), "delete_label": _("Delete the stage") if empty else ""}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete or save."""
        if "delete" in request.POST:
            stages.remove(self.stage, by=request.user)  # type: ignore[arg-type]
            self.say(_("Stage deleted."))
            return redirect("planning_campaign:detail", self.campaign.slug)
        return super().post(request, *args, **kwargs)

    def save(self, form: forms.Form) -> str:
        """Save it, and say what moved along."""
        assert isinstance(form, StageForm)
        data = form.cleaned_data
        report = stages.edit(
            self.stage,
            name=data["name"],
            kind=data["kind"],
            by=self.request.user,  # type: ignore[arg-type]
            **(form.offsets() if "first" in form.fields else self._as_it_is()),
        )
        self.say(_("Saved. %(report)s") % {"report": report.sentence() if report.moved or report.stayed else ""})
        return reverse("planning_campaign:detail", args=[self.campaign.slug])

    def _as_it_is(self) -> dict[str, int | None]:
        return {"start_offset": self.stage.start_offset, "end_offset": self.stage.end_offset}


class TargetsView(OneCampaign, FormScreen):
    """The targets, one at a time."""

    wanted = permissions.CHANGE
    template_name = "planning/targets.html"
    page_title = gettext_lazy("Targets")
    header_icon = "crosshairs"
    submit_label = gettext_lazy("Set the target")

    def trail(self) -> list[tuple[str, Any]]:
        """Under the campaign."""
        return [*self.over(), ("", self.page_title)]

    def get_form(self, form_class: Any = None) -> TargetForm:
        """For this campaign's stages."""
        return TargetForm(**self.get_form_kwargs(), campaign=self.campaign)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With those that are set."""
        currency = self.campaign.market.currency
        rows = self.campaign.targets.select_related("stage").order_by("stage__position", "channel", "pk")
        return {
            **super().get_context_data(**kwargs),
            "campaign": self.campaign,
            "targets": [{"target": target, "words": target_words(target, currency)} for target in rows],
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take one away, or set one."""
        if number := request.POST.get("delete", ""):
            target = get_object_or_404(self.campaign.targets, pk=number if number.isdecimal() else 0)
            targets.set(
                self.campaign,
                target.metric,
                None,
                stage=target.stage,
                channel=target.channel,
                by=request.user,  # type: ignore[arg-type]
            )
            self.say(_("Target taken away."))
            return redirect(request.path)
        return super().post(request, *args, **kwargs)

    def save(self, form: forms.Form) -> str:
        """Set it."""
        data = form.cleaned_data
        targets.set(
            self.campaign,
            data["metric"],
            data["stored"],
            stage=data["stage"],
            channel=data["channel"],
            by=self.request.user,  # type: ignore[arg-type]
        )
        self.say(_("Target set."))
        return self.request.path
