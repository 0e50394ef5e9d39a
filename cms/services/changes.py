"""Notes that something which public pages show was changed, and tells the stamp of it all.

A row is put in by whoever changes something, in the same transaction: it is there when the change is, and only then. Rows are
never updated, so two who publish at once do not wait for one another. The stamp is how many there are and the sum of their
numbers: a row that is committed late, with a lower number than one that was seen before, changes it too, and so does a
database that was restored.
"""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Model, Sum
from django.db.models.signals import m2m_changed, post_delete, post_save
from wagtail.contrib.redirects.models import Redirect
from wagtail.documents.models import Document
from wagtail.models import COMMENTS_RELATION_NAME, Locale, Page, PageViewRestriction, Site
from wagtail.signals import page_unpublished, post_page_move

from campaigns.promotions.models import Offer, Product
from cms.models import BrandKit, Picture, SiteChange
from core import clock
from core.models import Market

SHOWN = (Page, Site, Locale, Redirect, Document, PageViewRestriction, Offer, Product, BrandKit, Picture, Market)
"""What a public page may show or be reached by; everything that inherits from one of them counts."""
OF_DRAFTS = frozenset(
    {"latest_revision", "latest_revision_created_at", "draft_title", "has_unpublished_changes", COMMENTS_RELATION_NAME}
)
"""Fields of a page that no visitor sees: saving a draft publishes nothing."""
KEPT_FOR = timedelta(hours=1)
_PRUNED_EVERY = 50


def note() -> None:
    """Something was changed: every web process will ask for the pages anew once this transaction is committed."""
    row = SiteChange.objects.create()
    if row.pk % _PRUNED_EVERY == 0:
        SiteChange.objects.filter(at__lt=clock.now() - KEPT_FOR).delete()


def stamp() -> tuple[int, int]:
    """Another one after every change. One statement over a table that holds an hour."""
    told = SiteChange.objects.aggregate(count=Count("pk"), sum=Sum("pk"))
    return told["count"], told["sum"] or 0


def listen() -> None:
    """Have every change noted, whoever makes it: a service, the admin, the API, the scheduler, a command."""
    for signal in (post_save, post_delete):
        signal.connect(_saved, dispatch_uid="cms.changes")
    m2m_changed.connect(_related, sender=Offer.products.through, dispatch_uid="cms.changes")
    for moved in (post_page_move, page_unpublished):
        moved.connect(_moved, dispatch_uid="cms.changes")


def _saved(sender: type[Model], update_fields: Any = None, **told: Any) -> None:
    if issubclass(sender, SHOWN) and not (update_fields and OF_DRAFTS.issuperset(update_fields)):
        note()


def _related(action: str, **told: Any) -> None:
    if action.startswith("post_"):
        note()


def _moved(**told: Any) -> None:
    note()
