from campaigns.audiences import selectors
from campaigns.audiences.models import Consent, Contact, Endpoint, Segment
from campaigns.audiences.services import demo as audiences_demo
from campaigns.promotions.models import Order, OrderLine, Product
from campaigns.promotions.services import demo as promotions_demo


def test_the_demo_shop_has_customers_and_a_past_and_is_built_once(db, market, owner):
    made = audiences_demo.build(market, owner)
    past = promotions_demo.build(market)
    assert (made["contacts"].created, made["contacts"].refused) == (audiences_demo.CUSTOMERS, 0)
    assert past["orders"] > 800
    for key, least in {"everyone": 420, "vip": 20, "chinese_readers": 60, "bought_in_90_days": 50}.items():
        assert selectors.count_of_segment(made["segments"][key]) >= least
    assert 0 < Consent.objects.filter(channel="email").count() < Contact.objects.count()
    assert Endpoint.objects.filter(channel="push").count() > 100

    def rows():
        return [model.objects.count() for model in (Contact, Endpoint, Consent, Segment, Product, Order, OrderLine)]

    before = rows()
    assert audiences_demo.build(market, owner)["contacts"].unchanged == audiences_demo.CUSTOMERS
    assert promotions_demo.build(market) == {"orders": 0}
    assert rows() == before
