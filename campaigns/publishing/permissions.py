"""Who may look, who may approve, who may send: Django's model permissions, asked by their meaning."""

from typing import Any

from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from campaigns.planning.models import Publication
from core.models import User

PLAN = ("planning.change_publication",)
APPROVE = ("planning.approve_publication",)
SEND = ("planning.send_publication",)
SEE = ("planning.view_publication", "planning.add_publication", *PLAN, *APPROVE, *SEND)


def may(user: Any, wanted: tuple[str, ...]) -> bool:
    """Whether `user` has one of the `wanted` permissions."""
    return bool(user.is_active and any(user.has_perm(name) for name in wanted))


class Guarded:
    """A view that asks for one of `wanted` first."""

    wanted: tuple[str, ...] = SEE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask, then go on."""
        if not may(request.user, self.wanted):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


def authors_of(publication: Publication) -> set[int]:
    """Who may not approve it: its author, and who submitted it."""
    return {pk for pk in (publication.created_by_id, publication.submitted_by_id) if pk}


def approvers_of(publication: Publication) -> QuerySet[User]:
    """The people who may approve it, by name."""
    label, codename = APPROVE[0].split(".")
    permission = Permission.objects.filter(content_type__app_label=label, codename=codename)
    allowed = Q(is_superuser=True) | Q(groups__permissions__in=permission) | Q(user_permissions__in=permission)
    people = User.objects.filter(allowed, is_active=True, is_service_account=False)
    return people.exclude(pk__in=authors_of(publication)).distinct().order_by("first_name", "username")
