"""A small shop: a home page in two languages, an offer and its promotion page."""

from datetime import UTC, datetime

import pytest
from wagtail.models import Locale, Page, Site

from campaigns.promotions.services import offers
from cms import artwork
from cms.models import BrandKit, HomePage, Picture, PromotionPage

OPENS = datetime(2026, 11, 27, 5, tzinfo=UTC)  # midnight in New York
ENDS = datetime(2026, 12, 1, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def chinese(db):
    return Locale.objects.get_or_create(language_code="zh-hans")[0]


@pytest.fixture
def home(db):
    site = Site.objects.get(is_default_site=True)
    home = Page.get_first_root_node().add_child(instance=HomePage(title="Home", slug="shop", summary="A quiet house."))
    site.root_page = home
    site.save()
    kit = BrandKit.for_site(site)
    kit.name, kit.postal_address = "Hearth & Linen", "12 Mill Lane"
    kit.save()
    return home


@pytest.fixture
def offer(market):
    return offers.create(
        "Linen bed set",
        slug="black-friday",
        market=market,
        currency="USD",
        timezone="America/New_York",
        starts_at=OPENS,
        ends_at=ENDS,
        regular_price_minor=24900,
        price_minor=16900,
        code="HEARTH26",
        legal_line="While stock lasts.",
    )


@pytest.fixture
def promotion(home, offer):
    return home.add_child(
        instance=PromotionPage(
            title="Black Friday",
            slug="bf",
            summary="Four days, one price.",
            offer=offer,
            over_text="See you in spring.",
        )
    )


@pytest.fixture
def photograph(db):
    from django.core.files.base import ContentFile

    picture = Picture(title="Linen", description="Folded linen on a shelf")
    picture.file = ContentFile(artwork.picture("linen"), name="linen.jpg")
    picture.save()
    return picture
