"""The admin sections of this room: a publication's page, the approvals, and what is in doubt."""

from typing import Any

from django.http import HttpRequest
from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState
from campaigns.publishing import permissions
from campaigns.publishing.models import Delivery
from campaigns.publishing.services.doubts import DOUBTFUL
from campaigns.publishing.views import approvals, deliveries, doubts, publications


class PublicationViewSet(ViewSet):
    """One publication: its page, its verbs, its previews, its recipients."""

    name = "publishing_publication"
    url_prefix = "publications"

    def get_urlpatterns(self) -> list[Any]:
        """Everything under the publication's public id."""
        one = "<uuid:public_id>/"
        return [
            path(one, publications.DetailView.as_view(), name="detail"),
            path(f"{one}recipients/", deliveries.DeliveriesView.as_view(), name="deliveries"),
            path(
                f"{one}recipients/results/",
                deliveries.DeliveriesView.as_view(results_only=True),
                name="deliveries_results",
            ),
            path(f"{one}recipients/<int:pk>/", deliveries.DeliveryView.as_view(), name="delivery"),
            path(f"{one}preview/<str:locale>/", publications.PreviewView.as_view(), name="preview"),
            path(f"{one}do/<slug:verb>/", publications.VerbView.as_view(), name="do"),
        ]


class CountedMenuItem(MenuItem):
    """A menu item for those who may, with the number of what waits there."""

    def __init__(self, *args: Any, wanted: tuple[str, ...], count: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = wanted
        self.count = count

    def is_shown(self, request: HttpRequest) -> bool:
        """Asks the rights."""
        return permissions.may(request.user, self.wanted)

    def render_component(self, request: HttpRequest) -> Any:
        """The number stands behind the word, also for screen readers and in a collapsed menu."""
        component = super().render_component(request)
        if number := self.count():
            component.label = f"{self.label} ({number:,})"
        return component


class ApprovalViewSet(ViewSet):
    """What waits for a reviewer."""

    name = "publishing_approvals"
    url_prefix = "approvals"
    icon = "check"
    add_to_admin_menu = True
    menu_label = _("Approvals")
    menu_order = 120

    def get_urlpatterns(self) -> list[Any]:
        """The list."""
        return [path("", approvals.ApprovalsView.as_view(), name="index")]

    def get_menu_item(self, order: int | None = None) -> MenuItem:
        """With the number that waits."""
        return CountedMenuItem(
            self.menu_label,
            self.menu_url,
            name="approvals",
            icon_name=self.icon,
            order=order or self.menu_order,
            wanted=permissions.APPROVE,
            count=Publication.objects.filter(state=PublicationState.SUBMITTED).count,
        )


class DoubtViewSet(ViewSet):
    """What nobody knows of whether it arrived."""

    name = "publishing_doubts"
    url_prefix = "in-doubt"
    icon = "help"
    add_to_admin_menu = True
    menu_label = _("In doubt")
    menu_order = 130

    def get_urlpatterns(self) -> list[Any]:
        """The list, and what settles it."""
        return [
            path("", doubts.DoubtsView.as_view(), name="index"),
            path("<uuid:public_id>/settle/", doubts.SettleView.as_view(), name="settle"),
        ]

    def get_menu_item(self, order: int | None = None) -> MenuItem:
        """With the number in doubt."""
        return CountedMenuItem(
            self.menu_label,
            self.menu_url,
            name="in-doubt",
            icon_name=self.icon,
            order=order or self.menu_order,
            wanted=permissions.SEE,
            count=Delivery.objects.filter(state__in=DOUBTFUL).count,
        )
