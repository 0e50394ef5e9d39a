"""The one place that is asked what time it is, and how a wall-clock time becomes an instant.

There are three answers. `now` is the machine's wall clock: for people and for records that only inform. `ledger_now` is the
ledger's: every time that the ledger writes or compares (leases, pauses, when something was attempted) is one of its. It is the
database server's clock on PostgreSQL, and on SQLite, where everything runs on one machine, a clock that nobody can set
(`core.steady`). `schedule_now` is what a moment on the calendar is compared with: the wall clock as far as it is believed.
docs/decisions/0015-whose-clock.md says why.

A schedule is a wall-clock time and a zone (never an offset): the instant is worked out as late as possible, so that a
change of the zone's rules moves it along.
"""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from core import machine
from core.steady import Reading, SteadyClock

_ASKED_EVERY = 1.0
_server: tuple[str, float, float] | None = None


def now() -> datetime:
    """The current instant by the machine's clock, aware, in UTC."""
    if settings.ALMANAC_TEST_CLOCK:
        return timezone.now() + _set_by_a_test()
    return timezone.now()


def _set_by_a_test() -> timedelta:
    """By how many seconds tests of real processes have set the clock; it stands in the file that the setting names."""
    with suppress(OSError, ValueError):
        return timedelta(seconds=float(Path(settings.ALMANAC_TEST_CLOCK).read_text()))
    return timedelta()


# --- The ledger's clock ----------------------------------------------------------------------------------------------


def ledger_now() -> datetime:
    """The current instant by the ledger's clock, aware, in UTC. It does not go back and does not leap."""
    if connection.vendor == "postgresql":
        return server_now()
    return _instant(_steady().time)


def schedule_now() -> datetime:
    """What a moment on the calendar is compared with, aware, in UTC."""
    if connection.vendor == "postgresql":
        return server_now()
    return _instant(_steady().believed)


def jump() -> timedelta:
    """How far the machine's clock is from where it should be, when that is more than is believed; zero otherwise."""
    if connection.vendor == "postgresql":
        return timedelta()
    return timedelta(seconds=_steady().jump)


def believe() -> None:
    """A person has looked at the machine's clock: it is right."""
    if connection.vendor != "postgresql":
        _clock(Path(settings.ALMANAC_HOME)).believe(now().timestamp())


def keep() -> None:
    """Note how far the ledger's clock has come, for the time after the machine's next start. About once a minute."""
    if connection.vendor != "postgresql":
        _clock(Path(settings.ALMANAC_HOME)).note()


def ledger_time(moment: datetime) -> datetime:
    """An instant that was told by the machine's clock (a provider's “try again at …”) as the ledger's clock will show it."""
    return moment + (ledger_now() - now())


def jump_sentence() -> str:
    """What people are told while the machine's clock is not believed; empty otherwise."""
    apart = jump()
    if not apart:
        return ""
    minutes = round(abs(apart).total_seconds() / 60)
    span = {"hours": minutes // 60, "minutes": minutes % 60}
    if apart > timedelta():
        return (
            _(
                "The clock of this machine jumped forward by %(hours)d h %(minutes)d min. What comes due is held: set the clock "
                "right, or release it, which says that the clock is right now."
            )
            % span
        )
    return (
        _(
            "The clock of this machine jumped back by %(hours)d h %(minutes)d min. What comes due is held: set the clock right, "
            "or release it, which says that the clock is right now."
        )
        % span
    )


def server_now() -> datetime:
    """The PostgreSQL server's clock; asked for once a second and carried on by this machine's uptime in between."""
    global _server
    up = machine.uptime()
    name = str(connection.settings_dict["NAME"])
    known = _server
    if known is None or known[0] != name or not 0 <= up - known[1] < _ASKED_EVERY:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            # The answer's way here is not counted: on a slow line the time is told a little late, never early.
            known = _server = (name, machine.uptime(), float(cursor.fetchone()[0]))
            up = known[1]
    return _instant(known[2] + up - known[1])


def _steady() -> Reading:
    return _clock(Path(settings.ALMANAC_HOME)).read(now().timestamp())


@cache
def _clock(home: Path) -> SteadyClock:
    return SteadyClock(home / "ledger-clock.json")


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# --- Wall-clock times and zones --------------------------------------------------------------------------------------


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
