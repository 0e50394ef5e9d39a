"""What tests and benchmarks of public pages and redirects do inside an installation, called through the console."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.conf import settings

from campaigns.links import services as links
from campaigns.links import tokens
from campaigns.promotions.models import Offer
from campaigns.promotions.services import offers
from cms.models import ArticlePage, PromotionPage, TopicPage
from cms.services import sites
from core.models import Market

WORDS = "Linen from the mill by the river, woven slowly and washed before it leaves the house. "


def set_up_site() -> list[str]:
    """A home page, a topic with eight articles, and a promotion in the spotlight; the paths of home and promotion.

    The static files are only named, as `collectstatic` would: nobody asks for them here, and collecting takes long.
    """
    names = ("cms/site.css", "cms/site.js", "cms/icon.svg", "measurement/beacon.js")
    static = Path(settings.STATIC_ROOT)
    static.mkdir(parents=True, exist_ok=True)
    manifest = {"version": "1.1", "hash": "", "paths": {name: name for name in names}}
    (static / "staticfiles.json").write_text(json.dumps(manifest))
    market = Market.objects.create(
        code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True, timezone="UTC"
    )
    home = sites.ensure_home("Hearth & Linen", None)
    topic = home.add_child(instance=TopicPage(title="Living", slug="living", summary=WORDS, show_in_menus=True))
    for number in range(8):
        body = [("text", f"<p>{WORDS * 5}</p>")] * 4
        topic.add_child(instance=ArticlePage(title=f"Article {number}", slug=f"a{number}", summary=WORDS, body=body))
    offer = offers.create(
        "Linen bed set",
        slug="opening",
        market=market,
        currency="USD",
        starts_at=datetime(2020, 1, 1, tzinfo=UTC),
        ends_at=datetime(2090, 1, 1, tzinfo=UTC),
        regular_price_minor=24900,
        price_minor=16900,
        code="HEARTH",
    )
    body = [("heading", {"text": "Why now", "level": "h2"}), *[("text", f"<p>{WORDS * 4}</p>")] * 5]
    sale = home.add_child(instance=PromotionPage(title="Sale", slug="sale", summary=WORDS, offer=offer, body=body))
    home.featured = sale
    home.save_revision().publish()
    return ["/", "/sale/"]


def set_start(at: float) -> None:
    """The offer opens at `at`, seconds of the epoch."""
    offer = Offer.objects.get(slug="opening")
    offer.starts_at = datetime.fromtimestamp(at, UTC)
    offer.save()


def set_words(words: str) -> None:
    """Publish the promotion with another summary."""
    sale = PromotionPage.objects.get(slug="sale")
    sale.summary = words
    sale.save_revision().publish()


def tracked_paths(count: int) -> list[str]:
    """Paths of twelve tracked links for so many recipients."""
    urls = [(f"https://shop.example/offers/{number}?from=newsletter", "") for number in range(12)]
    link_set = links.create_set(uuid4(), urls, {"shop.example"})
    made = [tokens.make("click", recipient + 1, link_set.pk) for recipient in range(count)]
    return [f"/c/{token}/{number % len(urls)}" for number, token in enumerate(made)]
