"""What an editor sees beside the form: the item on each channel, with sample facts in its places."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.csp import CSP
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from cms import advice, derive, limits
from core.errors import AlmanacError
from core.texts import Escape, parse

EMAIL, EMAIL_TEXT, POST, PUSH = "email", "email-text", "post", "push"
CHANNEL_MODES = [
    (EMAIL, _("E-mail")),
    (EMAIL_TEXT, _("E-mail as plain text")),
    (POST, _("Post on X")),
    (PUSH, _("Notification")),
]
PAGE_MODES = [("", _("Page")), *CHANNEL_MODES]
MESSAGE_MODES = CHANNEL_MODES

PART_NAMES = {
    "subject": _("subject"),
    "preheader": _("preheader"),
    "html": _("e-mail text"),
    "text": _("text"),
    "media": _("picture"),
    "title": _("title"),
    "body": _("text"),
}


PROBLEM = "cms/previews/problem.html"
POLICY = {
    "default-src": [CSP.NONE],
    "img-src": [CSP.SELF, "data:", "https:", "http:"],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "font-src": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
}
"""An e-mail is all inline styles and its pictures may be anywhere; no script runs in a preview."""


def sample(item: Any) -> dict[str, Any]:
    """A recipient who does not exist, and the offer's real facts."""
    chinese = item.said_language.startswith("zh")
    person = {
        "first_name": "李娜" if chinese else "Maya",
        "last_name": "" if chinese else "Okafor",
        "locale": item.said_language,
        "attributes": {"tier": "gold", "city": "上海" if chinese else "Portland"},
    }
    return {
        **person,
        "contact": person,
        "offer": derive.facts_of(item),
        "unsubscribe_url": f"{settings.ALMANAC_BASE_URL}/u/preview",
        "view_url": item.said_url,
    }


def _email(item: Any) -> dict[str, Any]:
    begun = bool(item.email_subject or item.email_preheader)
    rendition, context = derive.email(item, unfinished=begun), sample(item)
    return {
        "subject": parse(rendition.subject, Escape.HEADER).render(context),
        "preheader": parse(rendition.preheader, Escape.TEXT).render(context),
        "sender": rendition.from_name,
        "html": parse(rendition.html, Escape.HTML).render(context),
        "text": parse(rendition.text, Escape.TEXT).render(context),
        "lacks": derive.lacks(item),
        "size": len(rendition.html.encode()) // 1024 + 1,
        "derived": rendition.derived,
    }


def _post(item: Any) -> dict[str, Any]:
    rendition = derive.social(item)
    picture = item.social_picture or item.said_picture
    length = limits.x_length(rendition.text, has_link=bool(rendition.link))
    return {
        "text": rendition.text,
        "link": rendition.link,
        "picture": picture,
        "length": length,
        "limit": limits.X_LIMIT,
        "too_long": length > limits.X_LIMIT,
        "derived": rendition.derived,
    }


def _push(item: Any) -> dict[str, Any]:
    rendition, context = derive.push(item), sample(item)
    return {
        "title": parse(rendition.title, Escape.TEXT).render(context),
        "body": parse(rendition.body, Escape.TEXT).render(context),
        "url": rendition.url,
        "picture": item.said_picture,
        "derived": rendition.derived,
    }


FIELDS_OF: Mapping[str, str] = {EMAIL: "email_", EMAIL_TEXT: "email_", POST: "social_", PUSH: "push_"}
"""How the names of the fields begin that a preview shows."""

VIEWS: Mapping[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    EMAIL: ("cms/previews/email.html", _email),
    EMAIL_TEXT: ("cms/previews/email_text.html", _email),
    POST: ("cms/previews/post.html", _post),
    PUSH: ("cms/previews/push.html", _push),
}


def mistakes_of(item: Any, mode: str) -> list[tuple[str, str]]:
    """Label and sentence of each field of this channel that is not right yet; the other channels go on meanwhile."""
    begins = FIELDS_OF.get(mode, FIELDS_OF[EMAIL])
    return [
        (capfirst(str(item._meta.get_field(name).verbose_name)), sentence)
        for name, sentence in item.mistakes().items()
        if name.startswith(begins)
    ]


def serve(item: Any, request: HttpRequest, mode: str) -> HttpResponse:
    """The preview of one channel. A mistake in a text is shown where the preview would be, as a sentence."""
    template, collect = VIEWS.get(mode) or VIEWS[EMAIL]
    context: dict[str, Any] = {"item": item, "brand": derive.brand_of(item), "mode": mode}
    mistakes = mistakes_of(item, mode)
    try:
        if mistakes:
            template, context["mistakes"] = PROBLEM, mistakes
        else:
            context |= {**collect(item), "advice": advice.of(item, FIELDS_OF.get(mode, FIELDS_OF[EMAIL]))}
    except AlmanacError as error:
        template, context["problem"] = PROBLEM, error.message
    names = {**PART_NAMES, "text": _("plain text")} if mode in (EMAIL, EMAIL_TEXT) else PART_NAMES
    context["derived_names"] = [names[name] for name in sorted(context.get("derived", ()))]
    response = TemplateResponse(request, template, context)
    response._csp_config = POLICY  # type: ignore[attr-defined]
    return response
