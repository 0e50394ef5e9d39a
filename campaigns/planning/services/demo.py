"""The demo shop's plans, whatever the date: a year ahead with two clashes to find, one campaign that runs, one of last year."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any

from django.db import transaction
from wagtail.models import Page

from campaigns.audiences.models import Audience
from campaigns.planning import occasions
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications, stages, targets
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
    ("double-12", Campaign.Kind.THEME_SALE),
    ("christmas", Campaign.Kind.HOLIDAY_SALE),
    ("lunar-new-year", Campaign.Kind.HOLIDAY_SALE),
    ("valentines-day", Campaign.Kind.HOLIDAY_SALE),
    ("womens-day", Campaign.Kind.HOLIDAY_SALE),
    ("easter", Campaign.Kind.HOLIDAY_SALE),
    ("mothers-day", Campaign.Kind.HOLIDAY_SALE),
    ("618", Campaign.Kind.THEME_SALE),
    ("mid-autumn", Campaign.Kind.HOLIDAY_SALE),
    ("double-11", Campaign.Kind.THEME_SALE),
)

# What has gone out stands before the anchor's day, what is to come after it: nothing is due on the day the demo is built.
RUNNING = (
    Item(K.WARM_UP, "The linen weeks begin on Monday", "email", -5, time(10), content="article"),
    Item(K.WARM_UP, "How we layer a bed", "social", -3, time(12), content="tutorial"),
    Item(K.WARM_UP, "Linen weeks in the app", "push", -2, time(11), content="article"),
    Item(K.WARM_UP, "Your bed, layered", "email", -1, time(18), content="tutorial"),
    Item(K.LAUNCH, "Linen weeks on social", "social", 1, time(12), content="article"),
    Item(K.LAUNCH, "The linen weeks, day three", "email", 2, time(20), content="tutorial"),
)
LAST_YEAR = (
    Item(K.WARM_UP, "Black Friday preview", "email", -3, time(10), content="article"),
    Item(K.WARM_UP, "How to choose", "social", -2, time(12), content="tutorial"),
    Item(K.LAUNCH, "Black Friday is open", "email", 0, time(9), content="tutorial"),
    Item(K.LAUNCH, "Black Friday in the app", "push", 0, time(17), content="article"),
    Item(K.LAST_CALL, "Two days left", "email", 2, time(18), content="article"),
)
BEGUN = date(2026, 11, 20)
"""A day on which the year ahead begins with Black Friday."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the plans are made with: accounts by channel, contents by what they are."""

    market: Market
    owner: User
    audience: Audience | None
    accounts: Mapping[str, ChannelAccount]
    contents: Mapping[str, Any]


def build(
    *,
    market: Market,
    owner: User,
    audience: Audience | None = None,
    offer: Offer | None = None,
    accounts: Mapping[str, ChannelAccount] | None = None,
    contents: Mapping[str, Any] | None = None,
    today: date = BEGUN,
) -> list[Campaign]:
    """Plan the year after `today`, once: campaigns that are there already are left as they are. Returns all of them, the
    first is Black Friday.

    `accounts` by channel; `contents` are pages or messages by what they are: ``promotion``, ``article``, ``tutorial``, and
    ``draft`` (a page that is not published). What is not given stays open: a bare plan.
    """
    given = Given(market, owner, audience, accounts or {}, contents or {})
    with transaction.atomic():
        first = _campaign(
            given,
            "black-friday",
            coming(market, "black-friday", BLACK_FRIDAY, today),
            Campaign.Kind.HOLIDAY_SALE,
            BLACK_FRIDAY,
            objective="Sell the winter collection to customers who bought before, and win new ones with the app.",
            offers=[offer] if offer else [],
            budget_minor=1_200_000,
            goals={"uv": 40_000, "orders": 1_600, "gmv": 14_400_000},
        )
        rest = ((key, coming(market, key, USUAL, today), kind) for key, kind in YEAR)
        return [first, *(_campaign(given, key, year, kind, USUAL) for key, year, kind in rest)]


def coming(market: Market, key: str, items: tuple[Item, ...] = BLACK_FRIDAY, today: date = BEGUN) -> int:
    """The year of the next occasion of which nothing in `items` is due yet on `today`."""
    lead = timedelta(days=min(item.day for item in items))
    for year in range(today.year - 1, today.year + 3):
        occasion = occasions.find(market.country, key, year, today=today)
        if occasion.day + lead > today:
            return year
    raise AssertionError(key)


def last_year(given: Given, today: date) -> Campaign:
    """Last year's Black Friday, which is over on any day of this year."""
    goals = {"uv": 320, "orders": 40, "gmv": 800_000, "conversion": 1_250}
    return _campaign(
        given,
        "black-friday",
        today.year - 1,
        Campaign.Kind.HOLIDAY_SALE,
        LAST_YEAR,
        objective="Sell the winter collection to customers who bought before.",
        budget_minor=300_000,
        goals=goals,
    )


def running(given: Given, today: date) -> Campaign:
    """A campaign that began some days before `today` and ends some days after it."""
    slug = f"linen-weeks-{today:%Y-%m-%d}"
    existing = Campaign.objects.filter(slug=slug).first()
    if existing is not None:
        return existing
    with transaction.atomic():
        campaign = campaigns.create(
            "The linen weeks",
            market=given.market,
            anchor=today,
            kind=Campaign.Kind.CONTENT,
            slug=slug,
            objective="Show how to live with linen, and sell some of it.",
            owner=given.owner,
            audience=given.audience,
            by=given.owner,
        )
        made: dict[str, Stage] = {
            kind: stages.add(campaign, name, kind=kind, start_offset=first, end_offset=last, by=given.owner)
            for kind, name, first, last in (
                (K.WARM_UP, "Warm-up", -6, -1),
                (K.LAUNCH, "Launch", 0, 6),
                (K.REVIEW, "Review", 7, 9),
            )
        }
        for metric, value in {"uv": 420, "orders": 45, "gmv": 900_000}.items():
            targets.set(campaign, metric, value, by=given.owner)
        for item in RUNNING:
            _put(given, made[item.stage], item, today + timedelta(days=item.day), item.title)
    return campaign


def _campaign(given: Given, key: str, year: int, kind: str, items: tuple[Item, ...], **fields: Any) -> Campaign:
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


def _plan(given: Given, stage: Stage, occasion: occasions.Occasion, item: Item) -> Publication:
    # What follows the sale is counted from its last day.
    base = occasion.last if item.stage == K.THANK_YOU and "%s" in item.title else occasion.day
    day = base + timedelta(days=item.day)
    if item.content == "draft" and given.contents.get("draft") is None:
        # Without an unpublished page to link to, the second clash is one of people too.
        item, day = replace(item, at=time(19)), occasion.day + timedelta(days=3)
    return _put(given, stage, item, day, item.title.replace("%s", occasion.name))


def _put(given: Given, stage: Stage, item: Item, day: date, title: str) -> Publication:
    moment = Moment.local(day, item.at) if item.local else Moment.fixed(day, item.at, given.market.timezone)
    content = given.contents.get(item.content)
    return publications.plan(
        stage,
        item.channel,
        _kind_of(content),
        content.translation_key if content is not None else None,
        given.accounts.get(item.channel),
        given.audience if item.channel != "social" else None,
        moment,
        title=title,
        owner=given.owner,
        by=given.owner,
    )


def _kind_of(content: Any) -> str:
    if content is None:
        return ""
    return "page" if isinstance(content, Page) else "message"
