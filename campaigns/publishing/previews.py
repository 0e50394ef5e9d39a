"""What a reviewer looks at: the message itself, from the sealed bytes, or compiled as it would be sealed now."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import get_language_info

from campaigns.links.models import Link
from campaigns.planning.models import Publication
from campaigns.publishing import compiler, selectors
from campaigns.publishing.compiler import Loaded
from campaigns.publishing.services import seals
from channels.base import EmailPart, PostPart, PushPart
from cms import previews as samples
from cms import selectors as content

EMPTY_GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


@dataclass(frozen=True, slots=True)
class Preview:
    """One language of a publication as a recipient with sample facts would see it."""

    locale: str
    channel: str
    sealed: bool
    subject: str = ""
    sender: str = ""
    html: str = ""
    text: str = ""
    title: str = ""
    url: str = ""
    image_url: str = ""
    pictures: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    item: Any = field(default=None, repr=False)

    @property
    def language(self) -> str:
        """The language's name."""
        return language_name(self.locale)

    @property
    def size(self) -> int:
        """Of an e-mail's HTML, in KB: Gmail cuts after 102."""
        return len(self.html.encode()) // 1024 + 1

    @property
    def length(self) -> int:
        """Characters of a post."""
        return len(self.text)


def language_name(locale: str) -> str:
    """The local name of a language code, or the code."""
    try:
        return str(get_language_info(locale)["name_translated"])
    except KeyError:
        return locale


def locales_of(publication: Publication) -> list[str]:
    """The languages there is something to look at in; raises `Invalid` when the content is gone."""
    seal = selectors.valid_seal(publication)
    if seal is not None:
        return list(seal.parts.order_by("pk").values_list("locale", flat=True))
    return seals.locales_of(publication) if publication.content_key else []


def preview(publication: Publication, locale: str) -> Preview:
    """The message in `locale`; raises `core.errors.AlmanacError` with a sentence when it cannot be compiled."""
    loaded, links, sealed = _loaded(publication, locale)
    key = publication.content_key
    item = content.spoken(publication.content_kind, key, locale) if key else None
    values = loaded.values(_sample(item, locale))
    part = loaded.part_for(values)
    common: dict[str, Any] = {"locale": locale, "channel": publication.channel, "sealed": sealed, "links": links}
    common["item"] = item
    match part:
        case EmailPart():
            return Preview(
                **common,
                subject=part.subject.fill(values),
                sender=f"{part.from_name} <{part.from_email}>".removesuffix(" <>").strip(),
                html=part.html.fill(values),
                text=part.text.fill(values),
            )
        case PostPart():
            pictures = tuple((_data_url(media.content, media.mime_type), media.alt) for media in part.media)
            return Preview(**common, text=part.text, pictures=pictures)
        case PushPart():
            return Preview(
                **common,
                title=part.title.fill(values),
                text=part.body.fill(values),
                url=links[0][0] if links else "",
                image_url=part.image_url,
            )


def _loaded(publication: Publication, locale: str) -> tuple[Loaded, tuple[tuple[str, str], ...], bool]:
    seal = selectors.valid_seal(publication)
    if seal is not None:
        row = seal.parts.get(locale=locale, arm="")
        found = Link.objects.filter(link_set=row.link_set_id).order_by("number").values_list("url", "label")
        return seals.load_part(row.pk), tuple(found), True
    compiled = seals.compile_all(publication)[locale]
    assets = {hashlib.sha256(media.content).hexdigest(): media.content for media in compiled.media}
    return compiler.load(compiled.content, part_id=0, link_set_id=0, assets=assets), compiled.links, False


def _sample(item: Any, locale: str) -> Mapping[str, Any]:
    """A recipient who does not exist; our own addresses lead nowhere, so that a look is never counted as a click."""
    base = settings.ALMANAC_BASE_URL
    person = samples.sample(item) if item is not None else {"locale": locale}
    return {**person, "unsubscribe_url": f"{base}/u/preview", "click_base": f"{base}/c/preview/", "open_url": EMPTY_GIF}


def _data_url(data: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"
