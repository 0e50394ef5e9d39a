"""The wiring, as Django knows it: it owns no tables, only the commands that know every room."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Home of the commands that know every room."""

    name = "config"
    label = "config"

    def ready(self) -> None:
        """Every process that may ring a bell has our Celery app, not the library's own default."""
        from config import celery, crashes, players  # noqa: F401

        crashes.report()
        players.register()
