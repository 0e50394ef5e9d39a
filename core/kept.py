"""How a view tells the handler in front of Django that its answer is everybody's, and for how long it is true.

The handler (`core.page_cache`) puts a `Keep` beside the request; who answers the same to every anonymous visitor calls
`allow`. Whoever does not know of it answers one request only: silence keeps nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

KEEP = "almanac.keep"
"""Where it stands in the WSGI environment; no header of a visitor can have that name."""


@dataclass(slots=True)
class Keep:
    """What the view said.

    moment    the instant that the answer is asked for as of; None: now. A page is made a little before a price changes
    since     when what it shows began to be true; None: always
    until     when it ceases to be true; None: when somebody changes something
    """

    moment: datetime | None = None
    is_allowed: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def allow(self, since: datetime | None, until: datetime | None) -> None:
        """The answer may be given to every anonymous visitor from `since` on and before `until`."""
        self.is_allowed, self.since, self.until = True, since, until


def of(request: HttpRequest) -> Keep | None:
    """The one of this request; None where nobody would keep the answer."""
    return request.META.get(KEEP)
