"""Planning, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlanningConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.planning"
    label = "planning"
    verbose_name = _("Planning")
