"""Structured data (schema.org as JSON-LD) of the public pages."""

import re
from typing import Any

from django.conf import settings
from django.utils.html import strip_tags

from core import money


def of(page: Any, brand: Any, trail: list[Any], card: dict[str, Any] | None, picture: str) -> list[dict[str, Any]]:
    """What search engines are told of `page`: what it is, and where it stands."""
    organisation = {"@type": "Organization", "name": brand.title, "url": settings.ALMANAC_BASE_URL}
    items: list[dict[str, Any]] = []
    match page.schema_type:
        case "WebSite":
            items.append({"@type": "WebSite", "name": brand.title, "url": page.absolute_url, "publisher": organisation})
        case "Article":
            items.append({**_written(page, picture, organisation), "@type": "Article", "headline": page.title})
        case "HowTo":
            items.append({**_written(page, picture, organisation), **_how_to(page)})
        case "Product" if card:
            items.append(_product(page, card, picture, organisation))
    if trail:
        items.append(_breadcrumbs([*trail, page]))
    return [{"@context": "https://schema.org", **item} for item in items]


def _written(page: Any, picture: str, organisation: dict[str, Any]) -> dict[str, Any]:
    author = getattr(page, "author", "")
    data: dict[str, Any] = {
        "description": page.description,
        "url": page.absolute_url,
        "inLanguage": page.locale.language_code,
        "author": {"@type": "Person", "name": author} if author else organisation,
        "publisher": organisation,
    }
    if picture:
        data["image"] = [picture]
    if page.first_published_at:
        data["datePublished"] = page.first_published_at.isoformat()
        data["dateModified"] = page.last_published_at.isoformat()
    return data


def _how_to(page: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "@type": "HowTo",
        "name": page.title,
        "supply": [{"@type": "HowToSupply", "name": thing} for thing in page.needed_things],
        "step": [
            {
                "@type": "HowToStep",
                "position": number,
                "name": step.value["title"],
                "text": " ".join(strip_tags(re.sub("<", " <", step.value["text"].source)).split()),
                "url": f"{page.absolute_url}#step-{number}",
            }
            for number, step in enumerate(page.steps, 1)
        ],
    }
    if page.minutes:
        data["totalTime"] = f"PT{page.minutes}M"
    return data


def _product(page: Any, card: dict[str, Any], picture: str, organisation: dict[str, Any]) -> dict[str, Any]:
    offer, state = card["offer"], card["state"]
    data: dict[str, Any] = {
        "@type": "Product",
        "name": card["facts"]["name"],
        "description": page.description,
        "brand": {"@type": "Brand", "name": organisation["name"]},
    }
    if picture:
        data["image"] = [picture]
    if state.price_minor is not None:
        # Only the price that holds now is told: a crawler must not learn the sale price before visitors do.
        data["offers"] = {
            "@type": "Offer",
            "url": page.absolute_url,
            "price": str(money.to_major(state.price_minor, state.currency)),
            "priceCurrency": state.currency,
            "availability": "https://schema.org/InStock",
        }
        if state.is_open:
            data["offers"]["priceValidUntil"] = offer.ends_at.isoformat()
    return data


def _breadcrumbs(pages: list[Any]) -> dict[str, Any]:
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": number, "name": page.title, "item": page.absolute_url}
            for number, page in enumerate(pages, 1)
        ],
    }
