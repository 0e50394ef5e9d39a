"""Month, week, timeline and list are one query: whatever the range and the clock, they tell the same."""

from datetime import date, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marketing_calendar import periods
from marketing_calendar.periods import View

from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.selectors import Filters, calendar_items

ZONES = ["", "UTC", "America/New_York", "Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata"]
SOME_DAY = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def ids(items):
    return [(item.publication.pk, item.day, item.at, item.status) for item in items]


@pytest.fixture
def year(plan, launch):
    zones = ZONES[1:]
    for n in range(36):
        day, at = date(2026, 1, 3) + timedelta(days=20 * n), time((n * 5) % 24, (n * 7) % 60)
        moment = Moment.local(day, at) if n % 3 == 0 else Moment.fixed(day, at, zones[n % len(zones)])
        plan(launch, moment=moment, state=["planned", "scheduled", "done", "live"][n % 4])
    plan(launch, moment=Moment.now())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=SOME_DAY, days=st.integers(1, 90), cut=st.integers(0, 90), zone=st.sampled_from(ZONES))
def test_a_range_is_the_sum_of_its_parts(year, start, days, cut, zone):
    end, middle = start + timedelta(days=days), start + timedelta(days=min(cut, days))
    whole = ids(calendar_items(start, end, zone=zone))
    assert whole == ids(calendar_items(start, middle, zone=zone)) + ids(calendar_items(middle, end, zone=zone))
    by_day = [ids(calendar_items(d, d + timedelta(days=1), zone=zone)) for d in days_between(start, end)]
    assert whole == [row for day in by_day for row in day]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=SOME_DAY, zone=st.sampled_from(ZONES), view=st.sampled_from(list(View)))
def test_every_view_shows_what_the_query_gives_for_its_days(year, day, zone, view):
    period = periods.of(view, day)
    assert period.start <= day < period.end
    shown = ids(calendar_items(period.start, period.end, zone=zone))
    wide = ids(calendar_items(day - timedelta(days=100), day + timedelta(days=100), zone=zone))
    assert shown == [row for row in wide if period.start <= row[1] < period.end]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zone=st.sampled_from(ZONES))
def test_no_clock_loses_or_doubles_anything(year, zone):
    all_of_it = calendar_items(date(2025, 1, 1), date(2029, 1, 1), zone=zone)
    assert sorted(item.publication.pk for item in all_of_it) == sorted(Publication.objects.values_list("pk", flat=True))


def test_one_query_whatever_is_shown(year, django_assert_num_queries):
    with django_assert_num_queries(1):
        for item in calendar_items(date(2026, 1, 1), date(2028, 1, 1), Filters(states=("late", "live"))):
            assert item.publication.stage.campaign.market.code == "us"


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 11, 30), date(2028, 2, 29)])
def test_periods_follow_one_another(view, day):
    period = periods.of(view, day)
    after, before = periods.of(view, period.after), periods.of(view, period.before)
    if view is View.TIMELINE:  # overlaps, so that nothing is cut at its edge
        assert period.start < after.start < period.end
        assert before.start < period.start < before.end
    else:
        assert after.start == period.end
        assert before.end == period.start


def days_between(start, end):
    return [start + timedelta(days=n) for n in range((end - start).days)]
