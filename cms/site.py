"""What the templates of the public site need beside the page itself."""

from typing import Any

from django.http import HttpRequest
from wagtail.models import Page

from campaigns.promotions import selectors as promotions
from cms import structured
from cms.emails import picture_address
from cms.models.brand import BrandKit
from core import languages, markets


def offer_view(offer: Any, state: promotions.OfferState, language: str) -> dict[str, Any]:
    """An offer for a template. Before its window it holds no sale price at all, so that no template can show it early."""
    facts = promotions.facts(offer, language)
    if not state.is_open:
        facts = {**facts, "price": facts["regular_price"], "percent_off": "", "code": ""}
    return {
        "offer": offer,
        "state": state,
        "facts": facts,
        "has_discount": state.is_open and facts["price"] != facts["regular_price"],
        "target": {"before": offer.starts_at, "open": offer.ends_at}.get(state.phase.value),
    }


def context_of(page: Any, request: HttpRequest) -> dict[str, Any]:
    """Brand, navigation, breadcrumbs, languages, link preview and structured data of `page`."""
    brand = BrandKit.for_request(request)
    home = page.home
    trail: list[Page] = []
    if page.depth and home.pk and page.pk != home.pk:
        trail = [one for one in page.get_ancestors().specific() if one.depth >= home.depth]
    versions = page.language_versions() if page.pk else [page]
    language = page.locale.language_code
    offer = getattr(page, "offer", None)
    card = offer_view(offer, page.offer_state, language) if offer else None
    picture = picture_address(page.picture, "fill-1200x630")[0] if page.picture else ""
    return {
        "brand": brand,
        "market_line": markets.legal_line_of_page(language, getattr(offer, "market", None)),
        "home": home,
        "topics": home.get_children().live().public().in_menu() if home.pk else [],
        "trail": trail,
        "languages": [
            {"page": one, "code": languages.tag(one.locale.language_code), "name": one.locale.language_name_local}
            for one in versions
        ],
        "lang": languages.tag(language),
        "offer_card": card,
        "share_picture": picture,
        "structured": structured.of(page, brand, trail, card, picture),
    }
