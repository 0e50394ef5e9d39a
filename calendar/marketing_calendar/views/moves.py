"""One publication close up, and moving it or its stage."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views import View as DjangoView
from wagtail.admin import messages
from wagtail.admin.utils import get_valid_next_url_from_request

from campaigns.planning import permissions
from campaigns.planning.models import Publication, Stage
from campaigns.planning.permissions import Guarded
from campaigns.planning.selectors import (
    stage_window,
)
from campaigns.planning.services import publications, stages
from campaigns.planning.services.moves import MoveReport
from core.errors import AlmanacError
from marketing_calendar import payload
from marketing_calendar.forms import MoveForm, MoveStageForm
from marketing_calendar.views.common import (
    calendar_at,
    card_context,
    get_publication,
    problem,
    wants_fragment,
    wants_json,
)


class CardView(Guarded, DjangoView):
    """One publication, close up: a fragment for the dialog, a page without it."""

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """Show it."""
        publication = get_publication(public_id)
        return render(request, self._template(request), card_context(request, publication))

    def _template(self, request: HttpRequest) -> str:
        return "marketing_calendar/_card.html" if wants_fragment(request) else "marketing_calendar/card.html"


class MoveView(Guarded, DjangoView):
    """Give one publication another day or time: by dragging, in the dialog, or on a page of its own."""

    wanted = permissions.MOVE

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """The form."""
        publication = get_publication(public_id)
        return render(request, "marketing_calendar/card.html", card_context(request, publication, moving=True))

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponseBase:
        """Move it. Answers JSON to a script, and a redirect or the form again to a person."""
        publication = get_publication(public_id)
        before = {
            "day": publication.moment_date.isoformat() if publication.moment_date else "",
            "time": publication.moment_time.isoformat("minutes") if publication.moment_time else "",
        }
        form = MoveForm(request.POST)
        if not form.is_valid():
            if wants_json(request):
                return problem(
                    422, "invalid", " ".join(str(error) for errors in form.errors.values() for error in errors)
                )
            return render(
                request, "marketing_calendar/card.html", card_context(request, publication, form=form, moving=True)
            )
        try:
            report = publications.move(
                publication,
                form.cleaned_data["day"],
                form.cleaned_data["time"],
                by=request.user,  # type: ignore[arg-type]
                zone=form.cleaned_data["zone"],
                version=form.cleaned_data["version"],
                again=form.cleaned_data["again"],
            )
        except AlmanacError as error:
            if wants_json(request):
                return problem(error.status, error.code, error.message)
            context = card_context(request, get_publication(public_id), moving=True)
            return render(
                request,
                "marketing_calendar/card.html",
                {**context, "error": error.message, "ask": error.code == "approval_again", "form": form},
                status=error.status,
            )
        said = moved_sentence(publication, report)
        if wants_json(request):
            undo = {**before, "version": publication.version} if report.moved and not report.withdrawn else None
            return JsonResponse({"message": said, "undo": undo, "version": publication.version})
        messages.success(request, said)
        return redirect(get_valid_next_url_from_request(request) or calendar_at(publication.moment_date))


class MoveStageView(Guarded, DjangoView):
    """Move a stage and everything in it that has not started."""

    wanted = permissions.MOVE

    def get(self, request: HttpRequest, public_id: UUID) -> HttpResponse:
        """The form, with what would move."""
        return self._page(request, self._stage(public_id), MoveStageForm(request.GET if "to" in request.GET else None))

    def post(self, request: HttpRequest, public_id: UUID) -> HttpResponseBase:
        """Move it."""
        stage = self._stage(public_id)
        first, _last = stage_window(stage)
        form = MoveStageForm(request.POST)
        if not form.is_valid() or first is None:
            if wants_json(request):
                return problem(422, "invalid", _("Name the day the stage is to begin."))
            return self._page(request, stage, form)
        days = (form.cleaned_data["to"] - first).days
        try:
            report = stages.move(
                stage,
                days,
                request.user,  # type: ignore[arg-type]
                expected_start=form.cleaned_data["expected"],
                again=form.cleaned_data["again"],
            )
        except AlmanacError as error:
            if wants_json(request):
                return problem(error.status, error.code, error.message)
            return self._page(request, self._stage(public_id), form, error=error)
        said = _("“%(stage)s” now begins on %(day)s. %(report)s") % {
            "stage": stage,
            "day": date_format(form.cleaned_data["to"], "DATE_FORMAT"),
            "report": report.sentence(),
        }
        if wants_json(request):
            undo = {"to": first.isoformat(), "expected": stage.start_offset} if not report.withdrawn else None
            return JsonResponse({"message": said, "undo": undo})
        messages.success(request, said)
        return redirect(get_valid_next_url_from_request(request) or calendar_at(form.cleaned_data["to"], "timeline"))

    def _stage(self, public_id: UUID) -> Stage:
        return get_object_or_404(Stage.objects.select_related("campaign__market"), public_id=public_id)

    def _page(
        self, request: HttpRequest, stage: Stage, form: MoveStageForm, error: AlmanacError | None = None
    ) -> HttpResponse:
        first, last = stage_window(stage)
        to = form.cleaned_data.get("to") if form.is_bound and form.is_valid() else None
        preview = stages.preview(stage, (to - first).days) if to and first else None
        if not form.is_bound:
            form = MoveStageForm(initial={"to": first})
        context = {
            "stage": stage,
            "first": first,
            "last": last,
            "form": form,
            "preview": preview,
            "to": to,
            "error": error.message if error else "",
            "next": get_valid_next_url_from_request(request),
            "header_title": _("Move “%(stage)s”") % {"stage": stage},
            "breadcrumbs_items": [
                {"url": reverse("campaign_calendar:index"), "label": _("Campaign calendar")},
                {"url": payload.url_of("planning_campaign:detail", stage.campaign.slug), "label": stage.campaign.name},
                {"url": "", "label": _("Move “%(stage)s”") % {"stage": stage}},
            ],
            "header_icon": "calendar-alt",
        }
        return render(request, "marketing_calendar/move_stage.html", context, status=error.status if error else 200)


def moved_sentence(publication: Publication, report: MoveReport) -> str:
    """What a move did."""
    if not report.moved:
        return _("“%(title)s” stays where it is.") % {"title": publication}
    assert publication.moment_date
    day = date_format(publication.moment_date, "DATE_FORMAT")
    if report.withdrawn:
        return _("“%(title)s” moved to %(day)s. It is planned again: submit it for approval of its new moment.") % {
            "title": publication,
            "day": day,
        }
    return _("“%(title)s” moved to %(day)s.") % {"title": publication, "day": day}
