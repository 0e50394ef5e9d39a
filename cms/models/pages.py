"""The pages of the shop's site: home, topics, articles, tutorials and promotions."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Q, When
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from wagtail.admin.panels import (
    FieldPanel,
    FieldRowPanel,
    MultiFieldPanel,
    ObjectList,
    PublishingPanel,
    TabbedInterface,
    TitleFieldPanel,
)
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page, PageQuerySet, PageViewRestriction
from wagtail.search import index
from wagtail.url_routing import RouteResult

from campaigns.promotions import selectors as promotions
from cms import moments, panels, previews, shelf, site
from cms.blocks import Body, StepBlock
from cms.emails import absolute
from cms.models.renditions import Renditions
from core import clock, kept, languages

NEWEST = 9
"""Cards on a home page beside the one in the spotlight."""
MAX_AGE = 5
"""Seconds that a browser may keep a page."""


def _seconds_until(change: datetime | None) -> int:
    """At most `MAX_AGE`, and never past the moment that a price on the page changes."""
    if change is None:
        return MAX_AGE
    return max(0, min(MAX_AGE, int((change - clock.now()) / timedelta(seconds=1))))


DERIVED = _(
    "Everything left empty is made from the page: its title, summary, picture and offer. The preview beside the "
    "form shows how it reads and says which parts were derived."
)


class SitePage(Page):
    """What every page of ours has: a summary, a picture, an address, languages."""

    summary = models.TextField(
        _("summary"),
        max_length=300,
        blank=True,
        default="",
        help_text=_("One or two sentences; cards, search results and messages use it."),
    )
    picture = models.ForeignKey(
        "cms.Picture", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("picture")
    )

    search_fields = [*Page.search_fields, index.SearchField("summary")]

    _home: Page | None = None
    """The home page, where whoever loaded this page knows it."""
    _restrictions: list[str] | None = None

    schema_type: ClassVar[str] = ""
    """What it is to search engines: a type of schema.org that `cms.structured` can write."""

    class Meta:
        abstract = True

    @property
    def home(self) -> Page:
        """The home page above it in its own language; the page itself where there is none."""
        if self._home is None:
            self._home = HomePage.objects.ancestor_of(self, inclusive=True).first() or self
        return self._home

    @property
    def absolute_url(self) -> str:
        """Its address with scheme and host; empty before it has a place in the tree."""
        parts = self.get_url_parts() if self.url_path else None
        return absolute(parts[2]) if parts and parts[2] else ""

    @property
    def description(self) -> str:
        """What search engines and link previews say under its title."""
        return self.search_description or self.summary

    @cached_property
    def offer_state(self) -> promotions.OfferState | None:
        """Where the clock stands against the page's offer; None without one."""
        offer = getattr(self, "offer", None)
        return moments.state_of(offer) if offer else None

    def get_view_restrictions(self) -> Any:
        """As Wagtail's, by one query where nothing of the whole site is restricted, which is the rule."""
        self._restrictions = list(PageViewRestriction.objects.values_list("page__path", flat=True))
        return super().get_view_restrictions() if self._restrictions else PageViewRestriction.objects.none()

    def is_open(self, page: Page) -> bool:
        """Whether everybody may see `page`, as known since this page was asked for."""
        if self._restrictions is None:
            self.get_view_restrictions()
        assert self._restrictions is not None
        return not any(page.path.startswith(path) for path in self._restrictions)

    def open_pages(self, pages: PageQuerySet) -> PageQuerySet:
        """The published ones of `pages` that everybody may see."""
        if self._restrictions is None:
            self.get_view_restrictions()
        for path in self._restrictions or []:
            pages = pages.exclude(path__startswith=path)
        return pages.live()

    def language_versions(self) -> list[Page]:
        """Every published version of it, its own included, as specific pages."""
        others = self.get_translations().live().public().specific()
        return sorted([self, *others], key=lambda page: page.locale_id)

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """With brand, navigation, languages and structured data."""
        return {**super().get_context(request, *args, **kwargs), **site.context_of(self, request)}

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """In its own language, whatever the browser prefers; never kept longer than its offer's price holds."""
        translation.activate(self.locale.language_code)
        request.LANGUAGE_CODE = self.locale.language_code
        keep = kept.of(request)
        with moments.at((keep and keep.moment) or clock.now()) as moment:
            response = super().serve(request, *args, **kwargs)
            if hasattr(response, "render"):
                response.render()
        response["Content-Language"] = self.locale.language_code
        if self._restrictions and self.get_view_restrictions().exists():
            patch_cache_control(response, private=True, no_store=True)
            return response
        patch_cache_control(response, public=True, max_age=_seconds_until(moment.until))
        if keep:
            keep.allow(moment.since, moment.until)
        return response

    def get_sitemap_urls(self, request: HttpRequest | None = None) -> list[dict[str, Any]]:
        """One entry, with its other languages."""
        versions = self.language_versions()
        alternates = [
            {"location": page.absolute_url, "lang_code": languages.tag(page.locale.language_code)} for page in versions
        ]
        return [{"location": self.absolute_url, "lastmod": self.last_published_at, "alternates": alternates}]


class ContentPage(Renditions, SitePage):  # type: ignore[django-manager-missing]
    """A page that is also sent: its renditions are written on it, in tabs of their own."""

    body = StreamField(Body(required=False), blank=True, verbose_name=_("body"))

    search_fields = [*SitePage.search_fields, index.SearchField("body")]

    class Meta:
        abstract = True

    @property
    def said_title(self) -> str:
        """The page's title."""
        return self.title

    @property
    def said_summary(self) -> str:
        """The page's summary."""
        return self.summary

    @property
    def said_picture(self) -> Any:
        """The page's picture."""
        return self.picture

    @property
    def said_url(self) -> str:
        """The page's address."""
        return self.absolute_url

    @property
    def said_offer(self) -> Any:
        """The page's offer, where it has one."""
        return getattr(self, "offer", None)

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        """The page, and one preview per channel."""
        return previews.PAGE_MODES

    @property
    def preview_sizes(self) -> list[dict[str, Any]]:
        """Phone and desktop."""
        return [size for size in self.DEFAULT_PREVIEW_SIZES if size["name"] != "tablet"]

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """The page, or its rendition on one channel."""
        with translation.override(self.locale.language_code):
            if not mode_name:
                response = super().serve_preview(request, mode_name)
                return response.render() if hasattr(response, "render") else response
        return previews.serve(self, request, mode_name)


def tabs(content: list[Any], *, send: bool = True) -> TabbedInterface:
    """The editor of a page type: content, the three channels, search, settings."""
    channels = [
        panels.email_tab(says=DERIVED),
        panels.post_tab(says=DERIVED),
        panels.push_tab(says=DERIVED),
    ]
    search = [
        MultiFieldPanel(
            [FieldPanel("slug"), FieldPanel("seo_title"), FieldPanel("search_description")],
            heading=_("For search engines"),
        ),
        MultiFieldPanel([FieldPanel("show_in_menus")], heading=_("For site menus")),
    ]
    return TabbedInterface(
        [
            ObjectList([TitleFieldPanel("title"), *content], heading=_("Content")),
            *(channels if send else []),
            ObjectList(search, heading=_("Search")),
            ObjectList([PublishingPanel()], heading=_("Settings")),
        ]
    )


LEAD = [FieldPanel("summary"), FieldPanel("picture")]


class HomePage(SitePage):
    """The front page of the site in one language."""

    headline = models.CharField(_("headline"), max_length=160, blank=True, default="")
    featured = models.ForeignKey(
        "wagtailcore.Page",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("page in the spotlight"),
    )

    edit_handler = tabs([FieldPanel("headline"), *LEAD, FieldPanel("featured")], send=False)
    parent_page_types: ClassVar[list[str]] = ["wagtailcore.Page"]
    subpage_types: ClassVar[list[str]] = ["cms.TopicPage", "cms.ArticlePage", "cms.TutorialPage", "cms.PromotionPage"]
    template = "cms/home_page.html"
    schema_type = "WebSite"

    class Meta:
        verbose_name = _("home page")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """With what is in the spotlight and what is new."""
        context = super().get_context(request, *args, **kwargs)
        below = self.open_pages(self.get_descendants().not_type(TopicPage))
        is_featured = Q(pk=self.featured_id)
        pages = Page.objects.filter(Q(pk__in=below.order_by().values("pk")) | (is_featured & Q(live=True)))
        first = pages.order_by(Case(When(is_featured, then=0), default=1), "-first_published_at", "-pk")
        shown = [shelf.specific(row) for row in shelf.cards(first)[: 1 + NEWEST]]
        featured = next((page for page in shown if page.pk == self.featured_id), None)
        newest = [page for page in shown if page is not featured][:NEWEST]
        return {**context, "featured": featured, "newest": newest}

    def route(self, request: HttpRequest, path_components: list[str]) -> RouteResult:
        """One look-up by the whole address, with all that the page shows, instead of two for each part of it."""
        if path_components:
            path = f"{self.url_path}{'/'.join(path_components)}/"
            row = shelf.whole(Page.objects.filter(url_path=path, path__startswith=self.path)).first()
            if row is not None:
                page = shelf.specific(row)
                page._home = self
                return page.route(request, [])
        self._home = self
        return super().route(request, path_components)


class TopicPage(SitePage):
    """A topic: a list of what is written about one thing."""

    edit_handler = tabs(LEAD, send=False)
    parent_page_types: ClassVar[list[str]] = ["cms.HomePage", "cms.TopicPage"]
    subpage_types: ClassVar[list[str]] = ["cms.TopicPage", "cms.ArticlePage", "cms.TutorialPage", "cms.PromotionPage"]
    template = "cms/topic_page.html"

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """With its pages, the newest first."""
        children = self.open_pages(self.get_children()).order_by("-first_published_at", "-pk")
        shown = [shelf.specific(row) for row in shelf.cards(children)]
        return {**super().get_context(request, *args, **kwargs), "children": shown}


class ArticlePage(ContentPage):
    """An article, a guide, a list or a review."""

    class Kind(models.TextChoices):
        """What sort of article it is."""

        ARTICLE = "article", _("article")
        GUIDE = "guide", _("guide")
        LIST = "list", _("list")
        REVIEW = "review", pgettext_lazy("kind of article", "review")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.ARTICLE)
    author = models.CharField(_("author"), max_length=120, blank=True, default="")

    edit_handler = tabs([*LEAD, FieldRowPanel([FieldPanel("kind"), FieldPanel("author")]), FieldPanel("body")])
    parent_page_types: ClassVar[list[str]] = ["cms.HomePage", "cms.TopicPage"]
    subpage_types: ClassVar[list[str]] = []
    template = "cms/article_page.html"
    schema_type = "Article"

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")


class TutorialPage(ContentPage):
    """How to do something, step by step."""

    class Difficulty(models.TextChoices):
        """How hard it is."""

        EASY = "easy", _("easy")
        MEDIUM = "medium", _("some practice")
        HARD = "hard", _("demanding")

    minutes = models.PositiveIntegerField(_("minutes"), null=True, blank=True, help_text=_("How long it takes in all."))
    difficulty = models.CharField(_("difficulty"), max_length=10, choices=Difficulty.choices, default=Difficulty.EASY)
    needed = models.TextField(_("what is needed"), blank=True, default="", help_text=_("One thing a line."))
    steps = StreamField([("step", StepBlock())], blank=True, verbose_name=_("steps"))

    edit_handler = tabs(
        [
            *LEAD,
            FieldRowPanel([FieldPanel("minutes"), FieldPanel("difficulty")]),
            FieldPanel("needed"),
            FieldPanel("steps"),
            FieldPanel("body", help_text=_("Stands after the steps.")),
        ]
    )
    parent_page_types: ClassVar[list[str]] = ["cms.HomePage", "cms.TopicPage"]
    subpage_types: ClassVar[list[str]] = []
    search_fields = [*ContentPage.search_fields, index.SearchField("steps")]
    template = "cms/tutorial_page.html"
    schema_type = "HowTo"

    class Meta:
        verbose_name = _("tutorial")
        verbose_name_plural = _("tutorials")

    @property
    def needed_things(self) -> list[str]:
        """What is needed, one by one."""
        return [line.strip() for line in self.needed.splitlines() if line.strip()]


class PromotionPage(ContentPage):
    """A promotion. Price, window, code and legal line are the offer's and are never typed here."""

    offer = models.ForeignKey(
        "promotions.Offer",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("offer"),
        help_text=_("Price, window, code and legal line come from it, and the page switches by the clock."),
    )
    over_text = models.CharField(
        _("when it is over"), max_length=200, blank=True, default="", help_text=_("What visitors read after the end.")
    )
    terms = RichTextField(_("terms"), blank=True, default="", features=["bold", "link", "ul", "ol"])

    edit_handler = tabs(
        [
            *LEAD,
            FieldPanel("offer"),
            FieldPanel("body"),
            MultiFieldPanel([FieldPanel("over_text"), FieldPanel("terms")], heading=_("Small print")),
        ]
    )
    parent_page_types: ClassVar[list[str]] = ["cms.HomePage", "cms.TopicPage"]
    subpage_types: ClassVar[list[str]] = []
    template = "cms/promotion_page.html"
    schema_type = "Product"

    class Meta:
        verbose_name = _("promotion page")
        verbose_name_plural = _("promotion pages")

    def clean(self) -> None:
        """The offer's sale price must not stand in words that are shown before its window opens."""
        super().clean()
        if self.offer is None:
            return
        price = promotions.facts(self.offer, self.locale.language_code)["price"]
        told = [
            name
            for name in ("title", "summary", "search_description", "seo_title")
            if price and price in getattr(self, name)
        ]
        if told:
            sentence = _("Leave the price out: the page shows it from the offer, and only while it holds.")
            raise ValidationError(dict.fromkeys(told, sentence))
