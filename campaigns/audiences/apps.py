"""Audiences, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AudiencesConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.audiences"
    label = "audiences"
    verbose_name = _("Audiences")

    def ready(self) -> None:
        """A file of customers that nobody decided about does not stay; what is counted of contacts is kept until they change."""
        from campaigns.audiences import changes
        from core import retention

        retention.register(
            retention.Policy(
                "import_drafts",
                "audiences.ImportDraft",
                "created_at",
                "ALMANAC_KEEP_DRAFTS_DAYS",
                _("files of customers that were uploaded and never imported"),
            )
        )
        changes.watch()
