"""Good hours and quiet hours: spans of a market's day."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import hours
from core.errors import Invalid

NIGHT = (time(21), time(8))
NOON = (time(12), time(14))
DAY = date(2026, 11, 27)

times = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@pytest.mark.parametrize(
    ("quiet", "at", "goes"),
    [
        (NIGHT, time(20, 59), (DAY, time(20, 59))),
        (NIGHT, time(21), (DAY + timedelta(days=1), time(8))),
        (NIGHT, time(0), (DAY, time(8))),
        (NIGHT, time(7, 59), (DAY, time(8))),
        (NIGHT, time(8), (DAY, time(8))),
        (NOON, time(13), (DAY, time(14))),
        (NOON, time(14), (DAY, time(14))),
        (None, time(3), (DAY, time(3))),
    ],
)
def test_what_falls_into_quiet_hours_goes_at_their_end(quiet, at, goes):
    assert hours.after_quiet(DAY, at, quiet) == goes


@given(start=times, end=times, at=times)
def test_nothing_is_early_nothing_is_in_quiet_hours_and_nothing_waits_a_day(start, end, at):
    if start == end:
        return
    day, moment = hours.after_quiet(DAY, at, (start, end))
    assert not hours.is_quiet(moment, (start, end))
    wait = datetime.combine(day, moment) - datetime.combine(DAY, at)
    assert timedelta() <= wait < timedelta(days=1)
    assert bool(wait) == hours.is_quiet(at, (start, end))


def test_hours_are_written_and_read():
    stored = hours.spans("15:30-17:00, 9:30 – 11:30")
    assert stored == [["15:30", "17:00"], ["09:30", "11:30"]]
    assert hours.words(hours.checked_good(stored)) == "09:30-11:30, 15:30-17:00"
    assert hours.spans("") == []


@pytest.mark.parametrize("text", ["10:30", "25:00-26:00", "10:30-11:30-12:30", "ten-eleven"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(Invalid):
        hours.spans(text)


@pytest.mark.parametrize("text", ["11:00-10:00", "10:00-10:00", "10:00-12:00, 11:00-13:00"])
def test_spans_that_cannot_be_are_refused(text):
    with pytest.raises(Invalid):
        hours.checked_good(hours.spans(text))


def test_what_is_planned_without_a_time_stands_in_the_first_good_hour():
    assert hours.first_good([["15:30", "17:00"], ["10:30", "11:30"]], None) == time(10, 30)
    assert hours.first_good([], None) == time(10)
    assert hours.first_good([], (time(9), time(11))) == time(11)


@given(start=times, end=times, quiet=st.tuples(times, times))
def test_an_overlap_is_a_minute_in_both(start, end, quiet):
    if start >= end or quiet[0] == quiet[1]:
        return
    minutes = range(start.hour * 60 + start.minute, end.hour * 60 + end.minute)
    shared = any(hours.is_quiet(time(m // 60, m % 60), quiet) for m in minutes)
    assert hours.overlap((start, end), quiet) == shared
