"""Which publication an order is credited to: the last click before it, within the window.

Candidates are the click whose token the shop passed with the order, and the customer's own last human click on any
publication. The later one wins. A token without a noted click (the visitor's click was doubtful, or is still in the
spool) counts from the moment its copy was sent. Credits are a function of the rows: crediting an order again gives the
same credit, so late orders, late clicks and changed verdicts are mended by doing it again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db.models.functions import Coalesce

from campaigns.links import tokens
from campaigns.measurement.models import Credit, Touch
from campaigns.promotions.models import Order
from campaigns.publishing.models import Delivery

SKEW = timedelta(minutes=5)
"""The shop's clock may be so much behind ours when it passes a token."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """Something that may have brought an order; the greatest wins."""

    at: datetime
    is_token: bool
    touch_id: int
    publication_id: int


def window() -> timedelta:
    """How long a click may earn credit."""
    return timedelta(days=settings.ALMANAC_ATTRIBUTION_DAYS)


def credit(orders: Iterable[Order]) -> int:
    """Credit `orders` anew; returns how many have a credit now. The caller holds the lock and the transaction."""
    wanted = list(orders)
    by_token = _by_token(wanted)
    by_contact = _by_contact(wanted)
    credits = []
    for order in wanted:
        best = max((*by_token.get(order.pk, ()), *_in_time(order, by_contact.get(order.contact_id, ()))), default=None)
        if best is None:
            continue
        credits.append(
            Credit(
                order=order,
                publication_id=best.publication_id,
                touch_id=best.touch_id or None,
                via=Credit.Via.TOKEN if best.is_token else Credit.Via.CONTACT,
                amount_minor=order.total_minor,
                currency=order.currency,
                occurred_at=order.occurred_at,
            )
        )
    Credit.objects.filter(order__in=wanted).delete()
    Credit.objects.bulk_create(credits, batch_size=500)
    return len(credits)


def orders_after(deliveries: Collection[int], first: datetime, last: datetime) -> set[int]:
    """The orders that new touches of `deliveries` may have earned: by their contacts, or with a token of these copies."""
    orders = Order.objects.filter(occurred_at__gte=first - SKEW, occurred_at__lte=last + window())
    if not orders.exists():
        return set()
    contacts = set(
        Delivery.objects.filter(pk__in=deliveries, contact__isnull=False).values_list("contact_id", flat=True)
    )
    found = set(orders.filter(contact_id__in=contacts).values_list("pk", flat=True))
    with_token = orders.exclude(click_token="").values_list("pk", "click_token")
    found.update(pk for pk, token in with_token if _delivery_of(token) in deliveries)
    return found


@lru_cache(maxsize=16_384)  # hits come in by the batch, and the orders of these days are looked at for each
def _delivery_of(token: str) -> int:
    """The copy that a token names; 0 for none."""
    try:
        return tokens.read("click", token).delivery_id if token else 0
    except tokens.BadToken:
        return 0


def _by_token(orders: Iterable[Order]) -> dict[int, list[Candidate]]:
    named = {order.pk: _delivery_of(order.click_token) for order in orders}
    ids = set(named.values()) - {0}
    if not ids:
        return {}
    sent = {
        pk: Candidate(at, is_token=True, touch_id=0, publication_id=publication)
        for pk, at, publication in Delivery.objects.filter(pk__in=ids)
        .annotate(sent_at=Coalesce("run__started_at", "run__due_at"))
        .values_list("pk", "sent_at", "publication_id")
    }
    touched: dict[int, list[Candidate]] = defaultdict(list)
    for pk, at, touch, publication in Touch.objects.filter(delivery_id__in=ids).values_list(
        "delivery_id", "occurred_at", "pk", "publication_id"
    ):
        touched[pk].append(Candidate(at, is_token=True, touch_id=touch, publication_id=publication))
    found = {}
    for order in orders:
        delivery_id = named.get(order.pk, 0)
        if delivery_id in sent:
            at_least = _in_time(order, [sent[delivery_id]], skew=SKEW)
            found[order.pk] = [*at_least, *_in_time(order, touched[delivery_id], skew=SKEW)]
    return found


def _by_contact(orders: Collection[Order]) -> dict[int | None, list[Candidate]]:
    contacts = {order.contact_id for order in orders if order.contact_id}
    found: dict[int | None, list[Candidate]] = defaultdict(list)
    if contacts:
        rows = Touch.objects.filter(
            delivery__contact_id__in=contacts,
            occurred_at__gte=min(order.occurred_at for order in orders) - window(),
            occurred_at__lte=max(order.occurred_at for order in orders),
        ).values_list("delivery__contact_id", "occurred_at", "pk", "publication_id")
        for contact_id, at, touch, publication in rows:
            found[contact_id].append(Candidate(at, is_token=False, touch_id=touch, publication_id=publication))
    return found


def _in_time(order: Order, candidates: Iterable[Candidate], skew: timedelta = timedelta(0)) -> list[Candidate]:
    return [one for one in candidates if order.occurred_at - window() <= one.at <= order.occurred_at + skew]
