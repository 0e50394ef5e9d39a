"""What planning adds to Wagtail's admin."""

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.viewsets.base import ViewSet
from wagtail.log_actions import LogActionRegistry

from campaigns.planning.viewsets import VIEWSETS


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """Words for what services log."""
    for action, label, message in (
        ("almanac.open", _("Open a campaign"), _("Campaign opened")),
        ("almanac.edit_plan", _("Change the plan"), _("Plan changed")),
        ("almanac.move_anchor", _("Move the anchor"), _("Anchor moved")),
        ("almanac.add_stage", _("Add a stage"), _("Stage added")),
        ("almanac.edit_stage", _("Change a stage"), _("Stage changed")),
        ("almanac.move_stage", _("Move a stage"), _("Stage moved")),
        ("almanac.remove_stage", _("Delete a stage"), _("Stage deleted")),
        ("almanac.target", _("Set a target"), _("Target set")),
        ("almanac.plan", _("Plan a publication"), _("Publication planned")),
        ("almanac.move", _("Move a publication"), _("Publication moved")),
        ("almanac.take_back", _("Take a publication back"), _("Publication taken back to planned")),
        ("almanac.remove", _("Delete a plan"), _("Plan deleted")),
    ):
        actions.register_action(action, label, message)


@hooks.register("register_admin_viewset")
def viewsets() -> list[ViewSet]:
    """The screens of this room."""
    return list(VIEWSETS)


@hooks.register("register_permissions")
def planning_permissions() -> QuerySet[Permission]:
    """What groups can be given, on their form in Wagtail."""
    models = ("campaign", "stage", "target", "publication")
    return Permission.objects.filter(content_type__app_label="planning", content_type__model__in=models)
