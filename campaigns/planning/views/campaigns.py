"""Campaigns: the list, one of them with its stages, and their forms."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin import messages
from wagtail.admin.widgets.button import HeaderButton

from campaigns.planning import clashes, permissions
from campaigns.planning.forms import AnchorForm, CampaignForm, target_words
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.occasions import Kind, Occasion
from campaigns.planning.permissions import may
from campaigns.planning.selectors import LATE, campaign_window, publications_of, stage_window, status_of
from campaigns.planning.services import campaigns, targets
from campaigns.planning.states import PublicationState
from campaigns.planning.views.base import FormScreen, OneCampaign, Screen, actor, url_of
from core import clock, money
from core.errors import AlmanacError
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
        rows: QuerySet[Campaign] = Campaign.objects.select_related("market", "owner").prefetch_related("stages")
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
        common = {**form.fields_for_service(), "by": actor(self.request)}
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


def set_goals(campaign: Campaign, form: CampaignForm, request: HttpRequest) -> None:
    """Write the targets of the whole campaign."""
    have = {target.metric: target.value for target in campaign.targets.filter(stage=None, channel="")}
    for metric, value in form.goals().items():
        if have.get(metric) != value:
            targets.set(campaign, metric, value, by=actor(request))


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
            by=actor(self.request),
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
        form = AnchorForm(request.POST)
        if not form.is_valid():
            return redirect(request.path)
        try:
            report = campaigns.move_anchor(
                self.campaign,
                form.cleaned_data["to"],
                actor(request),
                expected=parse_date(request.POST.get("expected", "") or ""),
                again=bool(request.POST.get("again")),
            )
        except AlmanacError as error:
            context = {**self.get_context_data(), "error": error.message}
            return render(request, self.template_name, context, status=error.status)
        messages.success(request, _("The anchor moved. %(report)s") % {"report": report.sentence()})
        return redirect("planning_campaign:detail", self.campaign.slug)
