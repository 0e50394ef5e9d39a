"""The calendar: one query, four views, and moving things on it."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views import View as DjangoView
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.utils import get_valid_next_url_from_request
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.widgets.button import HeaderButton

from campaigns.planning import clashes, occasions, permissions
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.permissions import Guarded, may
from campaigns.planning.selectors import (
    CalendarItem,
    Filters,
    calendar_item,
    calendar_items,
    stage_window,
    stages_between,
)
from campaigns.planning.services import publications, stages
from campaigns.planning.services.moves import MoveReport
from core import clock
from core.errors import AlmanacError
from core.models import Market
from marketing_calendar import payload, periods
from marketing_calendar.filters import LANES, FilterForm
from marketing_calendar.forms import MoveForm, MoveStageForm
from marketing_calendar.periods import View
from marketing_calendar.statuses import STATUSES

LONGEST = timedelta(days=400)


def clashes_for(items: Iterable[CalendarItem], start: date, end: date) -> dict[int, list[clashes.Clash]]:
    """The clashes of `items`, with their neighbours just outside the days from `start` to before `end`."""
    shown = [item.publication for item in items]
    known = {publication.pk for publication in shown}
    near = Publication.objects.filter(
        moment_date__gte=start - timedelta(days=2), moment_date__lt=end + timedelta(days=2)
    ).select_related("stage__campaign__market")
    return clashes.by_publication(clashes.find([*shown, *(row for row in near if row.pk not in known)]))


def markets_for(filters: Filters) -> list[Market]:
    """The markets whose occasions are shown: those chosen, or the default one."""
    markets = Market.objects.all()
    if filters.markets:
        return list(markets.filter(code__in=filters.markets))
    return list(markets[:1])


class CalendarView(Guarded, WagtailAdminTemplateMixin, TemplateView):
    """The calendar. The list is rendered here; month, week and timeline are drawn over it where there is JavaScript."""

    template_name = "marketing_calendar/calendar.html"
    page_title = gettext_lazy("Campaign calendar")
    header_icon = "calendar-alt"
    breadcrumbs_items: list[dict[str, Any]] = []
    _show_breadcrumbs = True

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Just itself."""
        return [{"url": "", "label": self.page_title}]

    def get_header_buttons(self) -> list[Any]:
        """How a plan begins."""
        if not may(self.request.user, permissions.OPEN):
            return []
        return [
            HeaderButton(
                label=_("Take an occasion"), url=reverse("planning_occasion:index"), icon_name="calendar-check"
            ),
            HeaderButton(label=_("New campaign"), url=reverse("planning_campaign:add"), icon_name="plus"),
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The days, the items, and everything the browser needs to draw them otherwise."""
        context = super().get_context_data(**kwargs)
        query = self.request.GET
        form = FilterForm(query)
        filters, zone = form.filters(), form.zone_name
        view = View(query["view"]) if query.get("view") in list(View) else View.MONTH
        today = clock.now().astimezone(clock.zone(zone or self._home_zone())).date()
        day = parse_date_or(query.get("date", ""), today)
        period = periods.of(view, day)
        items = calendar_items(period.start, period.end, filters, zone=zone)
        found = clashes_for(items, period.start, period.end)
        kept = {name: value for name, value in query.items() if name not in ("view", "date") and value}
        lanes = query.get("lanes") if query.get("lanes") in dict(LANES) else "campaign"
        editable = may(self.request.user, permissions.MOVE)
        shown = {clash.sentence: clash for item in items for clash in found.get(item.publication.pk, [])}

        def link(**changes: Any) -> str:
            return "?" + urlencode({"view": view.value, "date": day.isoformat(), **kept, **changes})

        return {
            **context,
            "period": period,
            "view": view,
            "today": today,
            "days": self._days(items, found, period, filters),
            "clashes": list(shown.values()),
            "empty": not items,
            "no_campaign": not Campaign.objects.exists(),
            "may_open": may(self.request.user, permissions.OPEN),
            "may_move": editable,
            "form": form,
            "lanes": lanes,
            "lane_choices": LANES,
            "statuses": STATUSES.values(),
            "tabs": [
                (one.value, label, link(view=one.value), one is view)
                for one, label in (
                    (View.MONTH, _("Month")),
                    (View.WEEK, _("Week")),
                    (View.TIMELINE, _("Timeline")),
                    (View.LIST, _("List")),
                )
            ],
            "before_url": link(date=period.before.isoformat()),
            "after_url": link(date=period.after.isoformat()),
            "today_url": link(date=today.isoformat()),
            "clear_url": "?" + urlencode({"view": view.value, "date": day.isoformat()}),
            "here": self.request.get_full_path(),
            "options": {
                "view": view.value,
                "chosen": query.get("view", ""),
                "date": (period.start if view is View.TIMELINE else day).isoformat(),
                "today": today.isoformat(),
                "days": periods.TIMELINE_DAYS,
                "firstDay": periods.first_weekday(),
                "locale": get_language() or "en",
                "lanes": lanes,
                "zone": zone,
                "itemsUrl": reverse("campaign_calendar:items"),
                "query": urlencode(kept),
                "words": self._words(),
            },
        }

    def _days(
        self, items: list[CalendarItem], found: dict[int, list[clashes.Clash]], period: periods.Period, filters: Filters
    ) -> list[dict[str, Any]]:
        by_day = {
            day: [
                {
                    "item": item,
                    "status": STATUSES[item.status],
                    "when": payload.when(item),
                    "icon": payload.CHANNEL_ICONS.get(item.publication.channel, "doc-empty"),
                    "clashes": found.get(item.publication.pk, []),
                    "can_move": payload.can_move(item.publication),
                    "url": url_of_publication(item.publication),
                    "campaign_url": payload.url_of("planning_campaign:detail", item.publication.stage.campaign.slug),
                }
                for item in group
            ]
            for day, group in groupby(items, key=lambda item: item.day)
        }
        marked: dict[date, list[occasions.Occasion]] = {}
        for market in markets_for(filters):
            for occasion in occasions.between(market.country, period.start, period.end):
                if period.start <= occasion.day < period.end:
                    marked.setdefault(occasion.day, []).append(occasion)
        return [
            {"day": day, "rows": by_day.get(day, []), "occasions": marked.get(day, [])}
            for day in sorted({*by_day, *marked})
        ]

    def _home_zone(self) -> str:
        market = Market.objects.first()
        return market.timezone if market else "UTC"

    def _words(self) -> dict[str, str]:
        """What the script says."""
        return {
            "undo": _("Undo"),
            "moved": _("Moved to %(day)s."),
            "undone": _("Back where it was."),
            "failed": _("That did not work. Check your connection and load the page again."),
            "again": _("Move it and ask for approval again"),
            "cancel": _("Leave it where it is"),
            "close": _("Close"),
            "details": _("Details"),
            "clash": _("Clash"),
            "more": _("more"),
            "stage": _("Stage"),
            "expand": _("Expand"),
            "collapse": _("Collapse"),
            "allDay": _("All day"),
            "loading": _("Loading the calendar …"),
            "reload": _("Load the page again"),
        }


class ItemsView(Guarded, DjangoView):
    """The days from ``start`` to before ``end`` as JSON: items, stages, occasions and clashes for whatever view."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        start, end = parse_date_or(request.GET.get("start", "")), parse_date_or(request.GET.get("end", ""))
        if start is None or end is None or not start < end <= start + LONGEST:
            return problem(422, "invalid", _("Ask for 1 to %(days)d days.") % {"days": LONGEST.days})
        form = FilterForm(request.GET)
        filters = form.filters()
        items = calendar_items(start, end, filters, zone=form.zone_name)
        found = clashes_for(items, start, end)
        editable = may(request.user, permissions.MOVE)
        return JsonResponse(
            {
                "items": [payload.item_dict(item, found, editable=editable) for item in items],
                "stages": [
                    payload.stage_dict(stage, first, last, editable=editable)
                    for stage, first, last in stages_between(start, end, filters)
                ],
                "occasions": [
                    payload.occasion_dict(occasion, market.code)
                    for market in markets_for(filters)
                    for occasion in occasions.between(market.country, start, end)
                ],
                "markets": [{"code": market.code, "name": market.name} for market in Market.objects.all()],
            },
            encoder=DjangoJSONEncoder,
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


# --------------------------------------------------------------------------------------------------------------------


def get_publication(public_id: UUID) -> Publication:
    """A publication ready for display, or 404."""
    rows = Publication.objects.select_related("stage__campaign__market", "account", "audience", "owner")
    return get_object_or_404(rows, public_id=public_id)


def url_of_publication(publication: Publication) -> str:
    """Its own page, which is publishing's; the plan's form until then."""
    return payload.url_of("publishing_publication:detail", publication.public_id) or payload.url_of(
        "planning_publication:edit", publication.public_id
    )


def card_context(
    request: HttpRequest, publication: Publication, *, form: MoveForm | None = None, moving: bool = False
) -> dict[str, Any]:
    """What the card shows."""
    item = calendar_item(publication)
    movable = may(request.user, permissions.MOVE) and payload.can_move(publication)
    return {
        "publication": publication,
        "status": STATUSES[item.status if item else publication.state],
        "when": payload.when(item) if item else "",
        "icon": payload.CHANNEL_ICONS.get(publication.channel, "doc-empty"),
        "clashes": clashes.around(publication),
        "form": form or MoveForm.of(publication),
        "movable": movable,
        "moving": moving,
        "needs_approval": movable and publication.state != "planned",
        "detail_url": payload.url_of("publishing_publication:detail", publication.public_id),
        "edit_url": payload.url_of("planning_publication:edit", publication.public_id)
        if publication.state == "planned" and may(request.user, permissions.MOVE)
        else "",
        "campaign_url": payload.url_of("planning_campaign:detail", publication.stage.campaign.slug),
        "next": get_valid_next_url_from_request(request),
        "header_title": str(publication),
        "header_icon": "calendar-alt",
        "breadcrumbs_items": [
            {"url": calendar_at(publication.moment_date), "label": _("Campaign calendar")},
            {"url": "", "label": str(publication)},
        ],
    }


def moved_sentence(publication: Publication, report: MoveReport) -> str:
    """What a move did."""
    if not report.moved:
        return _("“%(title)s” stays where it is.") % {"title": publication}
    day = date_format(publication.moment_date, "DATE_FORMAT")
    if report.withdrawn:
        return _("“%(title)s” moved to %(day)s. It is planned again: submit it for approval of its new moment.") % {
            "title": publication,
            "day": day,
        }
    return _("“%(title)s” moved to %(day)s.") % {"title": publication, "day": day}


def calendar_at(day: date | None, view: str = "month") -> str:
    """The calendar, opened at `day`."""
    query = {"view": view, **({"date": day.isoformat()} if day else {})}
    return f"{reverse('campaign_calendar:index')}?{urlencode(query)}"


def parse_date_or[Default](text: str, default: Default = None) -> date | Default:  # type: ignore[assignment]
    """A date as it stands in an address; `default` for anything else."""
    try:
        return parse_date(text) or default
    except ValueError:
        return default


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks."""
    return request.accepts("application/json") and not request.accepts("text/html")


def wants_fragment(request: HttpRequest) -> bool:
    """Whether the dialog asks."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def problem(status: int, code: str, detail: str) -> JsonResponse:
    """What went wrong, for the script."""
    return JsonResponse({"code": code, "detail": detail}, status=status, content_type="application/problem+json")
