"""The ledger as people read it: a bar with a table, how far it is, and how long it will take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState as State
from campaigns.publishing.models import Delivery
from campaigns.publishing.states import DeliveryState
from core import clock

LOOK_BACK = timedelta(seconds=20)

SEGMENTS: tuple[tuple[str, str | Promise, str | Promise], ...] = (
    ("accepted", gettext_lazy("Sent"), gettext_lazy("The provider took it.")),
    ("attempting", gettext_lazy("Being sent"), gettext_lazy("On its way to the provider right now.")),
    ("claimed", gettext_lazy("Next"), gettext_lazy("A worker has it in its hands.")),
    ("pending", gettext_lazy("Waiting"), gettext_lazy("Its turn is still to come.")),
    ("skipped", gettext_lazy("Skipped"), gettext_lazy("Not sent on purpose: no consent, no address, unsubscribed …")),
    ("rejected", gettext_lazy("Refused"), gettext_lazy("The provider would not take it; trying again would not help.")),
    ("unknown", gettext_lazy("In doubt"), gettext_lazy("The answer was lost. The provider's reports may still tell.")),
    ("unconfirmed", gettext_lazy("Unconfirmed"), gettext_lazy("The answer was lost and no report came: you decide.")),
)
LABELS = {state: label for state, label, _explains in SEGMENTS}
"""One word for each state, the same on every screen."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One state of the ledger: its count, and its share of the bar."""

    state: str
    label: str
    explains: str
    count: int
    percent: float

    @property
    def width(self) -> str:
        """Of the bar, for CSS: no locale's comma in it."""
        return f"{self.percent:.3f}"


def segments(ledger: Mapping[str, int]) -> list[Segment]:
    """The ledger in the order of the bar."""
    whole = ledger["targeted"] or 1
    return [
        Segment(state, str(label), str(explains), ledger[state], 100 * ledger[state] / whole)
        for state, label, explains in SEGMENTS
    ]


def open_count(ledger: Mapping[str, int]) -> int:
    """How many are still to be settled by sending."""
    return ledger["pending"] + ledger["claimed"] + ledger["attempting"]


def percent(ledger: Mapping[str, int]) -> int:
    """How much is through, rounded down: 100 means all of it."""
    if not ledger["targeted"]:
        return 0
    return 100 * (ledger["targeted"] - open_count(ledger)) // ledger["targeted"]


def pace(publication: Publication, ledger: Mapping[str, int]) -> str:
    """How fast it goes and when it will be through, by the last seconds; empty when nothing is going out."""
    left = open_count(ledger)
    if publication.state != State.LIVE or not left:
        return ""
    recent = Q(
        changed_at__gte=clock.ledger_now() - LOOK_BACK, state__in=[DeliveryState.ACCEPTED, DeliveryState.REJECTED]
    )
    settled = Delivery.objects.filter(publication=publication).aggregate(recent=Count("pk", filter=recent))["recent"]
    rate = settled / LOOK_BACK.total_seconds()
    if not rate:
        return _("Nothing was answered in the last seconds.")
    seconds = left / rate
    if seconds < 60:
        return _("About %(rate)s a second; through in less than a minute.") % {"rate": _rate(rate)}
    minutes = round(seconds / 60)
    return ngettext(
        "About %(rate)s a second; through in about %(minutes)d minute.",
        "About %(rate)s a second; through in about %(minutes)d minutes.",
        minutes,
    ) % {"rate": _rate(rate), "minutes": minutes}


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
