"""Links, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LinksConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.links"
    label = "links"
    verbose_name = _("Links")
