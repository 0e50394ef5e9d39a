"""Quiet hours: when a message that falls into those of its market goes instead.

It goes at their end, by the market's clock; one for everybody's own local time goes at their end on everybody's own clock.
Posts are not held: they wake nobody.
"""

from datetime import date, datetime, time

from campaigns.planning.models import Publication
from channels.base import Channel
from core import clock, hours
from core.hours import Span


def of(publication: Publication) -> Span | None:
    """The quiet hours that a publication keeps; None for none."""
    return None if publication.channel == Channel.SOCIAL else publication.stage.campaign.market.quiet


def wall_clock(publication: Publication, day: date, at: time) -> tuple[date, time]:
    """When clocks of the recipients' own zones show it, for what is meant for `day` at `at`."""
    return hours.after_quiet(day, at, of(publication))


def instant(publication: Publication, due: datetime, zone: str = "") -> datetime:
    """When what is due at `due` goes, by the clock of `zone` (by default the market's)."""
    zone = zone or publication.stage.campaign.market.timezone
    there = due.astimezone(clock.zone(zone))
    quiet = of(publication)
    if not hours.is_quiet(there.time(), quiet):
        return due
    return clock.instant(*hours.after_quiet(there.date(), there.time(), quiet), zone)


def put_off(publication: Publication) -> tuple[Span, datetime | tuple[date, time]] | None:
    """The quiet hours that the planned moment falls into, and when it goes instead (an instant, or a wall-clock time for
    everybody's own clock); None when it does not, or while day or time are open."""
    quiet, day, at = of(publication), publication.moment_date, publication.moment_time
    if quiet is None or day is None or at is None or publication.moment_kind == Publication.Moment.NOW:
        return None
    if publication.moment_kind == Publication.Moment.LOCAL:
        goes = wall_clock(publication, day, at)
        return None if goes == (day, at) else (quiet, goes)
    due = clock.instant(day, at, publication.moment_zone or publication.stage.campaign.market.timezone)
    later = instant(publication, due)
    return None if later == due else (quiet, later)
