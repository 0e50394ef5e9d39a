"""Hours of a market's day: good ones, when people are there, and quiet ones, when nobody is to be disturbed.

All are wall-clock times. Good hours are spans within a day; quiet hours are one span, which may go over midnight. A span holds
its first minute and not its last.
"""

import itertools
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.utils.translation import gettext as _

from core.errors import Invalid

Span = tuple[time, time]

USUAL = time(10, 0)
"""When something is planned for where a market says nothing of good hours."""

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def at(text: str, field: str = "good_hours") -> time:
    """The wall-clock time that `text` writes, such as 20:30; raises `Invalid`."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise Invalid(_("“%(text)s” is no time of day, such as 20:30.") % {"text": text[:20]}, field=field)
    return time(int(found[1]), int(found[2]))


def span(text: str, field: str) -> Span:
    """The span that `text` writes, such as 21:00-08:00; raises `Invalid`."""
    ends = re.split(r"\s*[-–]\s*", text.strip())
    if len(ends) != 2:
        raise Invalid(_("“%(text)s” is no span of hours, such as 21:00-08:00.") % {"text": text[:30]}, field=field)
    return at(ends[0], field), at(ends[1], field)


def spans(text: str) -> list[list[str]]:
    """Good hours as they are stored, from how people write them: ``10:30-11:30, 15:30-17:00``."""
    return [list(map(_written, span(part, "good_hours"))) for part in re.split(r"[,;\n]", text) if part.strip()]


def good(stored: Sequence[Sequence[str]]) -> list[Span]:
    """Good hours as times, in order."""
    return sorted((at(start), at(end)) for start, end in stored)


def checked_good(stored: Sequence[Sequence[str]]) -> list[list[str]]:
    """Good hours, each beginning before it ends, in order, none over another; raises `Invalid`."""
    if any(len(pair) != 2 for pair in stored):
        raise Invalid(_("Good hours are spans, such as 10:30-11:30."), field="good_hours")
    found = good(stored)
    for start, end in found:
        if end <= start:
            raise Invalid(
                _("Good hours end after they begin, on the same day: %(start)s-%(end)s does not.")
                % {"start": _written(start), "end": _written(end)},
                field="good_hours",
            )
    for before, after in itertools.pairwise(found):
        if after[0] < before[1]:
            raise Invalid(_("Good hours lie one after the other."), field="good_hours")
    return [[_written(start), _written(end)] for start, end in found]


def words(stored: Sequence[Sequence[str]]) -> str:
    """Good hours as people write them."""
    return ", ".join(f"{start}-{end}" for start, end in stored)


def _written(moment: time) -> str:
    return f"{moment:%H:%M}"


def is_quiet(moment: time, quiet: Span | None) -> bool:
    """Whether nobody is to be disturbed at `moment`."""
    if quiet is None:
        return False
    start, end = quiet
    if start < end:
        return start <= moment < end
    return moment >= start or moment < end


def after_quiet(day: date, moment: time, quiet: Span | None) -> tuple[date, time]:
    """When something meant for `day` at `moment` goes: then, or at the end of the quiet hours it falls into."""
    if quiet is None or not is_quiet(moment, quiet):
        return day, moment
    end = quiet[1]
    return (day if moment < end else day + timedelta(days=1)), end


def first_good(stored: Sequence[Sequence[str]], quiet: Span | None) -> time:
    """When something is planned for unless somebody says otherwise: the first good hour, or the usual one."""
    found = good(stored)
    return found[0][0] if found else after_quiet(date.min, USUAL, quiet)[1]


def overlap(one: Span, quiet: Span) -> bool:
    """Whether a span within a day and quiet hours share a minute."""
    last = (datetime.combine(date.min, one[1]) - timedelta(minutes=1)).time() if one[1] > time.min else one[1]
    return is_quiet(one[0], quiet) or is_quiet(last, quiet) or one[0] <= quiet[0] < one[1]
