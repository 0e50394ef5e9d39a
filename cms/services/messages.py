"""Messages that come from outside the editor."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import Locale

from cms import usage
from cms.models import Message
from core.errors import Conflict, Invalid
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
    if not renditions:
        raise Invalid(_("A message needs at least one rendition: email, social or push."))
    message = Message(name=name.strip(), locale=_locale(locale), live=False, **_values(renditions))
    _check(message, renditions)
    with transaction.atomic():
        message.save()
        _publish(message, by)
        log(message, "wagtail.create", user=by)
    message.refresh_from_db()
    return message


def change(
    message: Message, name: str | None, renditions: Mapping[str, Mapping[str, str] | None], by: User | None
) -> Message:
    """Save and publish `message` with another name or other renditions; None takes a rendition away.

    It begins at the newest version, as the editor does. Raises `Invalid` as `create` does, and `Conflict` while somebody has
    locked it.
    """
    if message.locked and message.locked_by_id != (by and by.pk):
        raise Conflict(_("This message is locked. Unlock it first."), code="locked")
    newest: Message = message.get_latest_revision_as_object() if message.latest_revision_id else message
    newest.name = newest.name if name is None else name.strip()
    for channel in renditions:
        for field in FIELDS[channel].values():
            setattr(newest, field, "")
    for field, text in _values({channel: texts for channel, texts in renditions.items() if texts}).items():
        setattr(newest, field, text)
    said = renditions_of(newest)
    if not said:
        raise Invalid(_("A message needs at least one rendition: email, social or push."))
    _check(newest, {**said, **{channel: texts for channel, texts in renditions.items() if texts}})
    with transaction.atomic():
        _publish(newest, by)
        log(newest, "wagtail.edit", user=by)
    message.refresh_from_db()
    return message


def remove(message: Message, by: User | None) -> None:
    """Delete it in every language. Raises `Conflict` while something refers to it."""
    with transaction.atomic():
        usage.ask("message", message.translation_key)
        for version in Message.objects.filter(translation_key=message.translation_key):
            log(version, "wagtail.delete", user=by, deleted=True)
            version.delete()


def renditions_of(message: Message) -> dict[str, dict[str, str]]:
    """What the message says, by channel, in the shape that `create` takes; channels on which it says nothing are left out."""
    said = {
        channel: {field: getattr(message, own) for field, own in table.items() if getattr(message, own)}
        for channel, table in FIELDS.items()
    }
    return {channel: texts for channel, texts in said.items() if texts}


def _publish(message: Message, by: User | None) -> None:
    revision = message.save_revision(user=by)
    # Who may make messages is asked at the edge (a scope, or the admin): a token need not hold Wagtail's rights too.
    revision.publish(user=by, skip_permission_checks=True)


def _values(renditions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The fields of `Message` that the renditions are."""
    values: dict[str, str] = {}
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
    return values


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
