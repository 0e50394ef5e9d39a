"""Publishing, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishingConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.publishing"
    label = "publishing"
    verbose_name = _("Publishing")

    def ready(self) -> None:
        """Hear of withdrawals (what was approved no longer holds then), let bells be rung and messages be proved when saved."""
        from campaigns.planning import withdrawals
        from campaigns.publishing import (
            compiler,
            tasks,  # noqa: F401 - importing it puts the ringer in
        )
        from campaigns.publishing.services import publications
        from cms import proofs

        withdrawals.register(publications.undo_approval)
        proofs.register(compiler.prove_html, compiler.prove_text, compiler.prove)
