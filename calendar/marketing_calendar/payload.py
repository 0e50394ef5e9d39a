"""The calendar's items as the browser needs them. One shape for every view."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.template.defaultfilters import time as time_filter
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from campaigns.planning.clashes import Clash
from campaigns.planning.models import Publication, Stage
from campaigns.planning.occasions import Occasion, words
from campaigns.planning.selectors import CalendarItem
from campaigns.planning.states import PUBLICATION
from campaigns.planning.states import PublicationState as State
from channels.models import CHANNEL_CHOICES
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


MOST_SENTENCES = 100
"""Sentences on clashes in one answer; beyond, an item says how many it has, and its card which."""


class Words:
    """What items have in common, said once: an answer with hundreds of items holds it beside them."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, str]] = {}
        self.sentences: dict[str, int] = {}

    def stage(self, stage: Stage) -> str:
        """The name of a stage's row in the answer."""
        key = str(stage.pk)
        if key not in self.stages:
            campaign = stage.campaign
            self.stages[key] = {
                "stage": str(stage.public_id),
                "stageName": stage.name,
                "campaign": str(campaign.public_id),
                "campaignName": campaign.name,
                "market": campaign.market.code,
            }
        return key

    def sentence(self, text: str) -> int:
        """The place of a sentence in the answer."""
        return self.sentences.setdefault(text, len(self.sentences))

    def clashes(self, found: list[Clash]) -> list[int]:
        """The places of the clashes' sentences, as long as there is room for them."""
        room = MOST_SENTENCES - len(self.sentences)
        return [self.sentence(clash.sentence) for clash in found[: min(room, 3)]] if room > 0 else []

    def as_dict(self) -> dict[str, Any]:
        """With the words of channels and states."""
        return {
            "stages": self.stages,
            "sentences": list(self.sentences),
            "statuses": {
                key: {"statusLabel": str(status.label), "statusIcon": status.icon} for key, status in STATUSES.items()
            },
            "channels": {
                key: {"channelLabel": str(label), "channelIcon": CHANNEL_ICONS.get(key, "doc-empty")}
                for key, label in CHANNEL_CHOICES
            },
            "card": reverse("campaign_calendar:card", args=[_ANY]).replace(str(_ANY), "{id}"),
            "move": reverse("campaign_calendar:move", args=[_ANY]).replace(str(_ANY), "{id}"),
        }


_ANY = UUID(int=0)


def item_dict(
    item: CalendarItem,
    words: Words,
    clashes: Mapping[int, list[Clash]],
    *,
    editable: bool,
    obstacles: Mapping[int, list[Obstacle]] | None = None,
) -> dict[str, Any]:
    """A publication, with what it clashes with and what keeps it from going on. What is empty or plain is left out."""
    publication = item.publication
    found = clashes.get(publication.pk, [])
    told = {
        "id": str(publication.public_id),
        "title": str(publication),
        "day": item.day.isoformat(),
        "time": item.at.isoformat("minutes") if item.at else None,
        "when": when(item),
        "channel": publication.channel,
        "status": STATUSES[item.status].key,
        "of": words.stage(publication.stage),
        "clashCount": len(found),
        "clashes": words.clashes(found),
        "obstacles": [words.sentence(str(one)) for one in (obstacles or {}).get(publication.pk, [])],
        "version": publication.version,
        "editable": editable and can_move(publication),
    }
    return {name: value for name, value in told.items() if value or name == "editable"}


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
