"""The shared ground of every room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Users, markets, tokens, and what every room needs."""

    name = "core"
    verbose_name = _("Installation")

    def ready(self) -> None:
        """What stands in everybody's way is asked of the installation first."""
        from core import clock, db, disk, installation, obstacles

        db.trust_json()
        db.tell_who_waits()
        obstacles.register("installation", installation.obstacle)
        obstacles.register("disk", obstacles.told("disk_full", disk.sentence, passes=True))
        obstacles.register("clock", obstacles.told("clock_jumped", clock.jump_sentence))
