"""A year's plan for the demo shop: from Black Friday 2026 to Double 11 2027, with two clashes to find."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from django.db import transaction
from wagtail.models import Page

from campaigns.audiences.models import Audience
from campaigns.planning import occasions
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications
from campaigns.promotions.models import Offer
from channels.models import ChannelAccount
from core.models import Market, User

K = Stage.Kind


@dataclass(frozen=True, slots=True)
class Item:
    """One publication of the demo: days from the anchor, and which content it says where that is given."""

    stage: str
    title: str
    channel: str
    day: int
    at: time
    local: bool = False
    content: str = ""


BLACK_FRIDAY = (
    Item(K.WARM_UP, "Black Friday preview", "email", -3, time(10), local=True, content="article"),
    Item(K.WARM_UP, "How to choose", "social", -2, time(12), content="tutorial"),
    Item(K.LAUNCH, "Black Friday is open", "email", 0, time(9), local=True, content="promotion"),
    # Clash one: the same people two hours after the e-mail.
    Item(K.LAUNCH, "Black Friday in the app", "push", 0, time(11), content="promotion"),
    Item(K.LAUNCH, "Black Friday on social", "social", 0, time(12), content="promotion"),
    Item(K.LAST_CALL, "Two days left", "email", 2, time(18), content="promotion"),
    Item(K.LAST_CALL, "Ends tonight", "push", 3, time(17), content="promotion"),
    # Clash two: it leads to a page that is not published (or, where no such page is given, comes right after another).
    Item(K.THANK_YOU, "Thank you, and what comes next", "email", 5, time(10), content="draft"),
)

USUAL = (
    Item(K.WARM_UP, "%s: a first look", "email", -7, time(10)),
    Item(K.LAUNCH, "%s is here", "email", 0, time(9), local=True),
    Item(K.LAUNCH, "%s on social", "social", 0, time(12)),
    Item(K.THANK_YOU, "Thank you after %s", "email", 5, time(16)),
)

YEAR = (
    ("double-12", 2026, Campaign.Kind.THEME_SALE),
    ("christmas", 2026, Campaign.Kind.HOLIDAY_SALE),
    ("lunar-new-year", 2027, Campaign.Kind.HOLIDAY_SALE),
    ("valentines-day", 2027, Campaign.Kind.HOLIDAY_SALE),
    ("womens-day", 2027, Campaign.Kind.HOLIDAY_SALE),
    ("easter", 2027, Campaign.Kind.HOLIDAY_SALE),
    ("mothers-day", 2027, Campaign.Kind.HOLIDAY_SALE),
    ("618", 2027, Campaign.Kind.THEME_SALE),
    ("mid-autumn", 2027, Campaign.Kind.HOLIDAY_SALE),
    ("double-11", 2027, Campaign.Kind.THEME_SALE),
)


def build(
    *,
    market: Market,
    owner: User,
    audience: Audience | None = None,
    offer: Offer | None = None,
    accounts: Mapping[str, ChannelAccount] | None = None,
    contents: Mapping[str, Any] | None = None,
) -> list[Campaign]:
    """Plan the year, once: campaigns that are there already are left as they are. Returns all of them, the first is
    Black Friday 2026.

    `accounts` by channel; `contents` are pages or messages by what they are: ``promotion``, ``article``, ``tutorial``, and
    ``draft`` (a page that is not published). What is not given stays open: a bare plan.
    """
    given = _Given(market, owner, audience, accounts or {}, contents or {})
    with transaction.atomic():
        first = _campaign(
            given,
            "black-friday",
            2026,
            Campaign.Kind.HOLIDAY_SALE,
            BLACK_FRIDAY,
            objective="Sell the winter collection to customers who bought before, and win new ones with the app.",
            offers=[offer] if offer else [],
            budget_minor=1_200_000,
            goals={"uv": 40_000, "orders": 1_600, "gmv": 14_400_000},
        )
        return [first, *(_campaign(given, key, year, kind, USUAL) for key, year, kind in YEAR)]


@dataclass(frozen=True, slots=True)
class _Given:
    market: Market
    owner: User
    audience: Audience | None
    accounts: Mapping[str, ChannelAccount]
    contents: Mapping[str, Any]


def _campaign(given: _Given, key: str, year: int, kind: str, items: tuple[Item, ...], **fields: Any) -> Campaign:
    slug = f"{key}-{year}"
    existing = Campaign.objects.filter(slug=slug).first()
    if existing is not None:
        return existing
    occasion = occasions.find(given.market.country, key, year, today=date(year, 1, 1))
    campaign = campaigns.from_occasion(
        occasion,
        market=given.market,
        kind=kind,
        slug=slug,
        owner=given.owner,
        audience=given.audience,
        by=given.owner,
        **fields,
    )
    stages = {stage.kind: stage for stage in campaign.stages.all()}
    for item in items:
        _plan(given, stages.get(item.stage) or stages[K.LAUNCH], occasion, item)
    return campaign


def _plan(given: _Given, stage: Stage, occasion: occasions.Occasion, item: Item) -> Publication:
    # What follows the sale is counted from its last day.
    base = occasion.last if item.stage == K.THANK_YOU and "%s" in item.title else occasion.day
    day = base + timedelta(days=item.day)
    moment = Moment.local(day, item.at) if item.local else Moment.fixed(day, item.at, given.market.timezone)
    content = given.contents.get(item.content)
    if item.content == "draft" and content is None:
        # Without an unpublished page to link to, the second clash is one of people too.
        moment = Moment.fixed(occasion.day + timedelta(days=3), time(19), given.market.timezone)
    return publications.plan(
        stage,
        item.channel,
        _kind_of(content),
        content.translation_key if content is not None else None,
        given.accounts.get(item.channel),
        given.audience if item.channel != "social" else None,
        moment,
        title=item.title.replace("%s", occasion.name),
        owner=given.owner,
        by=given.owner,
    )


def _kind_of(content: Any) -> str:
    if content is None:
        return ""
    return "page" if isinstance(content, Page) else "message"
