"""E-mails: the master template, a brand frame for sources that bring none, and what every e-mail must carry.

The master is MJML written in Jinja2 with square brackets (``[[ … ]]``, ``[% … %]``), so that a place ``{{ … }}`` for the
recipient stands in it as it is. Plain strings put into it are made literal; only `Markup` may bring places along.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, override
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from cms import inlining, markup, mjml
from cms.models.brand import BrandKit

UNSUBSCRIBE = "{{ unsubscribe_url }}"


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else markup.literal(str(value))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(settings.ALMANAC_TEMPLATES / "messages"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )


def absolute(url: str) -> str:
    """An address of ours with scheme and host; others as they are."""
    return settings.ALMANAC_BASE_URL + url if url.startswith("/") and not url.startswith("//") else url


def picture_address(picture: Any, spec: str) -> tuple[str, int, int]:
    """Absolute address, width and height of `picture` at `spec` (``width-1200``)."""
    rendition = picture.get_rendition(f"{spec}|format-jpeg|jpegquality-82")
    return absolute(rendition.url), rendition.width, rendition.height


def _base_context(brand: BrandKit, language: str) -> dict[str, Any]:
    logo = picture_address(brand.logo, "height-96")[0] if brand.logo else ""
    return {
        "brand": brand,
        "logo_url": logo,
        "language": language,
        "address_lines": [line.strip() for line in brand.postal_address.splitlines() if line.strip()],
        "home_url": brand.shop_url or settings.ALMANAC_BASE_URL,
        "profiles": brand.profiles,
        "words": {
            "instead_of": gettext("instead of"),
            "code": gettext("Offer code"),
            "find_us": gettext("Find us on"),
            "why": gettext("You receive this because you asked for news from us."),
            "unsubscribe": gettext("Unsubscribe"),
        },
        "unsubscribe_url": Markup(UNSUBSCRIBE),  # noqa: S704 - a constant of ours
    }


def render_master(brand: BrandKit, language: str, context: Mapping[str, Any]) -> str:
    """The brand's master e-mail as HTML with its styles inlined. `context` is what ``master.mjml`` names."""
    with override(language):
        source = _environment().get_template("master.mjml").render({**_base_context(brand, language), **context})
    html = inlining.inline(mjml.render(source).html)
    return _language(html, language)


def complete(source: str, brand: BrandKit, language: str, preheader: str) -> str:
    """An author's own HTML as a complete e-mail: a document, with the legal footer where it has none of its own."""
    if "<body" not in source.lower():
        source = (
            '<!doctype html><html><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
            f'<body style="margin:0;padding:16px;font-family:sans-serif;line-height:1.5">{source}</body></html>'
        )
    source = inlining.inline(source)
    with override(language):
        context = _base_context(brand, language)
        hidden = _environment().get_template("preheader.html").render(preheader=Markup(preheader)) if preheader else ""  # noqa: S704
        footer = "" if "unsubscribe_url" in source else _environment().get_template("footer.html").render(context)
    source = re.sub(r"<body[^>]*>", lambda match: match.group() + hidden, source, count=1, flags=re.IGNORECASE)
    if footer:
        at = source.lower().rfind("</body>")
        source = source[:at] + footer + source[at:] if at >= 0 else source + footer
    return _language(source, language)


def complete_text(text: str, brand: BrandKit, language: str) -> str:
    """A plain text with the address and the way out that the law asks for, unless it has them."""
    if "unsubscribe_url" in text:
        return text
    with override(language):
        lines = ["--", brand.title, *brand.postal_address.splitlines(), gettext("Unsubscribe") + ": "]
    return text.rstrip() + "\n\n" + markup.literal("\n".join(line.strip(" ") for line in lines)) + f" {UNSUBSCRIBE}\n"


def escape_source(source: str) -> Markup:
    """A template source of plain text for HTML: what is literal is escaped, what is a place stays as written."""
    pieces: list[str] = []
    end = 0
    for match in markup.PLACE.finditer(source):
        pieces += [str(escape(source[end : match.start()])), match.group()]
        end = match.end()
    return Markup("".join([*pieces, str(escape(source[end:]))]))  # noqa: S704 - escaped above


def _language(html: str, language: str) -> str:
    """Say the language, which mrml leaves undetermined, and keep CSS from opening a Jinja comment."""
    tag = {"zh-hans": "zh-Hans"}.get(language, language)
    html = re.sub(r' lang="und"', f' lang="{tag}"', html)
    html = re.sub(r' dir="auto"', ' dir="ltr"', html)
    if not re.search(r"<html[^>]* lang=", html, re.IGNORECASE):
        html = re.sub(r"<html", f'<html lang="{tag}"', html, count=1, flags=re.IGNORECASE)
    return markup.without_comments(html)
