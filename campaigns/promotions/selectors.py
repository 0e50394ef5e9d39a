"""Reads: what an offer is worth at an instant and in words, and what an audience bought in a window."""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import format_percent
from django.db.models import Case, Count, QuerySet, Sum, Value, When
from django.utils.translation import to_locale

from campaigns.audiences.models import Contact
from campaigns.promotions.models import Offer, Order, Redemption
from core import clock, money


class Phase(StrEnum):
    """Where the clock stands against an offer's window."""

    BEFORE = "before"
    OPEN = "open"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class OfferState:
    """An offer at an instant.

    price_minor   the price that holds now: the offer's inside the window, the regular one outside; None when not told
    next_change   when this stops being true, None when it will not: every cache key holds it
    """

    phase: Phase
    price_minor: int | None
    regular_price_minor: int | None
    currency: str
    next_change: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether the offer holds."""
        return self.phase is Phase.OPEN


def offer_at(offer: Offer, now: datetime | None = None) -> OfferState:
    """What `offer` is at `now`, decided by our clock alone: open from `starts_at` on and before `ends_at`."""
    now = now or clock.now()
    if now < offer.starts_at:
        phase, next_change = Phase.BEFORE, offer.starts_at
    elif now < offer.ends_at:
        phase, next_change = Phase.OPEN, offer.ends_at
    else:
        phase, next_change = Phase.OVER, None
    price = offer_price_minor(offer) if phase is Phase.OPEN else offer.regular_price_minor
    return OfferState(phase, price, offer.regular_price_minor, offer.currency, next_change)


def offer_price_minor(offer: Offer) -> int | None:
    """The price inside the window: as entered, else the percentage off the regular price (half to even), else the
    regular price itself."""
    if offer.price_minor is not None:
        return offer.price_minor
    if offer.regular_price_minor is None or offer.percent_off is None:
        return offer.regular_price_minor
    part = (100 - Decimal(offer.percent_off)) / 100
    return int((offer.regular_price_minor * part).to_integral_value(ROUND_HALF_EVEN))


def facts(offer: Offer, locale: str) -> dict[str, str]:
    """The `offer` that pages and messages read, written as people of `locale` write: every value is a text.

    Keys: name, price, regular_price, percent_off, code, starts, ends, legal_line. Times are the offer's own wall-clock
    times; a window that ends at midnight is told by its last minute, so that nobody comes a day late.
    """
    name = babel_locale(locale)
    price = offer_price_minor(offer)
    words = offer.translations.get(locale) or {}
    return {
        "name": words.get("name") or offer.name,
        "price": "" if price is None else money.display(price, offer.currency, locale),
        "regular_price": ""
        if offer.regular_price_minor is None
        else money.display(offer.regular_price_minor, offer.currency, locale),
        "percent_off": ""
        if offer.percent_off is None
        else format_percent(Decimal(offer.percent_off) / 100, locale=name, decimal_quantization=False),
        "code": offer.code,
        "starts": _moment(offer.starts_at, offer.timezone, name),
        "ends": _moment(_last_shown(offer), offer.timezone, name),
        "legal_line": words.get("legal_line") or offer.legal_line,
    }


def babel_locale(locale: str) -> str:
    """Babel's name for a Django language code; English for one that CLDR does not know."""
    name = to_locale(locale or "en")
    try:
        return str(Locale.parse(name))
    except (UnknownLocaleError, ValueError):
        return "en"


def _last_shown(offer: Offer) -> datetime:
    local = offer.ends_at.astimezone(clock.zone(offer.timezone))
    is_midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return offer.ends_at - timedelta(minutes=1) if is_midnight else offer.ends_at


def _moment(moment: datetime, zone: str, locale: str) -> str:
    return format_datetime(
        moment,
        format="y年M月d日 HH:mm（zzzz）" if locale.startswith("zh") else "d MMMM y, HH:mm z",
        tzinfo=clock.zone(zone),
        locale=locale,
    )


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """What an audience did in a window. Money in minor units of one currency; refunds stand apart, as restatements."""

    redemptions: int
    redeeming_contacts: int
    buyers: int
    orders: int
    revenue_minor: int


def window_figures(
    contacts: QuerySet[Contact],
    offers: Collection[Offer] | QuerySet[Offer],
    start: datetime,
    end: datetime,
    currency: str | None = None,
) -> WindowFigures:
    """Redemptions of `offers`, and orders of `contacts`, from `start` on and before `end`.

    Two aggregates over indexes. Orders in another currency than `currency` (when it is given) are not added up: there
    is no exact sum of two currencies.
    """
    orders = orders_in_window(contacts, start, end, currency).aggregate(
        buyers=Count("contact", distinct=True), orders=Count("pk"), revenue=Sum("total_minor")
    )
    redeemed = Redemption.objects.filter(offer__in=offers, occurred_at__gte=start, occurred_at__lt=end).aggregate(
        redemptions=Count("pk"), contacts=Count("contact", distinct=True)
    )
    return WindowFigures(
        redemptions=redeemed["redemptions"],
        redeeming_contacts=redeemed["contacts"],
        buyers=orders["buyers"],
        orders=orders["orders"],
        revenue_minor=orders["revenue"] or 0,
    )


def orders_in_window(
    contacts: QuerySet[Contact], start: datetime, end: datetime, currency: str | None = None
) -> QuerySet[Order]:
    """The orders of `contacts` from `start` on and before `end`."""
    orders = Order.objects.filter(
        contact__in=contacts.order_by().values("pk"), occurred_at__gte=start, occurred_at__lt=end
    )
    return orders if currency is None else orders.filter(currency=currency)


def other_currencies(
    contacts: QuerySet[Contact], start: datetime, end: datetime, currency: str
) -> list[tuple[int, str, int, datetime]]:
    """The orders of `contacts` in the window that are not in `currency`: whose, in which, how much, and when."""
    rows = orders_in_window(contacts, start, end).exclude(currency=currency).order_by("pk")
    # `contact` is never null here: the orders are those of `contacts`.
    return [
        (contact or 0, code, total, at)
        for contact, code, total, at in rows.values_list("contact", "currency", "total_minor", "occurred_at")
    ]


def offer_of_code(code: str, at: datetime) -> Offer | None:
    """The offer that `code` belongs to (letters in either case): one open at `at` before one that is not."""
    if not code:
        return None
    is_open = Case(When(starts_at__lte=at, ends_at__gt=at, then=Value(0)), default=Value(1))
    return Offer.objects.filter(code__iexact=code).order_by(is_open, "-starts_at").first()


def offers_by_code() -> Callable[[str, datetime], Offer | None]:
    """`offer_of_code` for many codes at once, as the offers stand now."""
    by_code: dict[str, list[Offer]] = defaultdict(list)
    for offer in Offer.objects.exclude(code="").order_by("-starts_at"):
        by_code[offer.code.lower()].append(offer)

    def find(code: str, at: datetime) -> Offer | None:
        having = by_code.get(code.lower(), []) if code else []
        return next((one for one in having if one.starts_at <= at < one.ends_at), having[0] if having else None)

    return find
