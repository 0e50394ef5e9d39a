"""The shared ground of every room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Users, markets, tokens, and what every room needs."""

    name = "core"
    verbose_name = _("Installation")
