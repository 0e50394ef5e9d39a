"""What the calendar's views share: finding a publication, its card, and how an answer is wanted."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from wagtail.admin.utils import get_valid_next_url_from_request

from campaigns.planning import clashes, permissions
from campaigns.planning.models import Publication
from campaigns.planning.permissions import may
from campaigns.planning.selectors import (
    calendar_item,
)
from campaigns.publishing import obstacles, reasons
from marketing_calendar import payload
from marketing_calendar.forms import MoveForm
from marketing_calendar.statuses import STATUSES


def get_publication(public_id: UUID) -> Publication:
    """A publication ready for display, or 404."""
    rows = Publication.objects.select_related("stage__campaign__market", "account", "audience", "owner")
    return get_object_or_404(rows, public_id=public_id)


def url_of_publication(publication: Publication) -> str:
    """Its own page, which is publishing's; the plan's form until then."""
    return payload.url_of("publishing_publication:detail", publication.public_id) or payload.url_of(
        "planning_publication:edit", publication.public_id
    )


def card_context(
    request: HttpRequest, publication: Publication, *, form: MoveForm | None = None, moving: bool = False
) -> dict[str, Any]:
    """What the card shows."""
    item = calendar_item(publication)
    movable = may(request.user, permissions.MOVE) and payload.can_move(publication)
    return {
        "publication": publication,
        "status": STATUSES[item.status if item else publication.state],
        "when": payload.when(item) if item else "",
        "icon": payload.CHANNEL_ICONS.get(publication.channel, "doc-empty"),
        "clashes": clashes.around(publication),
        "obstacles": obstacles.shown_to(request.user, obstacles.of(publication)),
        "reason": reasons.words(publication.state_reason) if publication.state != "held" else "",
        "form": form or MoveForm.of(publication),
        "movable": movable,
        "moving": moving,
        "needs_approval": movable and publication.state != "planned",
        "detail_url": payload.url_of("publishing_publication:detail", publication.public_id),
        "edit_url": payload.url_of("planning_publication:edit", publication.public_id)
        if publication.state == "planned" and may(request.user, permissions.MOVE)
        else "",
        "campaign_url": payload.url_of("planning_campaign:detail", publication.stage.campaign.slug),
        "next": get_valid_next_url_from_request(request),
        "header_title": str(publication),
        "header_icon": "calendar-alt",
        "breadcrumbs_items": [
            {"url": calendar_at(publication.moment_date), "label": _("Campaign calendar")},
            {"url": "", "label": str(publication)},
        ],
    }


def calendar_at(day: date | None, view: str = "month") -> str:
    """The calendar, opened at `day`."""
    query = {"view": view, **({"date": day.isoformat()} if day else {})}
    return f"{reverse('campaign_calendar:index')}?{urlencode(query)}"


def parse_date_or[Default](text: str, default: Default = None) -> date | Default:  # type: ignore[assignment]
    """A date as it stands in an address; `default` for anything else."""
    try:
        return parse_date(text) or default
    except ValueError:
        return default


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks."""
    return request.accepts("application/json") and not request.accepts("text/html")


def wants_fragment(request: HttpRequest) -> bool:
    """Whether the dialog asks."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def problem(status: int, code: str, detail: str) -> JsonResponse:
    """What went wrong, for the script."""
    return JsonResponse({"code": code, "detail": detail}, status=status, content_type="application/problem+json")
