"""The calendar: one query, four views."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views import View as DjangoView
from django.views.generic import TemplateView
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.widgets.button import HeaderButton

from campaigns.planning import clashes, occasions, permissions
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.occasions import words
from campaigns.planning.permissions import Guarded, may
from campaigns.planning.selectors import (
    CalendarItem,
    Filters,
    calendar_items,
    stages_between,
)
from campaigns.publishing import obstacles
from core import clock
from core.models import Market
from marketing_calendar import payload, periods
from marketing_calendar.filters import LANES, FilterForm
from marketing_calendar.periods import View
from marketing_calendar.statuses import STATUSES
from marketing_calendar.views.common import (
    parse_date_or,
    problem,
    url_of_publication,
)

LONGEST = timedelta(days=400)
ROWS = 100
"""Rows of the list on one page."""
BEHIND = 20
"""Rows of the list behind a drawn calendar: what there is without JavaScript, or on a phone; the list itself has all."""
SENTENCES = 20
"""Clashes that are told above the calendar."""


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
        kept = {name: value for name, value in query.items() if name not in ("view", "date", "page") and value}
        lanes = query.get("lanes") if query.get("lanes") in dict(LANES) else "campaign"
        editable = may(self.request.user, permissions.MOVE)
        clashing = {id(clash): clash for item in items for clash in found.get(item.publication.pk, [])}
        page = self._page(items, view)

        def link(**changes: Any) -> str:
            return "?" + urlencode({"view": view.value, "date": day.isoformat(), **kept, **changes})

        return {
            **context,
            "period": period,
            "view": view,
            "today": today,
            "days": self._days(list(page.object_list), found, period, filters, whole=page.paginator.num_pages == 1),
            "clash_count": len(clashing),
            "clashes": list(clashing.values())[:SENTENCES],
            "clashes_more": max(len(clashing) - SENTENCES, 0),
            "page": page,
            "earlier_url": link(page=page.previous_page_number()) if page.has_previous() else "",
            "later_url": link(view=View.LIST.value, page=self._next(page, view)) if page.has_next() else "",
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

    def _page(self, items: list[CalendarItem], view: View) -> Page[CalendarItem]:
        """The rows that are rendered: the list's page, or its beginning behind a drawn calendar."""
        if view is not View.LIST:
            return Paginator(items, BEHIND).page(1)
        return Paginator(items, ROWS).get_page(self.request.GET.get("page"))

    @staticmethod
    def _next(page: Page[CalendarItem], view: View) -> int:
        """Where the list goes on; behind a drawn calendar only its beginning was shown."""
        return page.next_page_number() if view is View.LIST else 1

    def _days(
        self,
        items: list[CalendarItem],
        found: dict[int, list[clashes.Clash]],
        period: periods.Period,
        filters: Filters,
        *,
        whole: bool,
    ) -> list[dict[str, Any]]:
        stuck = obstacles.of_all(item.publication for item in items)
        by_day = {
            day: [
                {
                    "item": item,
                    "status": STATUSES[item.status],
                    "when": payload.when(item),
                    "icon": payload.CHANNEL_ICONS.get(item.publication.channel, "doc-empty"),
                    "clashes": found.get(item.publication.pk, [])[:3],
                    "more_clashes": max(len(found.get(item.publication.pk, [])) - 3, 0),
                    "obstacles": stuck[item.publication.pk],
                    "can_move": payload.can_move(item.publication),
                    "url": url_of_publication(item.publication),
                    "campaign_url": payload.url_of("planning_campaign:detail", item.publication.stage.campaign.slug),
                }
                for item in group
            ]
            for day, group in groupby(items, key=lambda item: item.day)
        }
        marked: dict[date, list[dict[str, Any]]] = {}
        for market in markets_for(filters):
            for occasion in occasions.between(market.country, period.start, period.end):
                if period.start <= occasion.day < period.end:
                    marked.setdefault(occasion.day, []).append(
                        {"name": occasion.name, "caveats": words.caveats(occasion)}
                    )
        shown = sorted({*by_day, *marked})
        if not whole and by_day:  # days of another page have no rows here, and would look empty
            shown = [day for day in shown if min(by_day) <= day <= max(by_day)]
        return [{"day": day, "rows": by_day.get(day, []), "occasions": marked.get(day, [])} for day in shown]

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
            "stuck": _("Cannot go on"),
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
        stuck = obstacles.of_all(item.publication for item in items)
        editable = may(request.user, permissions.MOVE)
        words = payload.Words()
        return JsonResponse(
            {
                "items": [payload.item_dict(item, words, found, editable=editable, obstacles=stuck) for item in items],
                "words": words.as_dict(),
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
