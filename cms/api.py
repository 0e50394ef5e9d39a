"""Messages over HTTP."""

from typing import Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from cms import advice
from cms.services import messages
from core.api import In, Router, Status, bearer, idempotent

router = Router(tags=["content"])


class EmailIn(In):
    """An e-mail: a subject, and HTML or MJML or text. Text is derived when it is left out."""

    subject: str = Field(max_length=200)
    preheader: str | None = Field(None, max_length=200)
    html: str | None = None
    mjml: str | None = None
    text: str | None = None


class SocialIn(In):
    """A post."""

    text: str


class PushIn(In):
    """A notification."""

    title: str = Field(max_length=100)
    body: str | None = Field(None, max_length=300)
    url: str | None = None


class RenditionsIn(In):
    """What the message says on each channel it is meant for."""

    email: EmailIn | None = None
    social: SocialIn | None = None
    push: PushIn | None = None


class MessageIn(In):
    """One thing to say."""

    name: str = Field(min_length=1, max_length=200)
    renditions: RenditionsIn
    locale: str | None = None


class MessageOut(Schema):
    """`id` is what `content` of a publication takes; `advice` what you may want to mend, a sentence each."""

    id: str
    name: str
    locale: str
    channels: list[str]
    advice: list[str] = []


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
