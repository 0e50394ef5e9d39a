"""Messages and pages over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict, Field
from wagtail.models import Page

from cms import advice, selectors
from cms.models import Message
from cms.services import messages
from core.api import In, Router, Status, as_uuid, bearer, given, idempotent
from core.api_lists import Filter, listing
from core.errors import Missing

router = Router(tags=["content"])


class EmailIn(In):
    """An e-mail: a subject, and HTML or MJML or text. Text is derived when it is left out."""

    subject: str = Field(max_length=200, examples=["Hello {{ first_name|default('friend') }}"])
    preheader: str | None = Field(None, max_length=200)
    html: str | None = Field(None, examples=["<p>The sale is on.</p>"])
    mjml: str | None = None
    text: str | None = None


class SocialIn(In):
    """A post."""

    text: str = Field(examples=["The sale is on: https://shop.example/sale"])


class PushIn(In):
    """A notification."""

    title: str = Field(max_length=100, examples=["The sale is on"])
    body: str | None = Field(None, max_length=300)
    url: str | None = Field(None, max_length=500)


class RenditionsIn(In):
    """What the message says on each channel it is meant for."""

    email: EmailIn | None = None
    social: SocialIn | None = None
    push: PushIn | None = None


class MessageIn(In):
    """One thing to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Black Friday",
                    "renditions": {"email": {"subject": "It is on", "html": "<p>See the sale.</p>"}},
                }
            ]
        }
    )

    name: str = Field(min_length=1, max_length=200, examples=["Black Friday"])
    renditions: RenditionsIn
    locale: str | None = Field(None, max_length=20, description="Language code; the main language when left out.")


class MessagePatch(In):
    """What shall change. A rendition that is named takes the place of the one there was; null takes it away."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"renditions": {"social": {"text": "The sale is on: https://shop.example/sale"}}}]
        }
    )

    name: str | None = Field(None, min_length=1, max_length=200)
    renditions: RenditionsIn | None = None


class MessageOut(Schema):
    """`id` is what `content` of a publication takes; `advice` what you may want to mend, a sentence each."""

    id: str
    name: str
    locale: str
    channels: list[str]
    advice: list[str] = []


class MessageReadOut(Schema):
    """A message in one language, as it was saved last; the same `id` in each of `locales`."""

    id: UUID
    name: str
    locale: str
    locales: list[str]
    live: bool = Field(description="Whether it is published.")
    renditions: dict[str, dict[str, str]]
    updated_at: datetime


class MessageListedOut(Schema):
    """A message in one language, without its texts."""

    id: UUID
    name: str
    locale: str
    live: bool
    channels: list[str]
    updated_at: datetime


class PageOut(Schema):
    """A page in one language. `id` is what `content` of a publication takes; it is the same in every language."""

    id: UUID
    title: str
    kind: str
    locale: str
    live: bool
    url: str | None = Field(description="Where readers find it; null for one that is not published.")
    updated_at: datetime


# --- Messages --------------------------------------------------------------------------------------------------------


def _messages() -> QuerySet[Message]:
    rows = Message.objects.select_related("locale", "latest_revision")
    return rows.annotate(updated_at=Coalesce("latest_revision__created_at", "last_published_at")).exclude(
        updated_at=None
    )


def _channels(message: Message) -> list[str]:
    return list(messages.renditions_of(message))


def _listed(message: Any) -> dict[str, Any]:
    return {
        "id": message.translation_key,
        "name": str(message),
        "locale": message.locale.language_code,
        "live": message.live,
        "channels": _channels(message),
        "updated_at": message.updated_at,
    }


def _message(id: str, locale: str | None) -> Message:
    key = as_uuid(id)
    found: Message | None = selectors.find("message", key, locale) if key else None
    if found is None:
        raise Missing(f"There is no message with the id {id[:60]}" + (f" in “{locale[:20]}”." if locale else "."))
    return found


def _read(message: Message) -> dict[str, Any]:
    newest = message.get_latest_revision_as_object() if message.latest_revision_id else message
    return {
        "id": message.translation_key,
        "name": newest.name,
        "locale": message.locale.language_code,
        "locales": selectors.locales("message", message.translation_key),
        "live": message.live,
        "renditions": messages.renditions_of(newest),
        "updated_at": message.latest_revision.created_at if message.latest_revision else message.last_published_at,
    }


listing(
    router,
    "/messages",
    "messages:read",
    MessageListedOut,
    _messages,
    _listed,
    filters={
        "locale": Filter("locale__language_code", "Language code."),
        "live": Filter("live", "Only what is published, or only drafts.", bool),
    },
    search=("name", "email_subject"),
    about="Messages, one row for each language of each.",
)


@router.post("/messages", auth=bearer("messages:write"), response={201: MessageOut}, operation_id="create_message")
@idempotent
def create_message(request: HttpRequest, body: MessageIn) -> Status[dict[str, Any]]:
    """Make a message that publications can send."""
    renditions = body.renditions.model_dump(exclude_none=True)
    message = messages.create(body.name, renditions, request.auth, body.locale)  # type: ignore[attr-defined]
    answer = {
        "id": str(message.translation_key),
        "name": message.name,
        "locale": message.locale.language_code,
        "channels": list(renditions),
        "advice": advice.of(message),
    }
    return Status(201, answer)


@router.get("/messages/{id}", auth=bearer("messages:read"), response=MessageReadOut, summary="Read a message")
def read_message(request: HttpRequest, id: str, locale: str | None = None) -> Any:
    """In the main language, or in `locale`."""
    return _read(_message(id, locale))


@router.patch("/messages/{id}", auth=bearer("messages:write"), response=MessageReadOut, summary="Change a message")
@idempotent
def change_message(request: HttpRequest, id: str, body: MessagePatch, locale: str | None = None) -> Any:
    """Saved and published as a new version. What was approved goes out as it was approved."""
    told: dict[str, Any] = {}
    if body.renditions is not None:
        told = {
            channel: rendition and rendition.model_dump(exclude_none=True)
            for channel, rendition in given(body.renditions, clears=("email", "social", "push")).items()
        }
    message = messages.change(_message(id, locale), body.name, told, request.auth)  # type: ignore[attr-defined]
    return _read(message)


@router.delete("/messages/{id}", auth=bearer("messages:write"), response={204: None}, summary="Delete a message")
def delete_message(request: HttpRequest, id: str) -> Any:
    """In every language. Not while a publication says it (409)."""
    messages.remove(_message(id, None), request.auth)  # type: ignore[attr-defined]
    return Status(204, None)


# --- Pages -----------------------------------------------------------------------------------------------------------


def _pages() -> QuerySet[Page]:
    changed = Coalesce("latest_revision_created_at", "last_published_at", "first_published_at")
    rows = Page.objects.filter(depth__gt=1).select_related("locale", "content_type")
    return rows.annotate(updated_at=changed)


def _page(page: Any) -> dict[str, Any]:
    return {
        "id": page.translation_key,
        "title": page.title,
        "kind": page.content_type.model,
        "locale": page.locale.language_code,
        "live": page.live,
        "url": page.full_url if page.live else None,
        "updated_at": page.updated_at,
    }


listing(
    router,
    "/pages",
    "pages:read",
    PageOut,
    lambda: _pages().exclude(updated_at=None),
    _page,
    filters={
        "locale": Filter("locale__language_code", "Language code."),
        "live": Filter("live", "Only what is published, or only drafts.", bool),
        "kind": Filter("content_type__model", "The page's type, such as promotionpage."),
    },
    search=("title", "slug"),
    about="Pages of the site, one row for each language of each.",
)


@router.get("/pages/{id}", auth=bearer("pages:read"), response=PageOut, summary="Read a page")
def read_page(request: HttpRequest, id: str, locale: str | None = None) -> Any:
    """In the main language, or in `locale`."""
    key = as_uuid(id)
    found = selectors.find("page", key, locale) if key else None
    row = _pages().filter(pk=found.pk).exclude(updated_at=None).first() if found else None
    if row is None:
        raise Missing(f"There is no page with the id {id[:60]}.")
    return _page(row)
