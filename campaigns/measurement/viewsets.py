"""Where results and reviews are found in Wagtail's admin."""

from typing import Any

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from campaigns.measurement import views
from campaigns.measurement.permissions import may_see


class ResultsMenuItem(MenuItem):
    """Shown to whoever may see results."""

    def is_shown(self, request: Any) -> bool:
        """Ask."""
        return may_see(request.user)


class ResultsViewSet(ViewSet):
    """Results of campaigns, and their frozen reviews."""

    name = "measurement_results"
    url_prefix = "results"
    icon = "table"
    menu_label = _("Results")
    menu_name = "results"
    menu_order = 30
    menu_item_class = ResultsMenuItem
    add_to_admin_menu = True

    def get_urlpatterns(self) -> list[Any]:
        """The index, the reviews, and what belongs to one campaign."""
        return [
            path("", views.IndexView.as_view(), name="index"),
            path("compare/", views.CompareView.as_view(), name="compare"),
            path("reviews/", views.ReviewsView.as_view(), name="reviews"),
            path("reviews/<uuid:public_id>/", views.ReviewView.as_view(), name="review"),
            path("reviews/<uuid:public_id>/csv/", views.ReviewCsvView.as_view(), name="review_csv"),
            path("<slug:slug>/", views.ResultsView.as_view(), name="campaign"),
            path("<slug:slug>/live/", views.LiveView.as_view(), name="live"),
            path("<slug:slug>/csv/", views.CsvView.as_view(), name="csv"),
            path("<slug:slug>/freeze/", views.FreezeView.as_view(), name="freeze"),
        ]


results = ResultsViewSet()
