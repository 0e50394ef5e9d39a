"""Targets and what came of them; of a running campaign: how far it should be by now, and where it ends at this pace.

A count or a sum (visitors, orders, revenue …) is planned evenly over the days it is planned for: a stage's target over the
stage's days, and what the campaign wants beyond its stages' targets over the campaign's days. A rate (conversion, order
value) is planned to be the same at any time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from campaigns.planning.models import Target

BASIS_POINTS = 10_000

RATES = frozenset({Target.Metric.CONVERSION.value, Target.Metric.ORDER_VALUE.value})
"""Metrics that do not grow with time."""

Span = tuple[datetime, datetime]


def per_ten_thousand(part: int, whole: int) -> int | None:
    """`part` of `whole` in hundredths of a percent, rounded half to even; None of nothing."""
    if whole == 0:
        return None
    return int((Decimal(part) * BASIS_POINTS / whole).to_integral_value(ROUND_HALF_EVEN))


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A target and what came of it. `completion` is in hundredths of a percent."""

    metric: str
    stage: str
    channel: str
    target: int
    actual: int | None

    @property
    def completion(self) -> int | None:
        """How much of the target is reached; None where there is nothing to compare."""
        return None if self.actual is None else per_ten_thousand(self.actual, self.target)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "completion": self.completion}


def share(span: Span, now: datetime) -> Fraction:
    """How much of `span` is over at `now`, from 0 to 1; of a span without length everything."""
    start, end = span
    if now >= end:
        return Fraction(1)
    # Whole microseconds: a fraction of two timedeltas would be a float.
    past, whole = (round((moment - start).total_seconds() * 1_000_000) for moment in (now, end))
    return Fraction(max(past, 0), whole)


@dataclass(frozen=True, slots=True)
class PaceLine:
    """One target of a running campaign: all of it, what of it was planned until now, and what came until now."""

    metric: str
    stage: str
    channel: str
    target: int
    so_far: int
    actual: int | None

    @property
    def pace(self) -> int | None:
        """The actual figure against the plan until now, in hundredths of a percent; None where nothing was planned yet."""
        return None if self.actual is None else per_ten_thousand(self.actual, self.so_far)

    @property
    def projected(self) -> int | None:
        """What it comes to in the end at this pace, rounded half to even; None where nothing was planned yet."""
        if self.actual is None or not self.so_far:
            return None
        return self.actual if self.metric in RATES else round(Fraction(self.actual * self.target, self.so_far))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "pace": self.pace, "projected": self.projected}


@dataclass(frozen=True, slots=True)
class Pace:
    """A running campaign against its plan so far. `elapsed` is the part of its time that is over, in hundredths of a percent."""

    elapsed: int
    lines: list[PaceLine]

    def planned(self) -> list[TargetLine]:
        """The targets as they were planned until now, for a driver tree."""
        return [TargetLine(one.metric, one.stage, one.channel, one.so_far, one.actual) for one in self.lines]


def pace_of(targets: Iterable[TargetLine], whole: Span, stages: Mapping[str, Span], now: datetime) -> Pace | None:
    """The pace of a campaign whose days are `whole` and whose stages' days are `stages` (by name); None unless it runs."""
    if not whole[0] <= now < whole[1]:
        return None
    lines = list(targets)
    spans = {"": whole, **stages}
    shares = {stage: share(span, now) for stage, span in spans.items()}
    return Pace(
        elapsed=round(shares[""] * 10_000),
        lines=[_line(one, _parts(one, lines), shares) for one in lines],
    )


def _parts(line: TargetLine, lines: Iterable[TargetLine]) -> list[TargetLine]:
    """The targets of stages that a target of the whole campaign is made of."""
    if line.stage:
        return []
    return [one for one in lines if one.stage and (one.metric, one.channel) == (line.metric, line.channel)]


def _line(line: TargetLine, parts: list[TargetLine], shares: Mapping[str, Fraction]) -> PaceLine:
    found = PaceLine(line.metric, line.stage, line.channel, line.target, line.target, line.actual)
    if line.metric in RATES:
        return found
    planned = sum((one.target * _share_of(one, shares) for one in parts), Fraction(0))
    rest = line.target - sum(one.target for one in parts)
    # Stages that want more than the campaign: their plan counts, in the campaign's proportion.
    planned = (
        planned * Fraction(line.target, line.target - rest) if rest < 0 else planned + rest * _share_of(line, shares)
    )
    return replace(found, so_far=round(planned))


def _share_of(line: TargetLine, shares: Mapping[str, Fraction]) -> Fraction:
    """A stage without days of its own has the campaign's."""
    return shares.get(line.stage, shares[""])
