"""Audiences: segments combined."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.audiences.models import Audience, Segment
from core.errors import Invalid


def create(name: str, include: Iterable[Segment], exclude: Iterable[Segment] = ()) -> Audience:
    """Everyone in one of `include` who is in none of `exclude`."""
    included, excluded = list(include), list(exclude)
    if not included:
        raise Invalid(_("An audience needs at least one segment to include."))
    with transaction.atomic():
        audience = Audience.objects.create(name=name[:200])
        audience.include.set(included)
        audience.exclude.set(excluded)
    return audience
