"""The screens of this room, in Wagtail's frame: results that follow the campaign, and reviews that stand still."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.widgets.button import HeaderButton

from campaigns.measurement import kept, overview
from campaigns.measurement.asked import Asked
from campaigns.measurement.definitions import definitions
from campaigns.measurement.export import to_csv
from campaigns.measurement.forms import ReviewForm
from campaigns.measurement.models import Review
from campaigns.measurement.permissions import may_freeze, may_see
from campaigns.measurement.present import charts, compared, differences, index_row, present
from campaigns.measurement.selectors import campaign_results
from campaigns.measurement.services import reviews
from campaigns.planning.models import Campaign
from campaigns.planning.selectors import campaign_window
from core import clock
from core.errors import AlmanacError

PARTS = ("kpis", "pace", "drivers", "timeline", "stages", "channels", "funnel", "publications", "window")
"""The parts of the results page that are replaced while it is open: ``measurement/parts/<name>.html``."""

REFRESH_SECONDS = 3


PER_PAGE = 20
COMPARED_AT_ONCE = 6


class Screen(WagtailAdminTemplateMixin, TemplateView):
    """A page of this room: refuses those who may not see results."""

    header_icon = "table"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Ask for permission first."""
        if not may_see(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results › …"""
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse("measurement_results:index"), "label": _("Results")},
        ]


class CampaignScreen(Screen):
    """A page about one campaign."""

    @cached_property
    def campaign(self) -> Campaign:
        """The campaign of the address."""
        return get_object_or_404(Campaign.objects.select_related("market", "audience"), slug=self.kwargs["slug"])

    @cached_property
    def campaign_crumb(self) -> dict[str, Any]:
        """Its place in the breadcrumbs."""
        return {"url": reverse("measurement_results:campaign", args=[self.campaign.slug]), "label": self.campaign.name}


class IndexView(Screen):
    """Every campaign with its main figures."""

    template_name = "measurement/index.html"
    page_title = gettext_lazy("Results")

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results."""
        return [*WagtailAdminTemplateMixin.get_breadcrumbs_items(self), {"url": "", "label": _("Results")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """One page of the campaigns that are asked for; only theirs are audiences looked at, so that it stays quick."""
        asked = Asked.of(self.request.GET)
        rows = overview.ordered(overview.lines(asked.q, asked.state), asked.order, descending=asked.descending)
        paginator = WagtailPaginator(rows, PER_PAGE)
        page = paginator.get_page(self.request.GET.get("p"))
        now = clock.now()
        return {
            **super().get_context_data(**kwargs),
            "rows": [index_row(line, now) for line in page],
            "page": page,
            "elided_page_range": paginator.get_elided_page_range(page.number),
            "asked": asked,
            "states": overview.STATES,
            "columns": asked.columns(),
            "is_narrowed": bool(asked.q or asked.state),
            "may_freeze": may_freeze(self.request.user),
        }


class CompareView(Screen):
    """Some campaigns side by side, figure by figure."""

    template_name = "measurement/compare.html"
    page_title = gettext_lazy("Compare campaigns")

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results › compare."""
        return [*super().get_breadcrumbs_items(), {"url": "", "label": _("Compare campaigns")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The chosen campaigns in their order of choice; of two, the second is compared with the first."""
        slugs = list(dict.fromkeys(self.request.GET.getlist("c")))[:COMPARED_AT_ONCE]
        found = Campaign.objects.select_related("market", "audience").in_bulk(slugs, field_name="slug")
        numbers = [campaign_results(found[slug]).as_dict() for slug in slugs if slug in found]
        return {**super().get_context_data(**kwargs), "campaigns": numbers, "groups": compared(numbers)}


class ResultsView(CampaignScreen):
    """What one campaign has brought; the parts are fetched again while the page is open."""

    template_name = "measurement/campaign.html"

    def get_page_title(self) -> str:
        """The campaign's name."""
        return self.campaign.name

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results › the campaign."""
        return [*super().get_breadcrumbs_items(), {"url": "", "label": self.campaign.name}]

    @cached_property
    def header_buttons(self) -> list[HeaderButton]:
        """Export and freeze."""
        slug = self.campaign.slug
        buttons = [
            HeaderButton(
                _("Export CSV"),
                url=reverse("measurement_results:csv", args=[slug]),
                icon_name="download",
                priority=10,
            )
        ]
        if may_freeze(self.request.user):
            buttons.append(
                HeaderButton(
                    _("Freeze a review"),
                    url=reverse("measurement_results:freeze", args=[slug]),
                    icon_name="lock",
                    priority=20,
                )
            )
        return buttons

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Every part, and what the script needs."""
        numbers = kept.numbers_of(self.campaign)
        return {
            **super().get_context_data(**kwargs),
            **present(numbers),
            "campaign": self.campaign,
            "charts": charts(numbers),
            "live_url": reverse("measurement_results:live", args=[self.campaign.slug]),
            "refresh_seconds": REFRESH_SECONDS,
            "definitions": definitions(),
            "reviews": self.campaign.reviews.select_related("frozen_by"),
            "may_freeze": may_freeze(self.request.user),
            "is_live": True,
        }


class LiveView(CampaignScreen):
    """The changing parts of the results page as JSON."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        """Parts by name, the charts' numbers, and the time of the data."""
        numbers = kept.numbers_of(self.campaign)
        context = {**present(numbers), "campaign": self.campaign, "is_live": True}
        parts = {name: render_to_string(f"measurement/parts/{name}.html", context, request) for name in PARTS}
        answer = JsonResponse(
            {
                "as_of": context["as_of"],
                "is_empty": numbers["is_empty"],
                "parts": parts,
                "charts": charts(numbers),
            }
        )
        answer["Cache-Control"] = "no-store"
        return answer


class CsvView(CampaignScreen):
    """The results as a file for a spreadsheet."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Download."""
        return csv_file(campaign_results(self.campaign).as_dict(), self.campaign.slug)


class FreezeView(CampaignScreen):
    """Where a review is written and frozen."""

    template_name = "measurement/freeze.html"
    page_title = gettext_lazy("Freeze a review")
    header_icon = "lock"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """For those who may freeze."""
        if not may_freeze(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results › the campaign › freeze."""
        return [*super().get_breadcrumbs_items(), self.campaign_crumb, {"url": "", "label": _("Freeze a review")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The figures that will be frozen, and the form."""
        numbers = campaign_results(self.campaign).as_dict()
        _first, last = campaign_window(self.campaign)
        today = clock.now().astimezone(clock.zone(self.campaign.market.timezone)).date()
        return {
            **super().get_context_data(**kwargs),
            **present(numbers),
            "campaign": self.campaign,
            "form": kwargs.get("form") or ReviewForm(),
            "still_running": last is not None and today <= last,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Freeze, or say what is missing."""
        form = ReviewForm(request.POST)
        if form.is_valid():
            try:
                review = reviews.freeze(self.campaign, by=request.user, **form.cleaned_data)  # type: ignore[arg-type]
            except AlmanacError as error:
                field = error.details.get("field")
                form.add_error(str(field) if field in form.fields else None, error.message)
            else:
                messages.success(request, _("The review is frozen. It will stay as it is."))
                return redirect("measurement_results:review", public_id=review.public_id)
        return self.render_to_response(self.get_context_data(form=form))


class ReviewsView(Screen):
    """Every frozen review."""

    template_name = "measurement/reviews.html"
    page_title = gettext_lazy("Reviews")
    header_icon = "lock"

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results › reviews."""
        return [*super().get_breadcrumbs_items(), {"url": "", "label": _("Reviews")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Newest first."""
        found = Review.objects.select_related("campaign", "frozen_by")
        return {**super().get_context_data(**kwargs), "reviews": found}


class ReviewScreen(Screen):
    """A page about one review."""

    @cached_property
    def review(self) -> Review:
        """The review of the address."""
        rows = Review.objects.select_related("campaign__market", "campaign__audience", "frozen_by")
        return get_object_or_404(rows, public_id=self.kwargs["public_id"])


class ReviewView(ReviewScreen):
    """A frozen review: its own numbers alone, and beside them what has changed since."""

    template_name = "measurement/review.html"
    header_icon = "lock"

    def get_page_title(self) -> str:
        """What it is a review of."""
        return _("Review of %(campaign)s") % {"campaign": self.review.numbers["name"]}

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home › Results › reviews › this one."""
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse("measurement_results:reviews"), "label": _("Reviews")},
            {"url": "", "label": self.get_page_title()},
        ]

    @cached_property
    def header_buttons(self) -> list[HeaderButton]:
        """Export; printing is the browser's."""
        url = reverse("measurement_results:review_csv", args=[self.review.public_id])
        return [HeaderButton(_("Export CSV"), url=url, icon_name="download", priority=10)]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The frozen numbers, and the difference to those of now."""
        now = campaign_results(self.review.campaign).as_dict()
        return {
            **super().get_context_data(**kwargs),
            **present(self.review.numbers),
            "review": self.review,
            "campaign": self.review.campaign,
            "charts": charts(self.review.numbers),
            "definitions": self.review.numbers["definitions"],
            "is_intact": reviews.is_intact(self.review),
            "differences": differences(self.review.numbers, now),
            "now": present(now)["as_of"],
            "is_live": False,
        }


class ReviewCsvView(ReviewScreen):
    """A review's numbers as a file for a spreadsheet."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Download."""
        return csv_file(self.review.numbers, f"{self.review.numbers['slug']}-review")


def csv_file(numbers: dict[str, Any], name: str) -> HttpResponse:
    """The download of `numbers`."""
    answer = HttpResponse(to_csv(numbers), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(name) or "results"}.csv"'
    return answer
