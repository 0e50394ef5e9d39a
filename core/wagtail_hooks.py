"""What the shared ground adds to Wagtail's admin: the words of its log."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """Words for what services log."""
    actions.register_action("almanac.create_token", _("Make an API token"), _("API token made"))
    actions.register_action(
        "almanac.confirm_installation", _("Confirm the installation"), _("Installation confirmed: it may send")
    )
