"""Where the calendar is found in Wagtail's admin."""

from typing import Any

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from campaigns.planning.permissions import SEE, may
from marketing_calendar import views


class CalendarMenuItem(MenuItem):
    """Shown to whoever may see plans."""

    def is_shown(self, request: Any) -> bool:
        """Ask."""
        return may(request.user, SEE)


class CalendarViewSet(ViewSet):
    """The campaign calendar, first in the menu."""

    name = "campaign_calendar"
    url_prefix = "calendar"
    icon = "calendar-alt"
    menu_label = _("Calendar")
    menu_name = "calendar"
    menu_order = 10
    menu_item_class = CalendarMenuItem
    add_to_admin_menu = True

    def get_urlpatterns(self) -> list[Any]:
        """The calendar and what is done on it."""
        return [
            path("", views.CalendarView.as_view(), name="index"),
            path("items/", views.ItemsView.as_view(), name="items"),
            path("publications/<uuid:public_id>/", views.CardView.as_view(), name="card"),
            path("publications/<uuid:public_id>/move/", views.MoveView.as_view(), name="move"),
            path("stages/<uuid:public_id>/move/", views.MoveStageView.as_view(), name="move_stage"),
        ]


calendar = CalendarViewSet()
