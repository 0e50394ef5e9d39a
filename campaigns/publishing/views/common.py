"""What the screens of a publication share."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from wagtail.admin.views.generic import WagtailAdminTemplateMixin

from campaigns.planning.models import Publication
from campaigns.publishing import telling
from campaigns.publishing.permissions import Guarded

Crumb = dict[str, Any]


def url_of(name: str, *args: object) -> str:
    """The address of a screen, or nothing where another room has not put it up."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def publication_url(publication: Publication) -> str:
    """The publication's own page."""
    return reverse("publishing_publication:detail", args=[publication.public_id])


def get_publication(public_id: UUID) -> Publication:
    """The publication with what its screens ask of it; 404 when there is none."""
    rows = Publication.objects.select_related(
        "stage__campaign__market", "account", "audience", "owner", "created_by", "submitted_by"
    )
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise Http404(_("There is no such publication."))
    return found


class Screen(Guarded, WagtailAdminTemplateMixin):
    """A screen in Wagtail's frame."""

    _show_breadcrumbs = True
    crumbs: tuple[Crumb, ...] = ()

    def get_breadcrumbs_items(self) -> list[Crumb]:
        """The way here: home, then what the screen adds, then itself."""
        return [*self.breadcrumbs_items, *self.get_crumbs(), {"url": "", "label": self.get_page_title()}]

    def get_crumbs(self) -> list[Crumb]:
        """What lies between home and this screen."""
        return []


class PublicationScreen(Screen):
    """A screen about one publication, which the address names."""

    publication: Publication

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Find the publication."""
        super().setup(request, *args, **kwargs)
        self.publication = get_publication(kwargs["public_id"])

    def get_crumbs(self) -> list[Crumb]:
        """The calendar on the publication's day, and the publication."""
        calendar = url_of("campaign_calendar:index")
        if calendar and self.publication.moment_date:
            calendar += f"?date={self.publication.moment_date.isoformat()}"
        crumbs: list[Crumb] = [{"url": calendar, "label": _("Campaign calendar")}] if calendar else []
        return [*crumbs, {"url": publication_url(self.publication), "label": str(self.publication)}]

    def get_header_icon(self) -> str:
        """The channel's."""
        return telling.CHANNEL_ICONS.get(self.publication.channel, "doc-full")  # type: ignore[call-overload]
