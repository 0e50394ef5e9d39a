"""Targets: what a campaign, or one stage and channel of it, should bring."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.planning.models import Campaign, Stage, Target
from channels.base import Channel
from core.errors import Invalid
from core.models import User


def set(
    campaign: Campaign,
    metric: str,
    value: int | None,
    *,
    stage: Stage | None = None,
    channel: str = "",
    by: User | None,
) -> Target | None:
    """Set one target, or take it away with None. Money in minor units, rates in hundredths of a percent."""
    if metric not in Target.Metric.values:
        raise Invalid(_("“%(metric)s” is not measured.") % {"metric": metric}, field="metric")
    if channel and channel not in list(Channel):
        raise Invalid(_("“%(channel)s” is no channel.") % {"channel": channel}, field="channel")
    if stage is not None and stage.campaign_id != campaign.pk:
        raise Invalid(_("This stage belongs to another campaign."), field="stage")
    if value is not None and value < 0:
        raise Invalid(_("A target is zero or more."), field="value")
    with transaction.atomic():
        place: dict[str, Any] = {"campaign": campaign, "stage": stage, "channel": channel, "metric": metric}
        if value is None:
            Target.objects.filter(**place).delete()
            target = None
        else:
            target, _made = Target.objects.update_or_create(**place, defaults={"value": value})
        log(campaign, "almanac.target", user=by, data={"metric": metric, "value": value, "channel": channel})
    return target
