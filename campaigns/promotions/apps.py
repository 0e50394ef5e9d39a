"""Promotions, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PromotionsConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.promotions"
    label = "promotions"
    verbose_name = _("Promotions")

    def ready(self) -> None:
        """Teach segments what this room knows of a contact, and hear of contacts that appear."""
        from campaigns.promotions import predicates  # noqa: F401
        from campaigns.promotions.services import customers  # noqa: F401 - listens for contacts that orders wait for
