"""What this room adds to Wagtail's admin."""

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.viewsets.base import ViewSet
from wagtail.log_actions import LogActionRegistry

from campaigns.measurement.viewsets import results


@hooks.register("register_admin_viewset")
def register_results() -> ViewSet:
    """Results and reviews."""
    return results


@hooks.register("register_permissions")
def register_permissions() -> QuerySet[Permission]:
    """What a group can be given: seeing results, and freezing reviews."""
    return Permission.objects.filter(content_type__app_label="measurement", codename__in=["view_review", "add_review"])


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """Words for what services log."""
    actions.register_action("almanac.freeze_review", _("Freeze a review"), _("Review frozen"))
