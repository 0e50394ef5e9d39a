"""The shared ground of every room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Users, markets, tokens, and what every room needs."""

    name = "core"
    verbose_name = _("Installation")

    def ready(self) -> None:
        """What stands in everybody's way is asked of the installation first."""
        from core import installation, obstacles

        obstacles.register("installation", installation.obstacle)
