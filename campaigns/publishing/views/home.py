"""The panel on the admin's first page: what goes out today and next, and what waits for a person."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from wagtail.admin.ui.components import Component

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState as State
from campaigns.publishing import obstacles, permissions, progress, reasons, selectors, telling
from campaigns.publishing.services import doubts
from campaigns.publishing.views.approvals import waiting
from campaigns.publishing.views.common import publication_url, url_of
from channels.base import Channel
from core import clock, notices
from core import obstacles as standing_obstacles

MOST = 8


class TodayPanel(Component):
    """Today and next."""

    name = "today_and_next"
    template_name = "publishing/home_panel.html"
    order = 50

    def get_context_data(self, parent_context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Four short lists, and what to do when all are empty."""
        user = parent_context["request"].user if parent_context else None
        today = timezone.localtime(clock.now()).date()
        rows = Publication.objects.select_related("stage__campaign", "account")
        coming = rows.filter(
            state__in=[State.PLANNED, State.SUBMITTED, State.APPROVED, State.SCHEDULED],
            moment_date__gte=today,
            moment_date__lte=today + timedelta(days=1),
        )
        running = [
            self._item(row, with_ledger=True) for row in rows.filter(state__in=[State.LIVE, State.PAUSED])[:MOST]
        ]
        # What the top of every page says already is not said again here.
        told = notices.current()
        standing = [one for one in standing_obstacles.standing() if one.sentence not in told]
        stuck = self._stuck(rows, user)
        may_approve = permissions.may(user, permissions.APPROVE)
        approvals = [self._item(row) for row in waiting()[:MOST]] if may_approve else []
        doubtful = doubts.all_doubts().count() if permissions.may(user, permissions.SEND) else 0
        next_up = [self._item(row) for row in coming.order_by("moment_date", "moment_time", "pk")[:MOST]]
        return {
            "today": today,
            "coming": next_up,
            "running": running,
            "stuck": stuck[:MOST],
            "more_stuck": max(len(stuck) - MOST, 0),
            "standing": obstacles.shown_to(user, standing),
            "approvals": approvals,
            "doubts": doubtful,
            "empty": not (next_up or running or stuck or standing or told or approvals or doubtful),
            "anything_planned": Publication.objects.exists(),
            "calendar_url": url_of("campaign_calendar:index"),
            "occasions_url": url_of("planning_occasion:index"),
        }

    def render_html(self, parent_context: Mapping[str, Any] | None = None) -> str:
        """Nothing at all for those who have nothing to do with publications."""
        if parent_context is None or not permissions.may(parent_context["request"].user, permissions.SEE):
            return ""
        return str(super().render_html(parent_context))

    def _stuck(self, rows: QuerySet[Publication], user: Any) -> list[dict[str, Any]]:
        """What was to go by itself and cannot, each with its own sentences: what stands in everybody's way is said above."""
        wanted = list(rows.filter(state__in=[State.HELD, State.LIVE, State.SCHEDULED]).order_by("state", "pk"))
        found = obstacles.of_all(wanted)
        everybodys = {one.code for one in standing_obstacles.standing()}
        stuck = []
        for row in wanted:
            own = [one for one in found[row.pk] if one.code not in everybodys]
            if own:
                sign = "time" if all(one.passes for one in own) else "lock"
                stuck.append({**self._item(row), "obstacles": obstacles.shown_to(user, own), "sign": sign})
        return stuck

    def _item(self, publication: Publication, *, with_ledger: bool = False) -> dict[str, Any]:
        ledger = selectors.ledger(publication) if with_ledger else None
        return {
            "publication": publication,
            "url": publication_url(publication),
            "icon": telling.CHANNEL_ICONS[Channel(publication.channel)],
            "when": telling.when(publication).planned,
            "tone": telling.tone(publication),
            "reason": reasons.words(publication.state_reason),
            "ledger": ledger,
            "percent": progress.percent(ledger) if ledger else 0,
        }
