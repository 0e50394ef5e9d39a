"""Where plans are found in Wagtail's admin."""

from typing import Any

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from campaigns.planning.permissions import SEE, may
from campaigns.planning.views import campaigns, occasions, publications, stages


class PlanningMenuItem(MenuItem):
    """Shown to whoever may see plans."""

    def is_shown(self, request: Any) -> bool:
        """Ask."""
        return may(request.user, SEE)


class CampaignViewSet(ViewSet):
    """Campaigns with their stages and targets."""

    name = "planning_campaign"
    url_prefix = "campaigns"
    icon = "thumbtack"
    menu_label = _("Campaigns")
    menu_name = "campaigns"
    menu_order = 20
    menu_item_class = PlanningMenuItem
    add_to_admin_menu = True

    def get_urlpatterns(self) -> list[Any]:
        """The list, and what is done with one."""
        return [
            path("", campaigns.IndexView.as_view(), name="index"),
            path("new/", campaigns.AddView.as_view(), name="add"),
            path("c/<slug:slug>/", campaigns.DetailView.as_view(), name="detail"),
            path("c/<slug:slug>/edit/", campaigns.EditView.as_view(), name="edit"),
            path("c/<slug:slug>/anchor/", campaigns.AnchorView.as_view(), name="anchor"),
            path("c/<slug:slug>/targets/", stages.TargetsView.as_view(), name="targets"),
            path("c/<slug:slug>/stages/new/", stages.AddStageView.as_view(), name="add_stage"),
            path("c/<slug:slug>/stages/<uuid:public_id>/", stages.EditStageView.as_view(), name="edit_stage"),
        ]


class OccasionViewSet(ViewSet):
    """Occasions to take."""

    name = "planning_occasion"
    url_prefix = "occasions"
    icon = "calendar-check"

    def get_urlpatterns(self) -> list[Any]:
        """The choice, and the form for one."""
        return [
            path("", occasions.OccasionView.as_view(), name="index"),
            path("take/", occasions.TakeView.as_view(), name="take"),
        ]


class PublicationViewSet(ViewSet):
    """Publications as plans; what becomes of them is publishing's."""

    name = "planning_publication"
    url_prefix = "planning/publications"
    icon = "mail"

    def get_urlpatterns(self) -> list[Any]:
        """Add to a stage, and edit."""
        return [
            path("new/<uuid:public_id>/", publications.AddView.as_view(), name="add"),
            path("<uuid:public_id>/", publications.EditView.as_view(), name="edit"),
        ]


VIEWSETS = [CampaignViewSet(), OccasionViewSet(), PublicationViewSet()]
