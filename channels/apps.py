"""Channels, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    """The app of this room."""

    name = "channels"
    label = "channels"
    verbose_name = _("Channels")
