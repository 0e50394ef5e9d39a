"""Reads that other rooms use: a content item is named by its kind and its translation key."""

from typing import Any, Literal
from uuid import UUID

from django.utils.translation import gettext as _
from wagtail.models import Locale, Page

from campaigns.promotions.models import Offer
from channels.base import Channel
from cms import advice, derive
from cms.models import Message
from cms.renditions import EmailRendition, PushRendition, SocialRendition
from core.errors import Invalid, Missing

Kind = Literal["page", "message"]


def _versions(kind: str, key: UUID) -> Any:
    model = {"page": Page, "message": Message}.get(kind)
    if model is None:
        raise Invalid(_("Content is a page or a message, not “%(kind)s”.") % {"kind": kind})
    return model.objects.filter(translation_key=key).select_related("locale")


def find(kind: str, key: UUID, locale: str | None = None) -> Any:
    """The item in `locale`, as it stands in its table; None when there is none.

    Without `locale`, the version in the installation's default language, or else the oldest.
    """
    rows = _versions(kind, key)
    if locale is not None:
        row = rows.filter(locale__language_code=locale).first()
    else:
        default = Locale.get_default()
        row = min(rows, key=lambda one: (one.locale_id != default.pk, one.pk), default=None)
    return row.specific if isinstance(row, Page) else row


def spoken(kind: str, key: UUID, locale: str | None = None) -> Any:
    """The item as readers are to get it: what is published, and before that the newest draft; None when missing."""
    item = find(kind, key, locale)
    if item is None or item.live or not item.latest_revision_id:
        return item
    return item.get_latest_revision_as_object()


def locales(kind: str, key: UUID) -> list[str]:
    """The language codes the item exists in; the installation's default language first."""
    default = Locale.get_default().language_code
    codes = _versions(kind, key).values_list("locale__language_code", flat=True)
    return sorted(codes, key=lambda code: (code != default, code))


def title(kind: str, key: UUID) -> str:
    """What the team calls it; empty when it is gone."""
    item = spoken(kind, key)
    if item is None:
        return ""
    return str(item.name if isinstance(item, Message) else item.title)


def is_public(kind: str, key: UUID) -> bool:
    """Whether a link to it leads somewhere: a page must be published and open to everyone; a message always is."""
    if kind == "message":
        return _versions(kind, key).exists()
    pages = [page for page in _versions(kind, key) if page.live]
    return any(not page.get_view_restrictions().exists() for page in pages)


def public_url(kind: str, key: UUID, locale: str | None = None) -> str:
    """The absolute address it leads to; empty when it leads nowhere."""
    item = spoken(kind, key, locale) or spoken(kind, key)
    return str(getattr(item, "said_url", "") or getattr(item, "absolute_url", ""))


def offer_of(kind: str, key: UUID) -> Offer | None:
    """The offer whose facts it tells, if any."""
    item = spoken(kind, key)
    return getattr(item, "said_offer", None)


def rendition(kind: str, key: UUID, channel: str, locale: str) -> EmailRendition | SocialRendition | PushRendition:
    """How it reads on `channel` in `locale`.

    Raises `Missing` when it does not exist in that language, and `Invalid` when it says nothing on that channel.
    """
    item = spoken(kind, key, locale)
    if item is None:
        raise Missing(_("There is no version of this content in “%(locale)s”.") % {"locale": locale})
    if not hasattr(item, "said_title"):
        raise Invalid(_("“%(title)s” is a page that is not meant to be sent.") % {"title": item})
    match channel:
        case Channel.EMAIL:
            return derive.email(item)
        case Channel.SOCIAL:
            return derive.social(item)
        case Channel.PUSH:
            return derive.push(item)
    raise Invalid(_("There is no channel “%(channel)s”.") % {"channel": channel})


def says_bare_name(kind: str, key: UUID, channel: str, locale: str) -> bool:
    """Whether the rendition greets people by a first name that some of them may not have."""
    return advice.says_bare_name(rendition(kind, key, channel, locale))


def advice_for(kind: str, key: UUID, channel: str, locale: str) -> list[str]:
    """What the author may want to mend on `channel`, a sentence each."""
    begins = {Channel.EMAIL: "email_", Channel.SOCIAL: "social_", Channel.PUSH: "push_"}.get(Channel(channel), "")
    item = spoken(kind, key, locale)
    return advice.of(item, begins) if item is not None and hasattr(item, "said_title") else []
