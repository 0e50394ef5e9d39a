"""The admin edge: what people do here is written down."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """The verbs of this room."""
    actions.register_action("almanac.erase", _("Erase"), _("Erased"))
