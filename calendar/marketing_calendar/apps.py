"""Campaign calendar, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketingCalendarConfig(AppConfig):
    """The app of this room."""

    name = "marketing_calendar"
    label = "marketing_calendar"
    verbose_name = _("Campaign calendar")
