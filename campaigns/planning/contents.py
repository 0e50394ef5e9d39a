"""What a publication says, found by its id: the translation key of a message or a page."""

from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.planning.models import Publication
from cms import selectors as cms
from cms import usage
from core.errors import Invalid

KINDS = ("message", "page")


def resolve(content: str) -> tuple[str, UUID]:
    """The kind and the key of the content with the id `content`; raises `Invalid` when there is none."""
    try:
        key = UUID(content)
    except ValueError as error:
        raise Invalid(_("“%(id)s” is not the id of a message or a page.") % {"id": content}, field="content") from error
    for kind in KINDS:
        if cms.find(kind, key) is not None:
            return kind, key
    raise Invalid(_("There is no message or page with the id %(id)s.") % {"id": content}, field="content")


@usage.asker
def needed(kind: str, key: UUID) -> str:
    """Why an item stays: a publication says it, or has said it."""
    publication = Publication.objects.filter(content_kind=kind, content_key=key).first()
    return (
        _("“%(title)s” says it. Delete that plan, or give it other words, first.") % {"title": publication}
        if publication
        else ""
    )
