"""What publishing adds to Wagtail's admin."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.log_actions import LogActionRegistry

from campaigns.publishing.views.home import TodayPanel
from campaigns.publishing.viewsets import ApprovalViewSet, ClosingViewSet, DoubtViewSet, PublicationViewSet


@hooks.register("register_admin_viewset")
def viewsets() -> list[Any]:
    """The sections of this room."""
    return [PublicationViewSet(), ApprovalViewSet(), DoubtViewSet(), closing_section]


closing_section = ClosingViewSet()


@hooks.register("register_reports_menu_item")
def closed_addresses() -> MenuItem:
    """What runs closed, beside the other reports."""
    return closing_section.get_menu_item()


@hooks.register("construct_homepage_panels")
def today(request: HttpRequest, panels: list[Any]) -> None:
    """What goes out today and next."""
    panels.append(TodayPanel())


@hooks.register("insert_global_admin_css")
def styles() -> str:
    """The panel on the first page needs them too."""
    return format_html('<link rel="stylesheet" href="{}">', static("publishing/publishing.css"))


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """Words for what services log."""
    for action, label, message in (
        ("almanac.submit", _("Submit for approval"), _("Submitted for approval")),
        ("almanac.withdraw", _("Take back"), _("Taken back to planned")),
        ("almanac.approve", _("Approve"), _("Approved")),
        ("almanac.reject", _("Send back"), _("Sent back to its author")),
        ("almanac.schedule", _("Schedule"), _("Scheduled")),
        ("almanac.pause", _("Pause"), _("Paused")),
        ("almanac.resume", _("Resume"), _("Resumed")),
        ("almanac.hold", _("Hold"), _("Held")),
        ("almanac.release", _("Release"), _("Released")),
        ("almanac.cancel", _("Cancel"), _("Cancelled")),
        ("almanac.doubt_accepted", _("Settle as arrived"), _("In doubt: settled as arrived")),
        ("almanac.doubt_rejected", _("Settle as not arrived"), _("In doubt: settled as not arrived")),
        ("almanac.closings_reopened", _("Open addresses again"), _("Opened the addresses again that a run had closed")),
        ("almanac.closings_closed", _("Close addresses"), _("Closed the addresses that a run had found dead")),
        ("almanac.doubt_send_again", _("Send again"), _("In doubt: sent again")),
    ):
        actions.register_action(action, label, message)
