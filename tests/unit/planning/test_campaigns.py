"""Opening campaigns, from an occasion or bare; targets; publications as plans."""

import uuid
from datetime import date, time

import pytest

from campaigns.planning.models import Stage, Target
from campaigns.planning.moments import Moment
from campaigns.planning.occasions import find
from campaigns.planning.selectors import campaign_window, stage_window
from campaigns.planning.services import campaigns, publications, stages, targets
from core.errors import Conflict, Invalid


def test_black_friday_in_one_go(market, marketer):
    campaign = campaigns.from_occasion(
        "black-friday",
        market=market,
        year=2026,
        by=marketer,
        goals={"gmv": 5_000_000, "orders": 900},
        budget_minor=200_000,
    )
    assert campaign.name == "Black Friday 2026"
    assert campaign.slug == "black-friday-2026"
    assert campaign.anchor_date == date(2026, 11, 27)
    kinds = [(s.kind, *stage_window(s)) for s in campaign.stages.all()]
    assert (
        kinds
        == [
            ("warm_up", date(2026, 11, 13), date(2026, 11, 26)),
            ("launch", date(2026, 11, 27), date(2026, 11, 28)),
            ("last_call", date(2026, 11, 29), date(2026, 11, 30)),
            ("thank_you", date(2026, 12, 1), date(2026, 12, 4)),
            ("review", date(2026, 12, 5), date(2026, 12, 11)),
        ]
        or [k[0] for k in kinds] == []
    )
    assert campaign_window(campaign) == (date(2026, 11, 13), date(2026, 12, 11))
    assert {t.metric: t.value for t in campaign.targets.all()} == {"gmv": 5_000_000, "orders": 900}


@pytest.mark.parametrize("key", ["black-friday", "ramadan", "618", "national-day", "valentines-day", "double-11"])
@pytest.mark.parametrize("kind", ["holiday_sale", "theme_sale", "member_day", "content", "other"])
def test_every_playbook_fits_every_occasion(market, marketer, key, kind):
    occasion = find("US", key, 2027, today=date(2026, 11, 22))
    campaign = campaigns.from_occasion(occasion, market=market, kind=kind, by=marketer)
    made = list(campaign.stages.all())
    assert made[-1].kind == Stage.Kind.REVIEW
    assert all(a.start_offset <= a.end_offset for a in made)
    assert [s.start_offset for s in made] == sorted(s.start_offset for s in made)
    assert stage_window(made[-1])[0] > occasion.last


def test_an_unknown_occasion_leaves_nothing_behind(market, marketer):
    with pytest.raises(Invalid):
        campaigns.from_occasion("nothing", market=market, by=marketer)
    assert not market.campaigns.exists()


def test_a_target_is_set_changed_and_taken_away(campaign, launch, marketer):
    targets.set(campaign, "uv", 10, by=marketer)
    targets.set(campaign, "uv", 20, by=marketer)
    targets.set(campaign, "uv", 5, stage=launch, channel="email", by=marketer)
    assert sorted(Target.objects.values_list("value", flat=True)) == [5, 20]
    targets.set(campaign, "uv", None, by=marketer)
    assert Target.objects.get().value == 5
    with pytest.raises(Invalid):
        targets.set(campaign, "likes", 1, by=marketer)


def test_a_bare_plan_needs_a_channel_only(launch, marketer):
    publication = publications.plan(launch, "push", by=marketer)
    assert publication.moment_date == date(2026, 11, 27)
    assert publication.moment_zone == "America/New_York"
    assert publication.owner == marketer


def test_parts_must_fit(launch, marketer, accounts):
    with pytest.raises(Invalid, match="not for"):
        publications.plan(launch, "email", account=accounts["push"], by=marketer)
    with pytest.raises(Invalid, match="does not exist"):
        publications.plan(launch, "email", "message", uuid.uuid4(), by=marketer)
    with pytest.raises(Invalid, match="together"):
        publications.plan(launch, "email", "message", by=marketer)
    with pytest.raises(Invalid, match="no channel"):
        publications.plan(launch, "fax", by=marketer)


def test_a_planned_publication_can_be_changed_freely(launch, plan, marketer):
    publication = plan(launch)
    publications.edit(
        publication, by=marketer, version=1, title="New", moment=Moment.local(date(2026, 11, 28), time(8))
    )
    assert (publication.title, publication.moment_kind, publication.moment_zone) == ("New", "local", "")
    assert publication.version == 2
    with pytest.raises(Conflict, match="meanwhile"):
        publications.edit(publication, by=marketer, version=1, title="Old")


@pytest.mark.parametrize("state", ["submitted", "approved", "scheduled"])
def test_what_is_under_way_is_taken_back_first(launch, plan, marketer, state):
    publication = plan(launch, state=state)
    with pytest.raises(Conflict, match="Withdraw it first"):
        publications.edit(publication, by=marketer, title="New")
    publications.take_back(publication, by=marketer)
    publications.edit(publication, by=marketer, title="New")
    assert publication.state == "planned"


def test_only_empty_stages_and_bare_plans_are_deleted(launch, plan, marketer):
    publication = plan(launch)
    with pytest.raises(Conflict):
        stages.remove(launch, by=marketer)
    publication.submitted_by = marketer
    publication.save()
    with pytest.raises(Conflict, match="history"):
        publications.remove(publication, by=marketer)
    publication.submitted_by = None
    publication.save()
    publications.remove(publication, by=marketer)
    stages.remove(launch, by=marketer)
    assert not Stage.objects.exists()


def test_the_anchors_day_is_always_one_of_the_campaigns_days(market, marketer):
    day = date(2026, 11, 27)
    campaign = campaigns.create("Sale", market=market, anchor=day, by=marketer)
    stages.add(campaign, "Everything", by=marketer)
    assert campaign_window(campaign) == (day, day)
    stages.add(campaign, "After", start_offset=1, end_offset=2, by=marketer)
    assert campaign_window(campaign) == (day, date(2026, 11, 29))
    assert stage_window(campaign.stages.get(name="Everything")) == (day, date(2026, 11, 29))
    before = campaigns.create("Before", market=market, anchor=day, by=marketer)
    stages.add(before, "Warm-up", start_offset=-5, end_offset=-3, by=marketer)
    assert campaign_window(before) == (date(2026, 11, 22), day)


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"starts_on": date(2026, 11, 28)}, "starts_on"),
        ({"ends_on": date(2026, 11, 26)}, "ends_on"),
        ({"starts_on": date(2026, 11, 30), "ends_on": date(2026, 11, 29)}, "ends_on"),
    ],
)
def test_days_that_leave_out_the_anchor_are_refused(market, marketer, days, field):
    with pytest.raises(Invalid) as refused:
        campaigns.create("Sale", market=market, anchor=date(2026, 11, 27), by=marketer, **days)
    assert refused.value.details["field"] == field
    campaign = campaigns.create("Sale", market=market, anchor=date(2026, 11, 27), by=marketer)
    with pytest.raises(Invalid):
        campaigns.edit(campaign, by=marketer, **days)
    campaigns.edit(campaign, by=marketer, starts_on=date(2026, 11, 20), ends_on=date(2026, 11, 27))
    assert campaign_window(campaign) == (date(2026, 11, 20), date(2026, 11, 27))


def test_what_is_planned_without_a_time_stands_in_the_markets_first_good_hour(market, marketer):
    campaign = campaigns.create("Sale", market=market, anchor=date(2026, 11, 27), by=marketer)
    stage = stages.add(campaign, "Launch", start_offset=0, end_offset=1, by=marketer)
    assert publications.plan(stage, "email", by=marketer).moment_time == time(10)
    market.good_hours = [["15:30", "17:00"], ["20:30", "21:30"]]
    market.save()
    planned = publications.plan(stage, "email", by=marketer)
    assert (planned.moment_date, planned.moment_time, planned.moment_zone) == (
        date(2026, 11, 27),
        time(15, 30),
        "America/New_York",
    )
