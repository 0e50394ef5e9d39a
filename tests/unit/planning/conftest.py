"""A campaign in November, and the means to put things into it."""

from datetime import date, time

import pytest

from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications, stages


@pytest.fixture
def campaign(market, marketer):
    return campaigns.create("Black Friday", market=market, anchor=date(2026, 11, 27), by=marketer)


@pytest.fixture
def warm_up(campaign, marketer):
    return stages.add(campaign, "Warm-up", kind="warm_up", start_offset=-14, end_offset=-1, by=marketer)


@pytest.fixture
def launch(campaign, marketer):
    return stages.add(campaign, "Launch", kind="launch", start_offset=0, end_offset=1, by=marketer)


@pytest.fixture
def plan(marketer):
    def make(stage, day=date(2026, 11, 27), at=time(9, 0), zone="America/New_York", state="planned", **fields):
        moment = fields.pop("moment", None) or Moment.fixed(day, at, zone)
        publication = publications.plan(
            stage,
            fields.pop("channel", "email"),
            moment=moment,
            by=marketer,
            title=fields.pop("title", "Offer"),
            **fields,
        )
        if state != "planned":
            Publication.objects.filter(pk=publication.pk).update(state=state)
            publication.refresh_from_db()
        return publication

    return make


@pytest.fixture
def accounts(db):
    from channels.models import ChannelAccount

    return {
        "email": ChannelAccount.objects.create(name="Shop mail", provider="smtp", channel="email"),
        "social": ChannelAccount.objects.create(name="Shop on X", provider="x", channel="social"),
        "push": ChannelAccount.objects.create(name="Shop app", provider="fcm", channel="push"),
    }
