"""The admin edge: the section, and the words for what people do here."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

from campaigns.audiences.viewsets import AudienceGroup


@hooks.register("register_admin_viewset")
def audience_group() -> AudienceGroup:
    """Contacts, segments, lists, closed addresses."""
    return AudienceGroup()


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """The verbs of this room."""
    actions.register_action("almanac.erase", _("Erase"), _("Erased"))
