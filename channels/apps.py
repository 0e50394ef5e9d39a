"""Channels, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    """The app of this room."""

    name = "channels"
    label = "channels"
    verbose_name = _("Channels")

    def ready(self) -> None:
        """A rotation of the key reaches the accounts' settings."""
        from channels import settings_of
        from channels.models import ChannelAccount
        from core import crypto

        crypto.register(crypto.Holder(ChannelAccount, "sealed_settings", settings_of.place))
