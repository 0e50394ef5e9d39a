"""What stretch of days a view of the calendar shows, and which is before and after it."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.utils.formats import date_format, get_format


class View(StrEnum):
    """The views of the calendar."""

    MONTH = "month"
    WEEK = "week"
    TIMELINE = "timeline"
    LIST = "list"


TIMELINE_DAYS = 42


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `start` to before `end`, and the day to name in the address for the one before and after."""

    view: View
    start: date
    end: date
    before: date
    after: date

    @property
    def title(self) -> str:
        """As a heading."""
        if self.view in (View.MONTH, View.LIST):
            return date_format(self.start, "YEAR_MONTH_FORMAT")
        last = self.end - timedelta(days=1)
        return f"{date_format(self.start, 'DATE_FORMAT')} – {date_format(last, 'DATE_FORMAT')}"


def first_weekday() -> int:
    """The day a week begins with, as the active language has it; 0 is Sunday."""
    return int(get_format("FIRST_DAY_OF_WEEK"))


def of(view: View, day: date) -> Period:
    """The period of `view` that `day` is in. A timeline is six weeks and begins with the week before."""
    if view in (View.MONTH, View.LIST):
        start = day.replace(day=1)
        end = start + timedelta(days=monthrange(start.year, start.month)[1])
        return Period(view, start, end, start - timedelta(days=1), end)
    monday_is_one = day.isoweekday() % 7
    start = day - timedelta(days=(monday_is_one - first_weekday()) % 7)
    if view is View.WEEK:
        return Period(view, start, start + timedelta(days=7), start - timedelta(days=7), start + timedelta(days=7))
    start -= timedelta(days=7)
    step = timedelta(days=28)
    return Period(
        view,
        start,
        start + timedelta(days=TIMELINE_DAYS),
        day - step,
        day + step,
    )
