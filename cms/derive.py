"""From a page or message to its renditions: what was written, and for what was left empty, what follows from the rest."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext, override
from markupsafe import Markup
from wagtail.models import Site
from wagtail.rich_text import expand_db_html

from campaigns.promotions import selectors as promotions
from channels.base import Channel, Media
from cms import artwork, emails, markup, mjml
from cms.limits import fit
from cms.models.brand import BrandKit
from cms.renditions import POST_NAMES, EmailRendition, PushRendition, Rendition, SocialRendition
from core import links
from core.errors import Invalid
from core.texts import Escape, parse


def brand_of(item: Any) -> BrandKit:
    """The brand kit of the item's site, or of the default site."""
    site = item.get_site() if hasattr(item, "get_site") else None
    site = site or Site.objects.filter(is_default_site=True).first()
    if site is None:
        raise Invalid(gettext("Make a site first, under Settings → Sites: messages carry its brand."))
    return BrandKit.for_site(site)


def facts_of(item: Any) -> dict[str, str]:
    """The facts of the item's offer as its readers see them; empty without an offer."""
    if item.said_offer is None:
        return {}
    return dict(promotions.facts(item.said_offer, item.said_language))


def _plain(text: str) -> str:
    return markup.literal(" ".join(strip_tags(text).split()))


class _Parts:
    """Takes what was written and notes what was derived."""

    def __init__(self) -> None:
        self.derived: set[str] = set()

    def take(self, name: str, written: str, derived: str) -> str:
        if written.strip():
            return written.strip()
        self.derived.add(name)
        return derived


# --- E-mail ----------------------------------------------------------------------------------------------------------


def lacks(item: Any, channel: Channel = Channel.EMAIL) -> str:
    """What `item` still needs before it can be sent on `channel`, as a sentence; empty when nothing is missing."""
    match channel:
        case Channel.SOCIAL:
            written, sentence = (
                item.social_text or item.said_url,
                gettext("“%(name)s” has no post yet: write its text."),
            )
        case Channel.PUSH:
            written = item.push_title or item.said_url
            sentence = gettext("“%(name)s” has no notification yet: write its title.")
        case _:
            own = getattr(item, "email_html", "") or getattr(item, "email_mjml", "")
            written = own or item.email_body or item.email_text
            sentence = gettext("“%(name)s” has no e-mail yet: write its text.")
    return "" if written or item.said_summary else sentence % {"name": item.said_title}


def email(item: Any, *, unfinished: bool = False) -> EmailRendition:
    """The e-mail of `item`; raises `Invalid` for one that says nothing, unless it is only shown while it is written."""
    brand, language, parts = brand_of(item), item.said_language, _Parts()
    source = getattr(item, "email_html", "")
    own_mjml = getattr(item, "email_mjml", "")
    if not unfinished and (sentence := lacks(item)):
        raise Invalid(sentence)
    subject = parts.take("subject", item.email_subject, _plain(item.said_title))
    preheader = parts.take("preheader", item.email_preheader, _plain(Truncator(item.said_summary).chars(140)))
    if own_mjml:
        source = mjml.render(own_mjml).html
    if source:
        html = emails.complete(source, brand, language, str(emails.escape_source(preheader)))
    else:
        html = _from_master(item, brand, language, subject, preheader, parts)
    text = parts.take("text", item.email_text, markup.html_to_text(html))
    return EmailRendition(
        subject=subject,
        preheader=preheader,
        html=html,
        text=emails.complete_text(text, brand, language),
        from_name=brand.sender,
        reply_to=brand.reply_to,
        derived=frozenset(parts.derived),
    )


def _from_master(item: Any, brand: BrandKit, language: str, subject: str, preheader: str, parts: _Parts) -> str:
    summary = f"<p>{_escaped(item.said_summary)}</p>" if item.said_summary else ""
    written = item.email_body
    if not written and item.email_text:
        written = "".join(f"<p>{emails.escape_source(piece)}</p>" for piece in re.split(r"\n\s*\n", item.email_text))
    body = parts.take("html", written, summary)
    body = sent_body(body)
    hero = None
    if item.said_picture:
        url, width, height = emails.picture_address(item.said_picture, "fill-1200x640")
        hero = {"url": url, "width": width, "height": height, "alt": item.said_picture.description}
    with override(language):
        button = item.email_button or (gettext("See the offer") if item.said_offer else gettext("Read on"))
    return emails.render_master(
        brand,
        language,
        {
            "title": Markup(emails.escape_source(subject)),  # noqa: S704 - escaped by escape_source
            "heading": item.said_heading,
            "preheader": emails.escape_source(preheader),
            "body": Markup(body),  # noqa: S704 - cleaned above
            "hero": hero,
            "offer": item.said_offer,
            "button": {"text": button, "url": item.said_url} if item.said_url else None,
        },
    )


def sent_body(source: str) -> str:
    """What was written in a rich text field as it stands in an e-mail: few tags, whole addresses."""
    return _absolute_links(markup.clean_rich_text(expand_db_html(source)))


def _escaped(text: str) -> str:
    return str(emails.escape_source(_plain(text)))


def _absolute_links(html: str) -> str:
    return re.sub(r'href="(/[^"]*)"', lambda match: f'href="{emails.absolute(match[1])}"', html)


# --- Post ------------------------------------------------------------------------------------------------------------


def social(item: Any) -> SocialRendition:
    """The post of `item`, its offer facts filled in."""
    parts = _Parts()
    if sentence := lacks(item, Channel.SOCIAL):
        raise Invalid(sentence)
    pieces = [_plain(item.said_title), _plain(item.said_summary)]
    text = parts.take("text", item.social_text, _fitting(pieces, bool(item.said_url)))
    # A post has no recipient: whatever it names is known now.
    text = parse(text, Escape.TEXT, POST_NAMES).render({"offer": facts_of(item)})
    picture = item.social_picture or item.said_picture
    media: tuple[Media, ...] = ()
    if picture:
        media = (_media(picture),)
        if not item.social_picture:
            parts.derived.add("media")
    return SocialRendition(
        text=text,
        link="" if item.said_url in {link.url for link in links.find(text)} else item.said_url,
        media=media,
        derived=frozenset(parts.derived),
    )


def _fitting(pieces: list[str], has_link: bool) -> str:
    """Title and summary, cut at a word so that the post fits X with its link."""
    return fit("\n\n".join(piece for piece in pieces if piece), has_link=has_link)


def _media(picture: Any) -> Media:
    content = artwork.content(picture, "fill-1200x675|format-jpeg|jpegquality-82")
    return Media(content=content, mime_type="image/jpeg", alt=picture.description, filename=f"picture-{picture.pk}.jpg")


# --- Push ------------------------------------------------------------------------------------------------------------


def push(item: Any) -> PushRendition:
    """The notification of `item`."""
    parts = _Parts()
    if sentence := lacks(item, Channel.PUSH):
        raise Invalid(sentence)
    title = parts.take("title", item.push_title, _plain(Truncator(item.said_title).chars(50)))
    body = parts.take("body", item.push_body, _plain(Truncator(item.said_summary).chars(150)))
    url = getattr(item, "push_url", "") or item.said_url
    image = emails.picture_address(item.said_picture, "fill-1200x600")[0] if item.said_picture else ""
    return PushRendition(title=title, body=body, url=url, image_url=image, derived=frozenset(parts.derived))


MAKERS: Mapping[Channel, Callable[[Any], Rendition]] = {
    Channel.EMAIL: email,
    Channel.SOCIAL: social,
    Channel.PUSH: push,
}
"""What makes the rendition of each channel."""
