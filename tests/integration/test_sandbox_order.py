"""The recipient in the sandbox buys: an order with her click token, her name and the campaign's code."""

from datetime import timedelta

import pytest
from django.test import override_settings

from campaigns.audiences.models import Contact
from campaigns.links import tokens
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.promotions.models import Order, Redemption
from campaigns.promotions.services import offers
from campaigns.publishing.models import Delivery, Run
from channels.sandbox import players
from core import clock
from core.errors import Missing

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(market):
    campaign = Campaign.objects.create(slug="bf", name="Black Friday", market=market)
    stage = Stage.objects.create(campaign=campaign, name="Launch")
    publication = Publication.objects.create(stage=stage, channel="email")
    run = Run.objects.create(publication=publication, due_at=clock.now())
    contact = Contact.objects.create(external_id="42")
    return Delivery.objects.create(run=run, publication=publication, recipient_key="k", contact=contact, seq=1)


@override_settings(LANGUAGE_CODE="en")
@pytest.mark.parametrize(("days", "price", "redeemed"), [(0, 16900, 1), (3, 24900, 0)])
def test_the_recipient_orders_at_the_price_that_holds(delivery, market, days, price, redeemed):
    start = clock.now() + timedelta(days=days, minutes=-1)
    offer = offers.create(
        "Bed set", currency="USD", price_minor=16900, regular_price_minor=24900, code="HEARTH26",
        starts_at=start, ends_at=start + timedelta(days=4), market=market,
    )  # fmt: skip
    delivery.publication.stage.campaign.offers.add(offer)
    token = tokens.make("click", delivery.pk, 1)
    said = players.find("order")("https://shop.example/", token, "ann@example.com")
    order = Order.objects.get()
    assert order.external_id in said
    assert (order.total_minor, order.contact, order.click_token) == (price, delivery.contact, token)
    assert Redemption.objects.filter(offer=offer).count() == redeemed


def test_a_token_of_nobody_is_refused(db):
    with pytest.raises(Missing):
        players.find("order")("https://shop.example/", "nonsense", "ann@example.com")
    assert not Order.objects.exists()
