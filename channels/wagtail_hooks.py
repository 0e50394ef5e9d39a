"""What the admin shows of this room."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

from channels.sandbox import wagtail_hooks as outbox  # noqa: F401 - its menu item and addresses
from channels.viewsets import ChannelAccountViewSet


@hooks.register("register_admin_viewset")
def channel_accounts() -> ChannelAccountViewSet:
    """The logins through which messages leave."""
    return ChannelAccountViewSet()


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """The verbs of channel accounts."""
    actions.register_action("almanac.account.create", _("Create channel account"), _("Channel account created"))
    actions.register_action("almanac.account.change", _("Change channel account"), _("Channel account changed"))
    actions.register_action("almanac.account.test", _("Send a test"), _("Test sent"))
