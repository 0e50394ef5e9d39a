"""The admin edge: the section, and the words for what people do here."""

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.staticfiles import versioned_static
from wagtail.log_actions import LogActionRegistry

from campaigns.audiences.viewsets import AudienceGroup


@hooks.register("register_admin_viewset")
def audience_group() -> AudienceGroup:
    """Contacts, segments, lists, closed addresses."""
    return AudienceGroup()


@hooks.register("insert_global_admin_css")
def styles() -> str:
    """Small things the admin's own styles do not give."""
    return format_html('<link rel="stylesheet" href="{}">', versioned_static("audiences/admin.css"))


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """The verbs of this room."""
    actions.register_action("almanac.erase", _("Erase"), _("Erased"))
