"""All campaigns beside one another: what the index shows, orders and compares, in a handful of queries for all of them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.measurement.currencies import Converter, Other, Tally
from campaigns.measurement.models import Credit, Visit
from campaigns.measurement.selectors import arrivals, window_of
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.selectors import campaign_window
from core import clock

RUNNING, OVER, TO_COME, OPEN = "running", "over", "to-come", "open"
STATES = {RUNNING: _("running"), TO_COME: _("to come"), OVER: _("over"), OPEN: _("no days yet")}

ORDERS = {
    "state": _("State"),
    "days": _("Days"),
    "name": _("Campaign"),
    "uv": _("Visitors"),
    "orders": _("Orders"),
    "gmv_minor": _("Revenue"),
}
"""What the index can be ordered by: the attributed figures, which are known of every campaign at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign with its days and the figures credited to its clicks, in minor units of its market's currency."""

    campaign: Campaign
    first: date | None
    last: date | None
    state: str
    uv: int
    orders: int
    gmv_minor: int
    others: list[Other]


def lines(text: str = "", state: str = "") -> list[Line]:
    """Every campaign in whose name, slug, objective or market `text` stands, and that is in `state` (of `STATES`)."""
    campaigns = list(_matching(text))
    uv, bought = _visitors(campaigns), _credited(campaigns)
    found = [_line(one, uv, bought) for one in campaigns]
    return [line for line in found if not state or line.state == state]


def ordered(rows: list[Line], by: str, *, descending: bool) -> list[Line]:
    """`rows` by a key of `ORDERS`; campaigns without days stand last, and money is ordered within its currency."""
    match by:
        case "state":
            return _by_state(rows, descending=descending)
        case "name":
            return sorted(rows, key=lambda row: row.campaign.name.casefold(), reverse=descending)
        case "gmv_minor":
            rows = sorted(rows, key=lambda row: row.gmv_minor, reverse=descending)
            return sorted(rows, key=lambda row: row.campaign.market.currency)
        case "uv" | "orders":
            return sorted(rows, key=lambda row: int(getattr(row, by)), reverse=descending)
        case _:
            dated = [row for row in rows if row.first]
            dated.sort(key=lambda row: row.first or date.min, reverse=descending)
            return dated + [row for row in rows if not row.first]


def _by_state(rows: list[Line], *, descending: bool) -> list[Line]:
    """What runs first, then what is over (the latest first), then what comes (the next first); or the other way round."""
    found: list[Line] = []
    for state, latest_first in ((RUNNING, True), (OVER, True), (TO_COME, False), (OPEN, False)):
        own = [row for row in rows if row.state == state]
        found += sorted(own, key=lambda row: row.first or date.min, reverse=latest_first)
    return found if descending else found[::-1]


def _matching(text: str) -> QuerySet[Campaign]:
    rows = Campaign.objects.select_related("market", "owner", "audience").prefetch_related("stages", "reviews")
    for word in text.split():
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(slug__icontains=word)
            | Q(objective__icontains=word)
            | Q(market__name__icontains=word)
        )
    return rows


@dataclass(slots=True)
class _Sums:
    """What was credited to a campaign."""

    orders: int = 0
    gmv_minor: int = 0
    others: list[Other] = field(default_factory=list)


def _line(campaign: Campaign, uv: Mapping[int, int], bought: Mapping[int, _Sums]) -> Line:
    first, last = campaign_window(campaign)
    sums = bought[campaign.pk]
    state = _state(campaign, first, last)
    return Line(campaign, first, last, state, uv.get(campaign.pk, 0), sums.orders, sums.gmv_minor, sums.others)


def _state(campaign: Campaign, first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return OPEN
    now = clock.now()
    start, end = window_of(campaign, now)
    if now < start:
        return TO_COME
    return OVER if last is not None and now >= end else RUNNING


def _visitors(campaigns: Collection[Campaign]) -> Mapping[int, int]:
    """As `Figures.uv` of the whole campaign."""
    found: Counter[int] = Counter()
    visits = Visit.objects.filter(campaign__in=campaigns).values("campaign_id")
    for row in visits.annotate(n=Count("visitor", distinct=True)).order_by():
        found[row["campaign_id"]] = row["n"]
    by_publication = arrivals(campaigns)
    of = Publication.objects.filter(pk__in=[pk for pk in by_publication if pk]).values_list("pk", "stage__campaign")
    for publication, campaign in of:
        found[campaign] += by_publication[publication]
    return found


def _credited(campaigns: Collection[Campaign]) -> Mapping[int, _Sums]:
    """As `Figures.orders` and `Figures.gmv_minor`, and the orders in other currencies."""
    found = {one.pk: _Sums() for one in campaigns}
    credits = Credit.objects.filter(publication__stage__campaign__in=campaigns)
    is_own = Q(currency=F("publication__stage__campaign__market__currency"))
    sums = credits.filter(is_own).values("publication__stage__campaign")
    for row in sums.annotate(orders=Count("pk"), gmv=Sum("amount_minor")).order_by():
        found[row["publication__stage__campaign"]] = _Sums(row["orders"], row["gmv"])
    foreign: dict[int, list[tuple[str, int, datetime]]] = {}
    for campaign, currency, minor, at in (
        credits.exclude(is_own)
        .order_by("pk")
        .values_list("publication__stage__campaign", "currency", "amount_minor", "occurred_at")
    ):
        foreign.setdefault(campaign, []).append((currency, minor, at))
    markets = {one.pk: one.market for one in campaigns}
    for campaign, orders in foreign.items():
        tally = Tally(Converter(markets[campaign], [(currency, at) for currency, _minor, at in orders]))
        worth = [tally.add(*order) for order in orders]
        counted = [minor for minor in worth if minor is not None]
        before = found[campaign]
        found[campaign] = _Sums(before.orders + len(counted), before.gmv_minor + sum(counted), tally.others)
    return found
