"""A running campaign against its plan so far, as pure functions of targets, days and the clock."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from campaigns.measurement.targets import TargetLine, pace_of, share

START = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
WHOLE = (START, START + 10 * DAY)


def line(metric, target, actual, stage="", channel=""):
    return TargetLine(metric, stage, channel, target, actual)


def told(targets, days, stages=None):
    pace = pace_of(targets, WHOLE, stages or {}, START + days * DAY)
    return {(one.metric, one.stage): (one.so_far, one.pace, one.projected) for one in pace.lines}


def test_counts_and_sums_are_planned_evenly_and_rates_stay():
    targets = [line("gmv", 100_000, 30_000), line("conversion", 500, 400), line("uv", 1_000, 250)]
    assert told(targets, 2.5) == {
        ("gmv", ""): (25_000, 12_000, 120_000),
        ("conversion", ""): (500, 8_000, 400),
        ("uv", ""): (250, 10_000, 1_000),
    }


def test_stages_with_targets_of_their_own_decide_when_it_is_planned():
    stages = {"Warm-up": (START, START + 8 * DAY), "Launch": (START + 8 * DAY, START + 10 * DAY)}
    targets = [line("orders", 100, 30), line("orders", 10, 5, "Warm-up"), line("orders", 80, 25, "Launch")]
    # Eight days on, the warm-up is over and the sale begins; the ten orders of no stage are spread over all days.
    assert told(targets, 8, stages) == {
        ("orders", ""): (18, 16_667, 167),
        ("orders", "Warm-up"): (10, 5_000, 5),
        ("orders", "Launch"): (0, None, None),
    }


def test_only_what_runs_has_a_pace():
    targets = [line("uv", 10, 1)]
    assert pace_of(targets, WHOLE, {}, START - timedelta(seconds=1)) is None
    assert pace_of(targets, WHOLE, {}, WHOLE[1]) is None
    assert pace_of(targets, WHOLE, {}, START).elapsed == 0
    assert pace_of([], WHOLE, {}, START + 5 * DAY).elapsed == 5_000


@given(
    target=st.integers(0, 10**12),
    stage=st.integers(0, 10**12),
    seconds=st.integers(0, 10 * 86_400 - 1),
    later=st.integers(0, 86_400),
)
def test_the_plan_so_far_only_grows_and_never_passes_the_plan(target, stage, seconds, later):
    stages = {"Launch": (START + 2 * DAY, START + 4 * DAY)}
    targets = [line("gmv", target, 0), line("gmv", stage, 0, "Launch")]
    found = [
        told(targets, moment / 86_400, stages)["gmv", ""][0]
        for moment in (seconds, min(seconds + later, 10 * 86_400 - 1))
    ]
    assert 0 <= found[0] <= found[1] <= target


def test_a_share_is_exact():
    assert share(WHOLE, START + DAY / 3) == Fraction(1, 30)
