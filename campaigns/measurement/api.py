"""The HTTP edge of this room: results."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest

from campaigns.measurement.selectors import campaign_results
from campaigns.planning.models import Campaign
from core.api import Router, bearer
from core.errors import Missing

router = Router(tags=["measurement"])


@router.get("/campaigns/{campaign_id}/results", auth=bearer("results:read"), response={200: dict[str, Any]})
def results(request: HttpRequest, campaign_id: str) -> Any:
    """What a campaign has brought: audience-window figures, attributed ones, per stage, channel and publication."""
    try:
        campaign = Campaign.objects.select_related("market", "audience").get(public_id=UUID(campaign_id))
    except (ValueError, Campaign.DoesNotExist) as error:
        raise Missing("There is no such campaign.") from error
    return campaign_results(campaign).as_dict()
