"""What the templates of the public site need beside the page itself."""

from dataclasses import dataclass
from typing import Any, Self

from django.db.models import Q
from django.http import HttpRequest
from wagtail.models import Page

from campaigns.promotions import selectors as promotions
from cms import structured
from cms.emails import absolute, picture_address
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


@dataclass(frozen=True, slots=True)
class Place:
    """A page that another one links to."""

    pk: int
    title: str
    url: str
    absolute_url: str

    @classmethod
    def of(cls, page: Page, request: HttpRequest) -> Self:
        """With its addresses as seen from `request`."""
        parts = page.get_url_parts(request)
        return cls(page.pk, page.title, page.get_url(request) or "", absolute(parts[2]) if parts and parts[2] else "")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a page in the tree: its home's topics, the way down to it, itself in every language."""

    topics: list[Place]
    trail: list[Place]
    versions: list[tuple[Page, Place]]


def surroundings(page: Any, home: Page, request: HttpRequest) -> Surroundings:
    """All of it, by one query."""
    above = [page.path[:length] for length in range(len(home.path), len(page.path), page.steplen)]
    is_topic = Q(path__startswith=home.path, depth=home.depth + 1, show_in_menus=True)
    rows = list(
        Page.objects.filter(is_topic | Q(path__in=above) | Q(translation_key=page.translation_key))
        .select_related("locale")
        .order_by("path")
    )
    is_open = page.is_open
    topics = [
        row for row in rows if row.depth == home.depth + 1 and row.path.startswith(home.path) and row.show_in_menus
    ]
    others = [row for row in rows if row.translation_key == page.translation_key and row.pk != page.pk]
    versions = sorted([page, *(row for row in others if row.live and is_open(row))], key=lambda one: one.locale_id)
    return Surroundings(
        [Place.of(row, request) for row in topics if row.live and is_open(row)],
        [Place.of(row, request) for row in rows if row.path in above],
        [(row, Place.of(row, request)) for row in versions],
    )


def context_of(page: Any, request: HttpRequest) -> dict[str, Any]:
    """Brand, navigation, breadcrumbs, languages, link preview and structured data of `page`."""
    brand = BrandKit.for_request(request)
    home = page.home
    if page.pk and page.path:
        around = surroundings(page, home, request)
    else:  # a preview of a page that has no place yet
        around = Surroundings([], [], [(page, Place.of(page, request))])
    language = page.locale.language_code
    offer = getattr(page, "offer", None)
    card = offer_view(offer, page.offer_state, language) if offer else None
    picture = picture_address(page.picture, "fill-1200x630")[0] if page.picture else ""
    return {
        "brand": brand,
        "market_line": markets.legal_line_of_page(language, getattr(offer, "market", None)),
        "home": home,
        "topics": around.topics,
        "trail": around.trail,
        "languages": [
            {"page": place, "code": languages.tag(one.locale.language_code), "name": one.locale.language_name_local}
            for one, place in around.versions
        ],
        "lang": languages.tag(language),
        "offer_card": card,
        "share_picture": picture,
        "structured": structured.of(page, brand, around.trail, card, picture),
    }
