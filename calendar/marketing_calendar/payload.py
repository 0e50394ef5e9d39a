"""The calendar's items as the browser needs them. One shape for every view."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.template.defaultfilters import time as time_filter
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from campaigns.planning.clashes import Clash
from campaigns.planning.models import Publication, Stage
from campaigns.planning.occasions import Occasion, words
from campaigns.planning.selectors import CalendarItem
from campaigns.planning.states import PUBLICATION
from campaigns.planning.states import PublicationState as State
from core.obstacles import Obstacle
from marketing_calendar.statuses import CHANNEL_ICONS, STATUSES


def can_move(publication: Publication) -> bool:
    """Whether it is still to come, so that it may be given another day."""
    if publication.moment_kind == Publication.Moment.NOW:
        return False
    return publication.state == State.PLANNED or PUBLICATION.allows(publication.state, "withdraw")


def when(item: CalendarItem) -> str:
    """The time of day with its clock, in words."""
    publication = item.publication
    if publication.moment_kind == Publication.Moment.NOW:
        return _("as soon as scheduled")
    if item.at is None:
        return _("time open")
    at = time_filter(item.at)
    if publication.moment_kind == Publication.Moment.LOCAL:
        return _("%(time)s customer's time") % {"time": at}
    return f"{at} {item.zone.rsplit('/', 1)[-1].replace('_', ' ')}".strip()


def url_of(name: str, *args: Any) -> str:
    """The address called `name`, or nothing where the room that has it is not there."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def item_dict(
    item: CalendarItem,
    clashes: Mapping[int, list[Clash]],
    *,
    editable: bool,
    obstacles: Mapping[int, list[Obstacle]] | None = None,
) -> dict[str, Any]:
    """A publication, with what it clashes with and what keeps it from going on."""
    publication = item.publication
    status = STATUSES[item.status]
    found = clashes.get(publication.pk, [])
    campaign = publication.stage.campaign
    return {
        "id": str(publication.public_id),
        "title": str(publication),
        "day": item.day.isoformat(),
        "time": item.at.isoformat("minutes") if item.at else None,
        "when": when(item),
        "channel": publication.channel,
        "channelLabel": publication.get_channel_display(),
        "channelIcon": CHANNEL_ICONS.get(publication.channel, "doc-empty"),
        "status": status.key,
        "statusLabel": str(status.label),
        "statusIcon": status.icon,
        "campaign": str(campaign.public_id),
        "campaignName": campaign.name,
        "stage": str(publication.stage.public_id),
        "stageName": publication.stage.name,
        "market": campaign.market.code,
        "account": publication.account.name if publication.account else "",
        "clashes": [clash.sentence for clash in found],
        "obstacles": [str(one) for one in (obstacles or {}).get(publication.pk, [])],
        "version": publication.version,
        "editable": editable and can_move(publication),
        "card": reverse("campaign_calendar:card", args=[publication.public_id]),
        "move": reverse("campaign_calendar:move", args=[publication.public_id]),
    }


def stage_dict(stage: Stage, first: Any, last: Any, *, editable: bool) -> dict[str, Any]:
    """A stage as a bar."""
    return {
        "id": str(stage.public_id),
        "name": stage.name,
        "kind": stage.kind,
        "campaign": str(stage.campaign.public_id),
        "campaignName": stage.campaign.name,
        "market": stage.campaign.market.code,
        "first": first.isoformat(),
        "after": (last + timedelta(days=1)).isoformat(),
        "startOffset": stage.start_offset,
        "editable": editable and stage.start_offset is not None and stage.campaign.anchor_date is not None,
        "move": reverse("campaign_calendar:move_stage", args=[stage.public_id]),
        "url": url_of("planning_campaign:detail", stage.campaign.slug),
    }


def occasion_dict(occasion: Occasion, market: str) -> dict[str, Any]:
    """An occasion behind the items. A season of weeks (Christmas) would tint everything: of it only the day itself is."""
    short = (occasion.last - occasion.first).days <= 7
    first, last = (occasion.first, occasion.last) if short else (occasion.day, occasion.day)
    return {
        "key": occasion.key,
        "name": occasion.name,
        "caveats": words.caveats(occasion),
        "kind": occasion.kind.value,
        "day": occasion.day.isoformat(),
        "first": first.isoformat(),
        "after": (last + timedelta(days=1)).isoformat(),
        "market": market,
    }
