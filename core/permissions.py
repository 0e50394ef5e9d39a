"""Permission policies that several rooms share."""

from typing import Any

from wagtail.permission_policies.base import ModelPermissionPolicy


class NeverDeleted(ModelPermissionPolicy):
    """For what the ledger or the figures name: it is never deleted, whatever rights somebody has."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        """Never “delete”; who may change may see."""
        if action == "delete":
            return False
        if action == "view" and super().user_has_permission(user, "change"):
            return True
        return bool(super().user_has_permission(user, action))
