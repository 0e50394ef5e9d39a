"""The demo shop's content: brand, pictures, pages in two languages with all their renditions, offers, messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from wagtail.models import Collection, Locale, Page, Site

from campaigns.promotions.models import Offer, Product
from campaigns.promotions.services import offers
from cms import artwork
from cms.models import ArticlePage, BrandKit, HomePage, Message, Picture, PromotionPage, TopicPage, TutorialPage
from cms.services import demo_texts as texts
from cms.services import sites
from core import clock
from core.models import Market, User

CHINESE = "zh-hans"


def build(
    market: Market,
    by: User | None = None,
    *,
    windows: Mapping[str, tuple[datetime, datetime]] | None = None,
    years: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Make what is missing of the demo shop; what is there is left as it is.

    `windows` may move a promotion's window, by its slug; `years` by its occasion (``black-friday``) the year that its slug and
    its texts name. Returns ``pages``, ``offers`` and ``messages`` by slug: pages and
    messages as translation keys, offers as rows.
    """
    builder = _Builder(market, by, windows or {}, years or {})
    with transaction.atomic():
        return builder.build()


def _of_year(spec: Mapping[str, Any], years: Mapping[str, int]) -> dict[str, Any]:
    """A promotion with another year wherever its own stands."""
    occasion, _sep, own = spec["slug"].rpartition("-")
    found: dict[str, Any] = _replaced(spec, own, str(years.get(occasion, own)))
    return found


def _replaced(value: Any, old: str, new: str) -> Any:
    match value:
        case str():
            return value.replace(old, new)
        case Mapping():
            return {key: _replaced(one, old, new) for key, one in value.items()}
        case list() | tuple():
            return type(value)(_replaced(one, old, new) for one in value)
        case _:
            return value


class _Builder:
    """One pass; every step looks first whether its work is done."""

    def __init__(
        self,
        market: Market,
        by: User | None,
        windows: Mapping[str, tuple[datetime, datetime]],
        years: Mapping[str, int],
    ) -> None:
        self.market, self.by, self.windows = market, by, windows
        self.promotions = [_of_year(spec, years) for spec in texts.PROMOTIONS]
        self.pictures: dict[str, Picture] = {}
        self.made: dict[str, Any] = {"pages": {}, "offers": {}, "messages": {}}

    def build(self) -> dict[str, Any]:
        self.english = Locale.get_default()
        self.chinese, _ = Locale.objects.get_or_create(language_code=CHINESE)
        self.draw()
        home = self.home()
        self.brand()
        topics = {slug: self.page(TopicPage, home, slug, spec, in_menu=True) for slug, spec in texts.TOPICS.items()}
        for spec in texts.ARTICLES:
            self.page(ArticlePage, topics[spec["topic"]], spec["slug"], spec, kind=spec["kind"])
        for spec in texts.TUTORIALS:
            facts = {"minutes": spec["minutes"], "difficulty": spec["difficulty"]}
            self.page(TutorialPage, topics[spec["topic"]], spec["slug"], spec, **facts)
        self.products()
        for spec in self.promotions:
            self.promotion(topics["offers"], spec)
        self.spotlight(home)
        self.messages()
        return self.made

    # --- Pictures, brand, products, offers ---------------------------------------------------------------------------

    def draw(self) -> None:
        root = Collection.get_first_root_node()
        for name, (title, alt) in texts.PICTURES.items():
            found = Picture.objects.filter(title=title).first()
            if found is None:
                found = Picture(title=title, description=alt, collection=root, uploaded_by_user=self.by)
                found.file = ContentFile(artwork.picture(name), name=f"{name}.jpg")
                found.save()
            self.pictures[name] = found

    def brand(self) -> None:
        kit = BrandKit.for_site(Site.objects.get(is_default_site=True))
        if kit.name:
            return
        for field, value in texts.BRAND.items():
            setattr(kit, field, value)
        kit.full_clean()
        kit.save()

    def products(self) -> None:
        for sku, name, category in texts.PRODUCTS:
            url = f"{texts.BRAND['shop_url']}products/{sku.lower()}"
            Product.objects.get_or_create(sku=sku, defaults={"name": name, "category": category, "url": url})

    def offer(self, slug: str, facts: Mapping[str, Any], chinese: Mapping[str, str]) -> Offer:
        found = Offer.objects.filter(slug=slug).first()
        if found is not None:
            return found
        zone = self.market.timezone
        start, end = (datetime.fromisoformat(facts[key]).replace(tzinfo=clock.zone(zone)) for key in ("starts", "ends"))
        start, end = self.windows.get(slug, (start, end))
        return offers.create(
            facts["name"],
            slug=slug,
            market=self.market,
            currency=self.market.currency,
            timezone=zone,
            starts_at=start,
            ends_at=end,
            regular_price_minor=facts["regular_price_minor"],
            price_minor=facts["price_minor"],
            code=facts["code"],
            legal_line=facts["legal_line"],
            translations={CHINESE: dict(chinese)},
            products=Product.objects.filter(sku__in=facts["skus"]),
            by=self.by,
        )

    # --- Pages -------------------------------------------------------------------------------------------------------

    def home(self) -> HomePage:
        home = HomePage.objects.filter(locale=self.english).first()
        if home is not None and home.picture_id:
            return home
        # Set-up has made a bare one, with the shop's name alone.
        home = home or HomePage(slug="shop", locale=self.english)
        home.picture = self.pictures["living-room"]
        self.write(home, texts.HOME["en"])
        if not home.pk:
            Page.get_first_root_node().add_child(instance=home)
        home.save_revision(user=self.by).publish(user=self.by)
        sites.show(home, texts.BRAND["name"])
        self.translate(home, texts.HOME[CHINESE])
        return home

    def page(self, model: type[Any], parent: Page, slug: str, spec: Mapping[str, Any], **fields: Any) -> Any:
        found = model.objects.filter(slug=slug, locale=self.english).first()
        if found is None:
            in_menu = fields.pop("in_menu", False)
            publish = spec.get("published", True)
            found = model(slug=slug, locale=self.english, live=False, show_in_menus=in_menu, **fields)
            found.picture = self.pictures[spec["picture"]]
            self.write(found, spec["en"])
            parent.add_child(instance=found)
            self.save(found, publish)
            self.translate(found, spec[CHINESE], publish=publish)
        self.made["pages"][slug] = found.translation_key
        return found

    def promotion(self, parent: Page, spec: Mapping[str, Any]) -> None:
        offer = self.offer(spec["slug"], spec["offer"], spec["offer_zh"])
        self.made["offers"][spec["slug"]] = offer
        self.page(PromotionPage, parent, spec["slug"], spec, offer=offer)

    def translate(self, page: Any, words: Mapping[str, Any], *, publish: bool = True) -> None:
        there = type(page).objects.filter(translation_key=page.translation_key, locale=self.chinese).first()
        copy = there or page.copy_for_translation(self.chinese)
        copy.show_in_menus = page.show_in_menus
        copy.picture = page.picture
        self.write(copy, words)
        self.save(copy, publish)

    def save(self, page: Any, publish: bool) -> None:
        page.full_clean()
        revision = page.save_revision(user=self.by)
        if publish:
            revision.publish(user=self.by)
            page.refresh_from_db()

    def write(self, page: Any, words: Mapping[str, Any]) -> None:
        for field, value in words.items():
            match field:
                case "body":
                    page.body = [(kind, self.value(page, kind, value)) for kind, value in value]
                case "steps":
                    page.steps = [("step", self.step(page, title, text)) for title, text in value]
                case _:
                    setattr(page, field, value)

    def value(self, page: Any, kind: str, value: Any) -> Any:
        block = page._meta.get_field("body").stream_block.child_blocks[kind]
        if kind == "picture":
            picture = self.pictures[value["picture"]]
            value = {**value, "picture": {"image": picture.pk, "decorative": False, "alt_text": picture.description}}
        return block.to_python(value)

    @staticmethod
    def step(page: Any, title: str, text: str) -> Any:
        block = page._meta.get_field("steps").stream_block.child_blocks["step"]
        return block.to_python({"title": title, "text": text, "picture": None})

    def spotlight(self, home: HomePage) -> None:
        for one in HomePage.objects.filter(featured=None, translation_key=home.translation_key):
            featured = PromotionPage.objects.filter(slug__startswith="black-friday-", locale=one.locale).first()
            one.featured = featured
            one.save_revision(user=self.by).publish(user=self.by)

    # --- Messages ----------------------------------------------------------------------------------------------------

    def messages(self) -> None:
        for spec in texts.MESSAGES:
            found = Message.objects.filter(name=spec["name"], locale=self.english).first()
            if found is None:
                found = self.message(spec)
            self.made["messages"][spec["name"]] = found.translation_key

    def message(self, spec: Mapping[str, Any]) -> Message:
        guide = {page.locale_id: page for page in TutorialPage.objects.filter(slug__startswith="wash-linen")}
        first = Message(name=spec["name"], locale=self.english)
        for message, words in ((first, spec["en"]), (None, spec[CHINESE])):
            message = message or first.copy_for_translation(self.chinese)
            for field, value in words.items():
                setattr(message, field, value)
            message.picture = self.pictures["linen"]
            message.link_url = guide[message.locale_id].absolute_url
            message.full_clean()
            message.save()
            message.save_revision(user=self.by).publish(user=self.by)
        return first
