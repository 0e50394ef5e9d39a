"""Promotions, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PromotionsConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.promotions"
    label = "promotions"
    verbose_name = _("Promotions")

    def ready(self) -> None:
        """Teach segments what this room knows of a contact."""
        from campaigns.promotions import predicates  # noqa: F401
