"""The one place that is asked what time it is, and how a wall-clock time becomes an instant.

A schedule is a wall-clock time and a zone (never an offset): the instant is worked out as late as possible, so that a
change of the zone's rules moves it along.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.utils import timezone


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return timezone.now()


@cache
def known_zones() -> frozenset[str]:
    """Every zone name that may be stored, from the pinned ``tzdata`` package."""
    return frozenset(available_timezones() - {"localtime", "posixrules"})


def zone(name: str) -> ZoneInfo:
    """The zone called `name`; raises `ValueError` when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"“{name}” is not a time zone of the IANA database.") from error


def instant(day: date, at: time, zone_name: str) -> datetime:
    """The one instant, in UTC, at which clocks in `zone_name` show `day` `at`.

    A time that a clock change skips becomes the first valid time after the gap by the length of the gap (02:30 becomes
    03:30); a time that happens twice means its first occurrence (PEP 495, ``fold=0``).
    """
    local = datetime.combine(day, at.replace(tzinfo=None), tzinfo=zone(zone_name))
    return local.astimezone(UTC)


def first_and_last_instant(day: date, at: time) -> tuple[datetime, datetime]:
    """The bounds, over every zone on Earth (UTC+14 to UTC-12), of the instants at which clocks show `day` `at`."""
    naive = datetime.combine(day, at.replace(tzinfo=None), tzinfo=UTC)
    return naive - timedelta(hours=14), naive + timedelta(hours=12)
