"""Approvals: what waits for a reviewer, the next to go out first."""

from typing import Any

from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from campaigns.planning import clashes
from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState as State
from campaigns.publishing import permissions, previews, reach, telling
from campaigns.publishing.views.common import Screen
from channels.base import Channel
from core.errors import AlmanacError


def waiting() -> Any:
    """Publications that were submitted, the next to go out first."""
    rows = Publication.objects.filter(state=State.SUBMITTED)
    return rows.select_related("stage__campaign", "account", "submitted_by", "created_by", "audience")


class ApprovalsView(Screen, TemplateView):
    """One card per publication: what, when, to how many, and how it looks."""

    wanted = permissions.APPROVE
    template_name = "publishing/approvals.html"
    page_title = gettext_lazy("Approvals")
    header_icon = "check"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The cards."""
        return {**super().get_context_data(**kwargs), "cards": [self._card(row) for row in waiting()[:50]]}

    def _card(self, publication: Publication) -> dict[str, Any]:
        try:
            locales = previews.locales_of(publication)
        except AlmanacError:
            locales = []
        return {
            "publication": publication,
            "icon": telling.CHANNEL_ICONS[Channel(publication.channel)],
            "when": telling.when(publication),
            "reach": reach.reach_of(publication),
            "author": telling.name_of(publication.submitted_by or publication.created_by),
            "own": self.request.user.pk in permissions.authors_of(publication),
            "locale": locales[0] if locales else "",
            "clashes": clashes.around(publication),
        }
