"""What the calendar adds to Wagtail's admin."""

from wagtail import hooks

from marketing_calendar.viewsets import CalendarViewSet, calendar


@hooks.register("register_admin_viewset")
def viewset() -> CalendarViewSet:
    """The calendar."""
    return calendar
