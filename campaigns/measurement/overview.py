"""All campaigns beside one another: what the index shows, orders and compares, in a handful of queries for all of them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.measurement.models import Credit, Visit
from campaigns.measurement.selectors import arrivals, window_of
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.selectors import campaign_window
from core import clock

RUNNING, OVER, TO_COME, OPEN = "running", "over", "to-come", "open"
STATES = {RUNNING: _("running"), TO_COME: _("to come"), OVER: _("over"), OPEN: _("no days yet")}

ORDERS = {
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


def lines(text: str = "", state: str = "") -> list[Line]:
    """Every campaign in whose name, slug, objective or market `text` stands, and that is in `state` (of `STATES`)."""
    campaigns = list(_matching(text))
    uv, bought = _visitors(campaigns), _credited(campaigns)
    found = [_line(one, uv, bought) for one in campaigns]
    return [line for line in found if not state or line.state == state]


def ordered(rows: list[Line], by: str, *, descending: bool) -> list[Line]:
    """`rows` by a key of `ORDERS`; campaigns without days stand last, and money is ordered within its currency."""
    match by:
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


def _line(campaign: Campaign, uv: Mapping[int, int], bought: Mapping[int, Mapping[str, Any]]) -> Line:
    first, last = campaign_window(campaign)
    sums = bought.get(campaign.pk, {"orders": 0, "gmv": 0})
    return Line(
        campaign, first, last, _state(campaign, first, last), uv.get(campaign.pk, 0), sums["orders"], sums["gmv"]
    )


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


def _credited(campaigns: Collection[Campaign]) -> Mapping[int, Mapping[str, Any]]:
    """As `Figures.orders` and `Figures.gmv_minor`; other currencies than the market's are left out."""
    currencies = {one.pk: one.market.currency for one in campaigns}
    rows = Credit.objects.filter(publication__stage__campaign__in=campaigns)
    sums = rows.values("publication__stage__campaign", "currency").annotate(orders=Count("pk"), gmv=Sum("amount_minor"))
    return {
        row["publication__stage__campaign"]: row
        for row in sums.order_by()
        if row["currency"] == currencies[row["publication__stage__campaign"]]
    }
