"""Publishing, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishingConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.publishing"
    label = "publishing"
    verbose_name = _("Publishing")

    def ready(self) -> None:
        """Hear of withdrawals (what was approved no longer holds then), and let bells be rung."""
        from campaigns.planning import withdrawals
        from campaigns.publishing import tasks  # noqa: F401 - importing it puts the ringer in
        from campaigns.publishing.services import publications

        withdrawals.register(publications.undo_approval)
