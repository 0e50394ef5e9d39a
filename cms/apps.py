"""Content, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CmsConfig(AppConfig):
    """The app of this room."""

    name = "cms"
    label = "cms"
    verbose_name = _("Content")

    def ready(self) -> None:
        """What changes public pages is noted, whoever changes it."""
        from cms.services import changes

        changes.listen()
