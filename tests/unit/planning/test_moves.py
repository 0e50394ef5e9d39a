"""Moving an anchor, a stage, one publication."""

from datetime import date, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.planning import withdrawals
from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications, stages
from campaigns.planning.states import PublicationState as S
from core.errors import Conflict, Invalid

GOES_ALONG = [S.PLANNED, S.SUBMITTED, S.APPROVED, S.SCHEDULED]
STAYS = [S.LIVE, S.PAUSED, S.HELD, S.DONE, S.FAILED]


def days_of(publications):
    return {p.pk: p.moment_date for p in Publication.objects.filter(pk__in=[p.pk for p in publications])}


def test_the_anchor_takes_everything_along_that_has_not_started(campaign, launch, plan, marketer):
    along = [plan(launch, state=state) for state in GOES_ALONG]
    stay = [plan(launch, state=state) for state in STAYS]
    cancelled = plan(launch, state=S.CANCELLED)
    report = campaigns.move_anchor(campaign, date(2026, 11, 30), marketer)
    assert report.days == 3
    assert set(report.moved) == set(along)
    assert set(report.withdrawn) == set(along[1:])
    assert set(report.stayed) == set(stay)
    assert set(days_of(along).values()) == {date(2026, 11, 30)}
    assert set(days_of([*stay, cancelled]).values()) == {date(2026, 11, 27)}
    assert set(Publication.objects.filter(pk__in=[p.pk for p in along]).values_list("state", flat=True)) == {S.PLANNED}
    assert "approval again" in report.sentence()
    assert "stayed" in report.sentence()


def test_what_was_approved_says_why_it_is_planned_again(campaign, launch, plan, marketer):
    publication = plan(launch, state=S.SCHEDULED)
    campaigns.move_anchor(campaign, date(2026, 11, 30), marketer)
    publication.refresh_from_db()
    assert "submit it again" in publication.state_reason


def test_a_screen_can_ask_before_approvals_are_taken_back(campaign, launch, plan, marketer):
    publication = plan(launch, state=S.APPROVED)
    with pytest.raises(Conflict) as refused:
        campaigns.move_anchor(campaign, date(2026, 11, 30), marketer, again=False)
    assert refused.value.code == "approval_again"
    with pytest.raises(Conflict):
        stages.move(launch, 3, marketer, again=False)
    with pytest.raises(Conflict):
        publications.move(publication, date(2026, 11, 30), by=marketer, again=False)
    publication.refresh_from_db()
    assert (publication.state, publication.moment_date) == (S.APPROVED, date(2026, 11, 27))


def test_the_room_above_hears_of_it_in_the_same_transaction(campaign, launch, plan, marketer, monkeypatch):
    heard = []
    monkeypatch.setattr(withdrawals, "_callbacks", [lambda publication, by: heard.append((publication.pk, by))])
    planned, scheduled = plan(launch), plan(launch, state=S.SCHEDULED)
    stages.move(launch, 1, marketer)
    assert heard == [(scheduled.pk, marketer)]
    assert planned.pk != scheduled.pk


def test_a_move_is_whole_or_not_at_all(campaign, launch, plan, marketer, monkeypatch):
    def broken(publication, by):
        raise RuntimeError

    first, second = plan(launch), plan(launch, state=S.SCHEDULED)
    monkeypatch.setattr(withdrawals, "_callbacks", [broken])
    with pytest.raises(RuntimeError):
        campaigns.move_anchor(campaign, date(2026, 12, 1), marketer)
    campaign.refresh_from_db()
    assert campaign.anchor_date == date(2026, 11, 27)
    assert set(days_of([first, second]).values()) == {date(2026, 11, 27)}


def test_a_stage_moves_alone(campaign, warm_up, launch, plan, marketer):
    mine, other = plan(launch), plan(warm_up, date(2026, 11, 20))
    report = stages.move(launch, -2, marketer, expected_start=0)
    assert (launch.start_offset, launch.end_offset) == (-2, -1)
    assert report.moved == (mine,)
    assert days_of([mine, other]) == {mine.pk: date(2026, 11, 25), other.pk: date(2026, 11, 20)}


def test_the_slower_of_two_people_is_told(campaign, launch, plan, marketer):
    publication = plan(launch)
    stages.move(launch, 1, marketer, expected_start=0)
    with pytest.raises(Conflict, match="meanwhile"):
        stages.move(launch, 1, marketer, expected_start=0)
    with pytest.raises(Conflict, match="meanwhile"):
        publications.move(publication, date(2026, 12, 1), by=marketer, version=1)
    with pytest.raises(Conflict, match="meanwhile"):
        campaigns.move_anchor(campaign, date(2026, 12, 1), marketer, expected=date(2026, 1, 1))


@pytest.mark.parametrize("state", STAYS)
def test_what_has_started_or_is_held_does_not_move(launch, plan, marketer, state):
    publication = plan(launch, state=state)
    with pytest.raises(Conflict) as refused:
        publications.move(publication, date(2026, 12, 1), by=marketer)
    assert refused.value.code == f"publication_{state}"


def test_a_move_in_another_clock_keeps_the_publications_zone(launch, plan, marketer):
    publication = plan(launch, date(2026, 11, 27), time(9, 0), "America/New_York")
    publications.move(publication, date(2026, 11, 28), time(8, 0), by=marketer, zone="Asia/Shanghai")
    assert (publication.moment_date, publication.moment_time) == (date(2026, 11, 27), time(19, 0))
    assert publication.moment_zone == "America/New_York"


def test_now_has_no_day_to_move(launch, plan, marketer):
    publication = plan(launch, moment=Moment.now())
    with pytest.raises(Invalid):
        publications.move(publication, date(2026, 12, 1), by=marketer)
    assert campaigns.move_anchor(launch.campaign, date(2026, 12, 1), marketer).moved == ()


def test_moving_to_the_same_place_changes_nothing(launch, plan, marketer):
    publication = plan(launch, state=S.SCHEDULED)
    assert publications.move(publication, date(2026, 11, 27), by=marketer).moved == ()
    publication.refresh_from_db()
    assert (publication.state, publication.version) == (S.SCHEDULED, 1)


def test_campaign_days_that_were_entered_go_along(market, marketer):
    campaign = campaigns.create(
        "X",
        market=market,
        anchor=date(2026, 11, 27),
        starts_on=date(2026, 11, 20),
        ends_on=date(2026, 12, 1),
        by=marketer,
    )
    campaigns.move_anchor(campaign, date(2026, 11, 29), marketer)
    assert (campaign.starts_on, campaign.ends_on) == (date(2026, 11, 22), date(2026, 12, 3))


plans = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(GOES_ALONG + STAYS), st.booleans()), min_size=1, max_size=6
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=plans, days=st.integers(-400, 400))
def test_all_dependents_shift_alike_and_a_move_back_restores(campaign, warm_up, launch, plan, marketer, items, days):
    anchor = campaign.anchor_date
    made = [plan([warm_up, launch][second], date(2026, 6, 1) + timedelta(days=n), state=s) for n, s, second in items]
    before = days_of(made)
    try:
        promised = campaigns.preview_anchor(campaign, anchor + timedelta(days=days))
        report = campaigns.move_anchor(campaign, anchor + timedelta(days=days), marketer)
        assert {p.pk for p in report.moved} == {p.pk for p in promised.moved}
        after = days_of(made)
        for publication in made:
            by = timedelta(days=days if publication.state in GOES_ALONG else 0)
            assert after[publication.pk] - before[publication.pk] == by
        campaigns.move_anchor(campaign, anchor, marketer)
        assert days_of(made) == before
    finally:
        Publication.objects.filter(pk__in=before).delete()
