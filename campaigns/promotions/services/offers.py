"""Offers: the facts of a promotion."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.promotions.models import Offer, Product
from core import money
from core.errors import Invalid
from core.models import Market, User

TRANSLATED = frozenset({"name", "legal_line"})
"""What an offer says in words, and so may say in other words in another language."""


def create(
    name: str,
    *,
    currency: str,
    starts_at: datetime,
    ends_at: datetime,
    timezone: str = "UTC",
    slug: str = "",
    market: Market | None = None,
    price_minor: int | None = None,
    regular_price_minor: int | None = None,
    percent_off: Decimal | None = None,
    code: str = "",
    legal_line: str = "",
    translations: Mapping[str, Mapping[str, str]] | None = None,
    products: Iterable[Product] = (),
    by: User | None = None,
) -> Offer:
    """A new offer, open from `starts_at` on and before `ends_at`; raises `Invalid` when its facts contradict one another."""
    offer = Offer(
        name=name,
        slug=slug or free_slug(name),
        market=market,
        currency=currency.upper(),
        regular_price_minor=regular_price_minor,
        price_minor=price_minor,
        percent_off=percent_off,
        code=code.strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        timezone=timezone,
        legal_line=legal_line,
        translations=dict(translations or {}),
    )
    check(offer)
    with transaction.atomic():
        offer.save()
        offer.products.set(products)
        log(offer, "wagtail.create", user=by)
    return offer


def change(
    offer: Offer, values: Mapping[str, Any], by: User | None, products: Iterable[Product] | None = None
) -> Offer:
    """Change the facts that `values` name. Pages follow at once; what was approved keeps the words that were approved.

    Raises `Invalid` as `create` does.
    """
    for name, value in values.items():
        setattr(offer, name, value)
    check(offer)
    with transaction.atomic():
        offer.save()
        if products is not None:
            offer.products.set(products)
        log(offer, "wagtail.edit", user=by, data={"fields": sorted(values)})
    return offer


def check(offer: Offer) -> None:
    """Raise `Invalid` with one sentence for the first thing that is wrong with the facts."""
    money.check(offer.currency)
    if offer.starts_at.tzinfo is None or offer.ends_at.tzinfo is None:
        raise Invalid(_("The offer's times need a time zone."))
    if offer.ends_at <= offer.starts_at:
        raise Invalid(_("The offer must end after it starts."))
    for price in (offer.price_minor, offer.regular_price_minor):
        if price is not None and price < 0:
            raise Invalid(_("A price cannot be below zero."))
    if (
        offer.price_minor is not None
        and offer.regular_price_minor is not None
        and offer.price_minor > offer.regular_price_minor
    ):
        raise Invalid(_("The offer price is higher than the regular price."))
    if offer.percent_off is not None and not 0 < offer.percent_off <= 100:
        raise Invalid(_("“Percent off” must be above 0 and at most 100."))
    for language, words in offer.translations.items():
        if not isinstance(words, dict) or not words.keys() <= TRANSLATED:
            raise Invalid(
                _("In “%(language)s”, only name and legal_line can be said otherwise.") % {"language": language}
            )
    if any(character.isspace() for character in offer.code):
        raise Invalid(_("A code is one word: customers type it."))
    try:
        offer.full_clean(validate_unique=True, validate_constraints=False)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error


def free_slug(name: str) -> str:
    """A slug made of `name` that no offer has yet."""
    base = slugify(name)[:70] or "offer"
    taken = set(Offer.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    number = 1
    slug = base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
