"""Pages of every type in one query, complete and with what their cards and heads show.

Wagtail's ``specific()`` asks once for each type and leaves pictures and offers to be asked for one by one; a list of nine pages
is a dozen queries that way. Here the tables of the types are joined, which is one, however many types a shop adds.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import QuerySet
from wagtail.fields import StreamField
from wagtail.models import Page

if TYPE_CHECKING:
    from cms.models.pages import SitePage


@cache
def _types() -> dict[type[Page], str]:
    """Every page type of the site, and by which name its row hangs on the row of the page."""
    from cms.models.pages import SitePage

    return {
        model: model._meta.pk.remote_field.get_accessor_name()
        for model in apps.get_models()
        if issubclass(model, SitePage)
    }


def whole(pages: QuerySet[Page]) -> QuerySet[Page]:
    """`pages` with everything of their types, to be given to `specific`."""
    joined = []
    for model, name in _types().items():
        fields = {field.name for field in model._meta.local_fields}
        joined += [name, *(f"{name}__{one}" for one in ("picture", "offer") if one in fields)]
    return pages.select_related("locale", *joined)


def cards(pages: QuerySet[Page]) -> QuerySet[Page]:
    """As `whole`, without the bodies: no card shows them."""
    bodies = [
        f"{name}__{field.name}"
        for model, name in _types().items()
        for field in model._meta.local_fields
        if isinstance(field, StreamField)
    ]
    return whole(pages).defer(*bodies)


def specific(row: Page) -> "SitePage | Any":
    """The page that a row of `whole` or `cards` is, as its own type."""
    name = _types().get(row.specific_class)
    if name is None:
        return row.specific
    page = getattr(row, name)
    page.locale = row.locale
    return page
