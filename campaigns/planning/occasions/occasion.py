"""What an occasion is: a day, its window, and how sure both are."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    """What sort of day it is."""

    SHOPPING = "shopping"
    FEAST = "feast"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule or a date was taken from. `read` is the day it was last looked at, None where nobody wrote that down."""

    id: str
    name: str
    where: str
    read: date | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion in one year.

    `day` is the anchor; `first` and `last` bound the window, inclusive.

    estimated
        The day depends on a sighting of the moon.
    proclaimed
        Somebody announces the day each year and has not yet: what stands here is when it usually is.
    regional
        Not everywhere in the country, or not everywhere on this day.
    in_lieu
        Not the feast itself but the day off that is given for it.
    local
        False for what the country itself does not keep; `country` then says whose day it is (ISO 3166), else it is empty.
    """

    key: str
    name: str
    kind: Kind
    day: date
    first: date
    last: date
    estimated: bool = False
    local: bool = True
    proclaimed: bool = False
    regional: bool = False
    in_lieu: bool = False
    country: str = ""
    source: Source | None = None

    @property
    def year(self) -> int:
        """The year of the day itself."""
        return self.day.year
