"""When a publication goes out: a wall-clock time and a rule for the zone. No instant is stored."""

from dataclasses import dataclass
from datetime import date, datetime, time

from django.utils.translation import gettext as _

from campaigns.planning.models import Publication
from core import clock
from core.errors import Invalid

Kind = Publication.Moment


@dataclass(frozen=True, slots=True)
class Moment:
    """One of three: ``at`` a wall-clock time in a zone, ``local`` at that time on every customer's clock, or ``now``.

    A bare plan may leave the day or the time open. `zone` belongs to ``at`` only.
    """

    kind: Kind
    day: date | None = None
    at: time | None = None
    zone: str = ""

    @classmethod
    def fixed(cls, day: date | None, at: time | None, zone: str) -> "Moment":
        """The same instant for everybody: when clocks in `zone` show `day` `at`."""
        return cls(Kind.AT, day, at, zone)

    @classmethod
    def local(cls, day: date | None, at: time | None) -> "Moment":
        """When the customer's own clock shows `day` `at`."""
        return cls(Kind.LOCAL, day, at)

    @classmethod
    def now(cls) -> "Moment":
        """As soon as it is scheduled."""
        return cls(Kind.NOW)

    @classmethod
    def of(cls, publication: Publication) -> "Moment":
        """The moment a publication has."""
        return cls(
            Kind(publication.moment_kind),
            publication.moment_date,
            publication.moment_time,
            publication.moment_zone,
        )

    def checked(self) -> "Moment":
        """This moment with what does not belong to its kind left out; raises `Invalid` when it makes no sense."""
        match self.kind:
            case Kind.NOW:
                return Moment.now()
            case Kind.LOCAL:
                return Moment.local(self.day, _minutes(self.at))
            case _:
                if not self.zone:
                    raise Invalid(_("A fixed time needs a time zone, for example Europe/Berlin."), field="timezone")
                try:
                    clock.zone(self.zone)
                except ValueError as error:
                    raise Invalid(str(error), field="timezone") from error
                return Moment.fixed(self.day, _minutes(self.at), self.zone)

    def bounds(self) -> tuple[datetime, datetime] | None:
        """The first and the last instant at which it happens somewhere; None while day or time are open, or for ``now``."""
        if self.kind == Kind.NOW or self.day is None or self.at is None:
            return None
        if self.kind == Kind.LOCAL:
            return clock.first_and_last_instant(self.day, self.at)
        instant = clock.instant(self.day, self.at, self.zone or "UTC")
        return instant, instant

    def fields(self) -> dict[str, object]:
        """As the columns of a publication."""
        return {
            "moment_kind": self.kind,
            "moment_date": self.day,
            "moment_time": self.at,
            "moment_zone": self.zone,
        }


def _minutes(at: time | None) -> time | None:
    """Wall-clock times are naive; seconds are kept, fractions are not."""
    return at.replace(microsecond=0, tzinfo=None) if at else None
