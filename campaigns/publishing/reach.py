"""Before sending: how many an audience has now, and how many of them can be written to."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from campaigns.audiences import selectors as audiences
from campaigns.audiences.models import Endpoint
from campaigns.planning.models import Publication
from channels.base import Channel


@dataclass(frozen=True, slots=True)
class Reach:
    """People of an audience, counted now; the audience is frozen, and so counted for good, only when it starts."""

    people: int
    without_address: int
    without_consent: int
    closed: int

    @property
    def reachable(self) -> int:
        """How many will probably be written to. One person may share an address with another, so it can be fewer."""
        return self.people - self.left_out

    @property
    def left_out(self) -> int:
        """How many will be skipped, each with its reason in the ledger."""
        return self.without_address + self.without_consent + self.closed


def reach_of(publication: Publication) -> Reach | None:
    """The reach of a direct publication; None for a post, which goes to whoever follows, and without an audience."""
    audience = publication.audience
    if publication.channel == Channel.SOCIAL or audience is None:
        return None
    people = audiences.contacts_of(audience).order_by()
    addresses = Endpoint.objects.filter(
        contact=OuterRef("pk"), channel=publication.channel, status=Endpoint.Status.ACTIVE
    ).exclude(address="")
    reached = people.filter(Exists(addresses))
    agreeing = reached.filter(audiences.consented(publication.channel))
    open_addresses = addresses.exclude(audiences.suppressed(publication.channel))
    everyone, with_address, with_consent = people.count(), reached.count(), agreeing.count()
    return Reach(
        people=everyone,
        without_address=everyone - with_address,
        without_consent=with_address - with_consent,
        closed=with_consent - agreeing.filter(Exists(open_addresses)).count(),
    )
