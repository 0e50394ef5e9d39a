"""Audiences, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AudiencesConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.audiences"
    label = "audiences"
    verbose_name = _("Audiences")
