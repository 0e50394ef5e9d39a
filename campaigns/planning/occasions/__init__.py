"""Occasions: the days a shop plans around, per country and year, as data.

What shops ask for (feasts that move, Black Friday, 618, Mother's Day …) are rows of the tables beside this file: `table` reads
them and `days` finds their dates. Public holidays of the country, from `holidays`, fill up the rest (`public`). An occasion has
the day itself (the anchor of a campaign), the window in which people shop for it, and the source that says so.
"""

from campaigns.planning.occasions.listing import FIRST_YEAR, LAST_YEAR, between, find, occasions
from campaigns.planning.occasions.occasion import Kind, Occasion, Source
from campaigns.planning.occasions.public import is_known as knows_public_holidays

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "Kind",
    "Occasion",
    "Source",
    "between",
    "find",
    "knows_public_holidays",
    "occasions",
]
