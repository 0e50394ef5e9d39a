"""Who may see plans, and who may change them: Django's model permissions, asked by their meaning."""

from typing import Any

from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

SEE = (
    "planning.view_campaign",
    "planning.add_campaign",
    "planning.change_campaign",
    "planning.view_publication",
    "planning.add_publication",
    "planning.change_publication",
)
OPEN = ("planning.add_campaign",)
CHANGE = ("planning.change_campaign",)
PLAN = ("planning.add_publication",)
MOVE = ("planning.change_publication",)


def may(user: Any, wanted: tuple[str, ...]) -> bool:
    """Whether `user` has one of the `wanted` permissions."""
    return bool(user.is_active and any(user.has_perm(name) for name in wanted))


class Guarded(AccessMixin):
    """A view that asks for one of `wanted`, and for one of `wanted_to_write` when something is sent."""

    wanted: tuple[str, ...] = SEE
    wanted_to_write: tuple[str, ...] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask, then go on."""
        if not may(request.user, self.wanted):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD") and not may(request.user, self.wanted_to_write or self.wanted):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
