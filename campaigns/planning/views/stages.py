"""Stages and targets of one campaign."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.planning import permissions
from campaigns.planning.forms import StageForm, TargetForm, target_words
from campaigns.planning.models import Stage
from campaigns.planning.selectors import stage_window
from campaigns.planning.services import stages, targets
from campaigns.planning.views.base import FormScreen, OneCampaign, actor


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
    def lead(self) -> Any:
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
        stages.add(self.campaign, data["name"], kind=data["kind"], by=actor(self.request), **form.offsets())
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
            stages.remove(self.stage, by=actor(request))
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
            by=actor(self.request),
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
                by=actor(request),
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
            by=actor(self.request),
        )
        self.say(_("Target set."))
        return self.request.path
