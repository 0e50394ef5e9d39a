"""The pieces a page is made of."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.contrib.typed_table_block.blocks import TypedTableBlock
from wagtail.images.blocks import ImageBlock

from cms.choosers import offer_chooser, product_chooser

OfferChooserBlock = offer_chooser.get_block_class(name="OfferChooserBlock", module_path="cms.blocks")
ProductChooserBlock = product_chooser.get_block_class(name="ProductChooserBlock", module_path="cms.blocks")

RICH = ["bold", "italic", "link", "document-link", "ol", "ul", "hr", "superscript"]


class HeadingBlock(blocks.StructBlock):
    """A heading inside the page; the page's title is the only first-level one."""

    text = blocks.CharBlock(label=_("heading"), max_length=160)
    level = blocks.ChoiceBlock(label=_("level"), choices=[("h2", _("section")), ("h3", _("subsection"))], default="h2")

    class Meta:
        icon = "title"
        label = _("Heading")
        template = "cms/blocks/heading.html"


class PictureBlock(blocks.StructBlock):
    """A picture with its alternative text and a caption."""

    picture = ImageBlock(label=_("picture"))
    caption = blocks.CharBlock(label=_("caption"), required=False, max_length=200)
    wide = blocks.BooleanBlock(label=_("wider than the text"), required=False)

    class Meta:
        icon = "image"
        label = _("Picture")
        template = "cms/blocks/picture.html"


class QuoteBlock(blocks.StructBlock):
    """Somebody's words."""

    quote = blocks.TextBlock(label=_("quote"))
    who = blocks.CharBlock(label=_("who said it"), required=False, max_length=120)

    class Meta:
        icon = "openquote"
        label = _("Quote")
        template = "cms/blocks/quote.html"


class TipBlock(blocks.StructBlock):
    """A tip or a warning beside the text."""

    kind = blocks.ChoiceBlock(
        label=_("kind"),
        choices=[("tip", _("tip")), ("care", _("take care")), ("note", _("good to know"))],
        default="tip",
    )
    text = blocks.RichTextBlock(label=_("text"), features=["bold", "italic", "link"])

    class Meta:
        icon = "help"
        label = _("Tip")
        template = "cms/blocks/tip.html"


class OfferCardBlock(blocks.StructBlock):
    """An offer's card: its facts come from the offer, and its price switches by the clock."""

    offer = OfferChooserBlock(label=_("offer"))

    class Meta:
        icon = "tag"
        label = _("Offer")
        template = "cms/blocks/offer.html"


class ProductBlock(blocks.StructBlock):
    """One product of the shop."""

    product = ProductChooserBlock(label=_("product"))
    picture = ImageBlock(label=_("picture"), required=False)
    note = blocks.CharBlock(label=_("why it is here"), required=False, max_length=160)

    class Meta:
        icon = "pick"
        label = _("Product")


class ProductsBlock(blocks.StructBlock):
    """A row of products."""

    heading = blocks.CharBlock(label=_("heading"), required=False, max_length=120)
    products = blocks.ListBlock(ProductBlock(), label=_("products"), min_num=1)

    class Meta:
        icon = "pick"
        label = _("Products")
        template = "cms/blocks/products.html"


def player_address(url: str) -> str:
    """The address of the privacy-friendly player for a YouTube or Vimeo address; empty for any other."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    video = ""
    if host == "youtu.be":
        video = parts.path.strip("/")
    elif host in {"youtube.com", "youtube-nocookie.com"}:
        named = re.match(r"/(?:embed|live|shorts)/([\w-]+)", parts.path)
        video = named[1] if named else parse_qs(parts.query).get("v", [""])[0]
    elif host in {"vimeo.com", "player.vimeo.com"}:
        numbered = re.search(r"/(\d+)", parts.path)
        return f"https://player.vimeo.com/video/{numbered[1]}?dnt=1" if numbered else ""
    return f"https://www.youtube-nocookie.com/embed/{video}" if re.fullmatch(r"[\w-]{6,20}", video) else ""


class VideoBlock(blocks.StructBlock):
    """A video or a live stream. Nothing is loaded from its host before the visitor presses play."""

    title = blocks.CharBlock(label=_("title"), max_length=160)
    url = blocks.URLBlock(
        label=_("address"), help_text=_("On YouTube or Vimeo: the player opens in the page. Elsewhere: a link.")
    )
    starts_at = blocks.DateTimeBlock(label=_("goes live at"), required=False, help_text=_("For a live stream."))
    poster = ImageBlock(label=_("picture"), required=False)

    class Meta:
        icon = "media"
        label = _("Video or live stream")
        template = "cms/blocks/video.html"

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        """With the player's address."""
        context = super().get_context(value, parent_context=parent_context)
        return {**context, "player": player_address(value.get("url") or "")}


class StepBlock(blocks.StructBlock):
    """One step of a tutorial."""

    title = blocks.CharBlock(label=_("what to do"), max_length=160)
    text = blocks.RichTextBlock(label=_("how"), features=RICH)
    picture = ImageBlock(label=_("picture"), required=False)

    class Meta:
        icon = "list-ol"
        label = _("Step")
        template = "cms/blocks/step.html"


class ListingBlock(blocks.StructBlock):
    """A list of short points."""

    style = blocks.ChoiceBlock(
        label=_("style"),
        choices=[("dots", _("dots")), ("numbers", _("numbers")), ("checks", _("check marks"))],
        default="dots",
    )
    points = blocks.ListBlock(blocks.CharBlock(max_length=300), label=_("points"), min_num=1)

    class Meta:
        icon = "list-ul"
        label = _("List")
        template = "cms/blocks/listing.html"


class ButtonBlock(blocks.StructBlock):
    """A link that is meant to be followed."""

    text = blocks.CharBlock(label=_("text"), max_length=60)
    page = blocks.PageChooserBlock(label=_("page"), required=False)
    url = blocks.URLBlock(label=_("or address"), required=False)

    class Meta:
        icon = "link"
        label = _("Button")
        template = "cms/blocks/button.html"

    def clean(self, value: Any) -> Any:
        """Exactly one target."""
        value = super().clean(value)
        if bool(value["page"]) == bool(value["url"]):
            raise blocks.StructBlockValidationError(
                block_errors={"url": ValidationError(_("Choose a page or write an address, one of them."))}
            )
        return value


class ComparisonBlock(blocks.StructBlock):
    """A table that compares things."""

    caption = blocks.CharBlock(label=_("caption"), max_length=160)
    table = TypedTableBlock(
        [
            ("text", blocks.CharBlock(required=False, label=_("text"))),
            ("yes", blocks.BooleanBlock(required=False, label=_("yes or no"))),
        ],
        label=_("table"),
    )

    class Meta:
        icon = "table"
        label = _("Comparison")
        template = "cms/blocks/comparison.html"


class Body(blocks.StreamBlock):
    """What the body of a page may hold."""

    heading = HeadingBlock()
    text = blocks.RichTextBlock(
        label=_("Text"), icon="pilcrow", features=["h3", *RICH], template="cms/blocks/text.html"
    )
    picture = PictureBlock()
    gallery = blocks.ListBlock(
        ImageBlock(), label=_("Gallery"), icon="image", min_num=2, template="cms/blocks/gallery.html"
    )
    quote = QuoteBlock()
    tip = TipBlock()
    offer = OfferCardBlock()
    products = ProductsBlock()
    video = VideoBlock()
    steps = blocks.ListBlock(StepBlock(), label=_("Steps"), icon="list-ol", template="cms/blocks/steps.html")
    listing = ListingBlock()
    button = ButtonBlock()
    comparison = ComparisonBlock()
