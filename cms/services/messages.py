"""Messages that come from outside the editor."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import Locale

from cms.models import Message
from core.errors import Invalid
from core.models import User

FIELDS: Mapping[str, Mapping[str, str]] = {
    "email": {
        "subject": "email_subject",
        "preheader": "email_preheader",
        "html": "email_html",
        "mjml": "email_mjml",
        "text": "email_text",
    },
    "social": {"text": "social_text"},
    "push": {"title": "push_title", "body": "push_body", "url": "push_url"},
}
"""What a rendition of each channel may hold, and the field of `Message` it becomes."""


def create(
    name: str, renditions: Mapping[str, Mapping[str, str]], by: User | None, locale: str | None = None
) -> Message:
    """A published message with a first revision; raises `Invalid` with a sentence that names the field."""
    values: dict[str, str] = {}
    if not renditions:
        raise Invalid(_("A message needs at least one rendition: email, social or push."))
    for channel, texts in renditions.items():
        if channel not in FIELDS:
            raise Invalid(_("There is no rendition “%(name)s”; use email, social or push.") % {"name": channel})
        for field, text in texts.items():
            if field not in FIELDS[channel]:
                raise Invalid(
                    _("%(channel)s has no “%(field)s”; use %(known)s.")
                    % {"channel": channel, "field": field, "known": ", ".join(FIELDS[channel])}
                )
            values[FIELDS[channel][field]] = text or ""
    message = Message(name=name.strip(), locale=_locale(locale), live=False, **values)
    _check(message, renditions)
    with transaction.atomic():
        message.save()
        revision = message.save_revision(user=by)
        # Who may make messages is asked at the edge (a scope, or the admin): a token need not hold Wagtail's rights too.
        revision.publish(user=by, skip_permission_checks=True)
        log(message, "wagtail.create", user=by)
    message.refresh_from_db()
    return message


def _locale(code: str | None) -> Locale:
    if code is None:
        return Locale.get_default()
    try:
        return Locale.objects.get(language_code=code)
    except Locale.DoesNotExist as error:
        known = ", ".join(Locale.objects.values_list("language_code", flat=True))
        raise Invalid(
            _("This installation does not write in “%(code)s”; it knows %(known)s.") % {"code": code, "known": known}
        ) from error


def _check(message: Message, renditions: Mapping[str, Mapping[str, str]]) -> None:
    email = renditions.get("email")
    if email is not None and not message.email_subject:
        raise Invalid(_("An e-mail needs a subject."))
    if email is not None and not (message.email_html or message.email_mjml or message.email_text):
        raise Invalid(_("An e-mail needs html, mjml or text."))
    if "social" in renditions and not message.social_text:
        raise Invalid(_("A post needs a text."))
    if "push" in renditions and not message.push_title:
        raise Invalid(_("A notification needs a title."))
    try:
        message.full_clean(exclude=["translation_key", "latest_revision", "live_revision"])
    except ValidationError as error:
        names: dict[str, str] = {
            own: f"{channel}.{field}" for channel, table in FIELDS.items() for field, own in table.items()
        }
        details: dict[str, Any] = {names.get(key, key): texts for key, texts in error.message_dict.items()}
        first, sentences = next(iter(details.items()))
        raise Invalid(f"{first}: {sentences[0]}", fields=details) from error
