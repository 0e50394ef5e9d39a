"""Every copy of a publication, and the whole story of one."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn, StatusTagColumn, TitleColumn
from wagtail.admin.views.generic import BaseListingView

from campaigns.publishing import permissions, progress, reasons, selectors, telling
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import doubts
from campaigns.publishing.states import DeliveryState
from campaigns.publishing.views.common import PublicationScreen


def recipient_of(delivery: Delivery) -> str:
    """Who it is for, in words that hold no address."""
    if delivery.contact is not None:
        return str(delivery.contact)
    if delivery.recipient_key.startswith("account:"):
        return _("The post")
    return _("An erased contact")


class DeliveryFilters(WagtailFilterSet):
    """By state."""

    state = django_filters.ChoiceFilter(choices=list(progress.LABELS.items()), label=gettext_lazy("State"))

    class Meta:
        model = Delivery
        fields = ["state"]


def _history_url(delivery: Delivery) -> str:
    return reverse("publishing_publication:delivery", args=[delivery.publication.public_id, delivery.pk])


class DeliveriesView(PublicationScreen, BaseListingView):
    """The ledger's rows: filter by state, search by the shop's own number."""

    page_title = gettext_lazy("Recipients")
    model = Delivery
    is_searchable = True
    search_fields = ("contact__external_id",)
    filterset_class = DeliveryFilters
    paginate_by = 50
    default_ordering = "seq"
    verbose_name_plural = gettext_lazy("recipients")
    columns = (
        TitleColumn("recipient", label=gettext_lazy("Recipient"), accessor=recipient_of, get_url=_history_url),
        Column("contact__external_id", label=gettext_lazy("Shop's number"), accessor="contact.external_id"),
        StatusTagColumn(
            "state",
            label=gettext_lazy("State"),
            accessor=lambda row: progress.LABELS[row.state],
            primary=lambda row: row.state == DeliveryState.ACCEPTED,
        ),
        Column("why", label=gettext_lazy("Why"), accessor=lambda row: reasons.words(row.reason)),
        Column("attempts_made", label=gettext_lazy("Tries")),
        DateColumn("changed_at", label=gettext_lazy("Changed"), width="12%"),
    )

    def get_base_queryset(self) -> QuerySet[Delivery]:
        """Of this publication."""
        return selectors.deliveries(self.publication).select_related("publication").order_by("run_id", "seq")

    def order_queryset(self, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """In the order of the waves."""
        return queryset

    def get_index_url(self) -> str:
        """This list."""
        return reverse("publishing_publication:deliveries", args=[self.publication.public_id])

    def get_index_results_url(self) -> str:
        """Only its rows."""
        return reverse("publishing_publication:deliveries_results", args=[self.publication.public_id])


class DeliveryView(PublicationScreen, TemplateView):
    """Why did, or didn't, she get it: everything that happened, in sentences."""

    template_name = "publishing/delivery.html"

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Find the delivery."""
        super().setup(request, *args, **kwargs)
        found = (
            Delivery.objects.select_related("contact", "run__snapshot", "publication")
            .filter(publication=self.publication, pk=kwargs["pk"])
            .first()
        )
        if found is None:
            raise Http404
        self.delivery = found

    def get_page_title(self) -> str:
        """Who."""
        return recipient_of(self.delivery)

    def get_crumbs(self) -> list[dict[str, Any]]:
        """Also the list."""
        url = reverse("publishing_publication:deliveries", args=[self.publication.public_id])
        return [*super().get_crumbs(), {"url": url, "label": _("Recipients")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The story."""
        doubtful = self.delivery.state in doubts.DOUBTFUL
        return {
            **super().get_context_data(**kwargs),
            "publication": self.publication,
            "delivery": self.delivery,
            "verdict": telling.verdict(self.delivery),
            "lines": telling.history(self.delivery),
            "may_settle": doubtful and permissions.may(self.request.user, permissions.SEND),
            "settle_url": reverse("publishing_doubts:settle", args=[self.publication.public_id]),
        }
