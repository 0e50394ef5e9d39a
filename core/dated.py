"""Rows that say when they last changed, so that a program can ask for what is new (``?updated_since=``).

Every way the ORM writes keeps it: `save`, also with `update_fields`, and `QuerySet.update`, through which all transitions
go. What writes SQL of its own names the column itself.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core import clock


class DatedQuerySet[Row: models.Model](models.QuerySet[Row]):
    """Rows whose `update` notes that they changed."""

    def update(self, **changes: Any) -> int:
        """As ever, and now."""
        return super().update(**{"updated_at": clock.now(), **changes})


DatedManager = models.Manager.from_queryset(DatedQuerySet)


class Dated(models.Model):
    """A row with `updated_at`. A model that is listed by it has an index on (`updated_at`, `id`)."""

    # The database fills it in too, for a worker of the release before that does not know the column.
    updated_at = models.DateTimeField(_("changed"), default=clock.now, db_default=Now(), editable=False)

    objects = DatedManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save, and note when."""
        self.updated_at = clock.now()
        if update_fields is not None:
            update_fields = {*update_fields, "updated_at"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def touch(self) -> None:
        """Something that belongs to it changed."""
        type(self)._default_manager.filter(pk=self.pk).update(updated_at=clock.now())
