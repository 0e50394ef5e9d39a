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

from cms import artwork, inlining, legal, markup, mjml
from cms.models.brand import BrandKit
from core import languages

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
    """Absolute address, width and height of `picture` at `spec` (``width-1200``).

    A photograph becomes a JPEG. What is see-through stays so, as a PNG; a GIF that moves goes as it was handed in, since it
    would lose its frames, with the size it is to be shown at.
    """
    if artwork.moves(picture):
        # Wagtail's renditions, "original" too, hold one frame.
        width, height = artwork.fitted(picture.width, picture.height, spec)
        return absolute(picture.file.url), width, height
    form = "format-png" if artwork.is_see_through(picture) else "format-jpeg|jpegquality-82"
    rendition = artwork.rendition(picture, f"{spec}|{form}")
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
    if _body(source) is None:
        source = (
            '<!doctype html><html><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
            f'<body style="margin:0;padding:16px;font-family:sans-serif;line-height:1.5">{source}</body></html>'
        )
    source = inlining.inline(source)
    there = {
        "has_way_out": legal.has_way_out(source),
        "has_address": legal.has_address(source, brand.postal_address),
    }
    with override(language):
        context = {**_base_context(brand, language), **there}
        hidden = _environment().get_template("preheader.html").render(preheader=Markup(preheader)) if preheader else ""  # noqa: S704
        footer = "" if all(there.values()) else _environment().get_template("footer.html").render(context)
    body = _body(source)
    at = body.end() if body else 0
    source = source[:at] + hidden + source[at:]
    if footer:
        at = _end_of_body(source)
        source = source[:at] + footer + source[at:]
    return _language(source, language)


def _body(source: str) -> re.Match[str] | None:
    """The tag that opens the body; one in a comment is none."""
    return next((tag for tag in markup.TAG.finditer(source) if (tag["name"] or "").lower() == "body"), None)


def _end_of_body(source: str) -> int:
    """Where the body ends: its last closing tag that stands in no comment, or the end."""
    shown = re.sub(r"<!--.*?(?:-->|\Z)", lambda match: " " * len(match.group()), source, flags=re.DOTALL)
    found = list(re.finditer(r"</body\s*>", shown, re.IGNORECASE))
    return found[-1].start() if found else len(source)


def complete_text(text: str, brand: BrandKit, language: str) -> str:
    """A plain text with the address and the way out that the law asks for, where it has them not."""
    lines: list[str] = []
    if not legal.text_has_address(text, brand.postal_address):
        lines += [brand.title, *brand.postal_address.splitlines()]
    foot = markup.literal("\n".join(line.strip() for line in lines))
    if not legal.text_has_way_out(text):
        with override(language):
            foot = "\n".join(filter(None, [foot, f"{gettext('Unsubscribe')}: {UNSUBSCRIBE}"]))
    return f"{text.rstrip()}\n\n--\n{foot}\n" if foot else text


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
    tag = languages.tag(language)
    html = re.sub(r' lang="und"', f' lang="{tag}"', html)
    html = re.sub(r' dir="auto"', ' dir="ltr"', html)
    if not re.search(r"<html[^>]* lang=", html, re.IGNORECASE):
        html = re.sub(r"<html", f'<html lang="{tag}"', html, count=1, flags=re.IGNORECASE)
    return markup.without_comments(html)
