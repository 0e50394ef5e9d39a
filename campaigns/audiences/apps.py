"""Audiences, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AudiencesConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.audiences"
    label = "audiences"
    verbose_name = _("Audiences")

    def ready(self) -> None:
        """What is counted of contacts is kept until they change."""
        from campaigns.audiences import changes

        changes.watch()
