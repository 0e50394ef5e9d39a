"""The plan of one publication: a form, its warnings, and the next step."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin import messages

from campaigns.planning import clashes, permissions
from campaigns.planning.forms import PublicationForm
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.services import publications
from campaigns.planning.states import EDITABLE, PUBLICATION
from campaigns.planning.views.base import FormScreen, actor, url_of
from cms import selectors as cms
from core.errors import AlmanacError


class PublicationScreen(FormScreen):
    """What adding and editing have in common."""

    template_name = "planning/publication.html"
    header_icon = "mail"

    @cached_property
    def campaign(self) -> Campaign:
        """The campaign it belongs to."""
        raise NotImplementedError

    def trail(self) -> list[tuple[str, Any]]:
        """Under its campaign."""
        return [
            (reverse("planning_campaign:index"), _("Campaigns")),
            (reverse("planning_campaign:detail", args=[self.campaign.slug]), self.campaign.name),
            ("", self.get_page_title()),
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the fields in groups."""
        context = super().get_context_data(**kwargs)
        return {**context, "campaign": self.campaign}

    def next_url(self, publication: Publication) -> str:
        """Where to go on: its own page where publishing has one, else back to the form."""
        return url_of("publishing_publication:detail", publication.public_id) or reverse(
            "planning_publication:edit", args=[publication.public_id]
        )


class AddView(PublicationScreen):
    """Plan one more, in the stage the address names."""

    wanted = permissions.PLAN
    page_title = gettext_lazy("Add a publication")
    submit_label = gettext_lazy("Plan it")

    @cached_property
    def stage(self) -> Stage:
        """The stage."""
        rows = Stage.objects.select_related("campaign__market", "campaign__audience")
        return get_object_or_404(rows, public_id=self.kwargs["public_id"])

    @cached_property
    def campaign(self) -> Campaign:
        """Its campaign."""
        return self.stage.campaign

    def get_form(self, form_class: Any = None) -> PublicationForm:
        """For this campaign."""
        return PublicationForm(**self.get_form_kwargs(), campaign=self.campaign)

    def get_initial(self) -> dict[str, Any]:
        """On the first day of the stage, to the campaign's audience."""
        moment = publications.usual_moment(self.stage)
        audience = self.campaign.audience
        return {
            "stage": self.stage,
            "channel": "email",
            "moment": moment.kind,
            "day": moment.day,
            "time": moment.at,
            "zone": moment.zone,
            "owner": self.request.user,
            "include": audience.include.all() if audience else [],
            "exclude": audience.exclude.all() if audience else [],
            "content": "",
        }

    def save(self, form: forms.Form) -> str:
        """Plan it."""
        assert isinstance(form, PublicationForm)
        publication = publications.plan(by=actor(self.request), **form.fields_for_service())
        self.say(_("“%(title)s” is planned. Submit it when it is ready.") % {"title": publication})
        return reverse("planning_publication:edit", args=[publication.public_id])


class EditView(PublicationScreen):
    """Change a plan. What is under way is taken back first."""

    wanted = permissions.SEE
    wanted_to_write = permissions.MOVE

    @cached_property
    def publication(self) -> Publication:
        """The publication."""
        rows = Publication.objects.select_related("stage__campaign__market", "account", "audience", "owner")
        return get_object_or_404(rows, public_id=self.kwargs["public_id"])

    @cached_property
    def campaign(self) -> Campaign:
        """Its campaign."""
        return self.publication.stage.campaign

    def get_page_title(self) -> str:
        """Its title."""
        return str(self.publication)

    def get_form(self, form_class: Any = None) -> PublicationForm:
        """Filled in with what is there; locked while it is under way."""
        form = PublicationForm(**self.get_form_kwargs(), campaign=self.campaign, publication=self.publication)
        if self.publication.state not in EDITABLE:
            for field in form.fields.values():
                field.disabled = True
        return form

    def get_initial(self) -> dict[str, Any]:
        """As it stands."""
        return PublicationForm.initial_of(self.publication)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With its warnings and the next step."""
        publication = self.publication
        return {
            **super().get_context_data(**kwargs),
            "publication": publication,
            "editable": publication.state in EDITABLE,
            "can_take_back": PUBLICATION.allows(publication.state, "withdraw"),
            "clashes": clashes.around(publication),
            "missing": missing(publication),
            "refusals": refusals(publication),
            "detail_url": url_of("publishing_publication:detail", publication.public_id),
            "can_delete": publication.state in EDITABLE and not publication.submitted_by_id,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take back, delete, or save."""
        campaign_url = reverse("planning_campaign:detail", args=[self.campaign.slug])
        try:
            if "take_back" in request.POST:
                publications.take_back(self.publication, by=actor(request))
                self.say(_("Taken back to planned. Change it, then submit it again."))
                return redirect(request.path)
            if "delete" in request.POST:
                publications.remove(self.publication, by=actor(request))
                self.say(_("The plan is deleted."))
                return redirect(campaign_url)
        except AlmanacError as error:
            messages.error(request, error.message)
            return redirect(request.path)
        return super().post(request, *args, **kwargs)

    def save(self, form: forms.Form) -> str:
        """Save it."""
        assert isinstance(form, PublicationForm)
        publications.edit(
            self.publication,
            by=actor(self.request),
            version=form.cleaned_data["version"],
            **form.fields_for_service(),
        )
        self.say(_("Saved."))
        return self.request.path


def missing(publication: Publication) -> list[str]:
    """What is still open before it can be submitted, in words."""
    gaps = []
    if not publication.content_key:
        gaps.append(_("what it says"))
    if publication.account is None:
        gaps.append(_("the account it goes out from"))
    if publication.channel != "social" and publication.audience is None:
        gaps.append(_("whom it reaches"))
    if publication.moment_kind != Publication.Moment.NOW and not (publication.moment_date and publication.moment_time):
        gaps.append(_("its day and time"))
    return gaps


def refusals(publication: Publication) -> list[str]:
    """Why its content would not make a message on its channel; empty when it would, or while nothing is chosen."""
    if not publication.content_key:
        return []
    found = []
    for locale in cms.locales(publication.content_kind, publication.content_key):
        try:
            cms.rendition(publication.content_kind, publication.content_key, publication.channel, locale)
        except AlmanacError as error:
            found.append(f"{locale}: {error.message}")
    return found
