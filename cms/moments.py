"""One instant for everything on a page, and between which instants the page is true.

A page that is made across the switch of a price would show half of either; so its instant is asked for once, and every offer
that it shows is noted: from the last change of any of them to the next the page is true.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.promotions import selectors as promotions
from campaigns.promotions.selectors import OfferState, Phase
from core import clock


@dataclass(slots=True)
class Moment:
    """An instant, and the bounds of what was shown as of it; None: no bound."""

    now: datetime
    since: datetime | None = None
    until: datetime | None = None

    def note(self, offer: Any, state: OfferState) -> None:
        """What was shown depends on `offer`, which is in `state`."""
        began = {Phase.OPEN: offer.starts_at, Phase.OVER: offer.ends_at}.get(state.phase)
        if began is not None and (self.since is None or began > self.since):
            self.since = began
        if state.next_change is not None and (self.until is None or state.next_change < self.until):
            self.until = state.next_change


_current: ContextVar[Moment | None] = ContextVar("cms_moment", default=None)


@contextmanager
def at(now: datetime) -> Iterator[Moment]:
    """Whatever is shown inside is shown as of `now`."""
    moment = Moment(now)
    token = _current.set(moment)
    try:
        yield moment
    finally:
        _current.reset(token)


def state_of(offer: Any) -> OfferState:
    """Where the clock stands against `offer`: as of the page's moment, or of now outside of a page."""
    moment = _current.get()
    state = promotions.offer_at(offer, moment.now if moment else clock.now())
    if moment:
        moment.note(offer, state)
    return state
