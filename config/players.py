"""What the sandbox's outbox offers beside opening and clicking: the recipient buys. Here, because it knows every room."""

from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.promotions import selectors
from campaigns.promotions.models import Offer, Product
from campaigns.promotions.services import orders
from campaigns.publishing.selectors import delivery_for_token
from channels.sandbox import players
from core import clock, money
from core.models import Market

SOURCE = "sandbox"
USUAL_PRICE_MINOR = 5900


def play_order(visit_url: str, click_token: str, email: str) -> str:
    """Take one order of the message's recipient, as the shop would tell of it: with the click token and, while it is open,
    the campaign's offer and its code. Each call is another order. Raises `Missing` for a token of nobody."""
    delivery = delivery_for_token(click_token)
    campaign = delivery.publication.stage.campaign
    now = clock.now()
    offer = _offer_of(campaign.offers.all(), campaign.market)
    is_open = offer is not None and selectors.offer_at(offer, now).is_open
    price = selectors.offer_at(offer, now).price_minor if offer else None
    product = (offer.products.first() if offer else None) or Product.objects.order_by("pk").first()
    order = orders.take(
        SOURCE,
        f"{delivery.pk}-{now:%Y%m%d%H%M%S%f}",
        currency=offer.currency if offer else campaign.market.currency,
        lines=[
            orders.Line(product.sku if product else "SANDBOX", Decimal(1), price if price else USUAL_PRICE_MINOR),
        ],
        contact=delivery.contact,
        code=offer.code if offer and is_open else "",
        click_token=click_token,
        occurred_at=now,
    )
    return _("Order %(number)s for %(amount)s was taken.") % {
        "number": order.external_id,
        "amount": money.display(order.total_minor, order.currency),
    }


def _offer_of(of_campaign: QuerySet[Offer], market: Market) -> Offer | None:
    """The campaign's offer; else one that is open in its market now."""
    now = clock.now()
    found = of_campaign.order_by("-starts_at").first()
    return (
        found
        or Offer.objects.filter(Q(market=market) | Q(market=None), starts_at__lte=now, ends_at__gt=now)
        .order_by("-starts_at")
        .first()
    )


def register() -> None:
    """Offer the button."""
    players.register("order", play_order)
