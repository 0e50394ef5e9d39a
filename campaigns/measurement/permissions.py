"""Who may look at results, and who may freeze a review."""

from typing import Any

SEE = ("measurement.view_review", "measurement.add_review")
FREEZE = "measurement.add_review"


def may_see(user: Any) -> bool:
    """Whether `user` may look at results and reviews."""
    return any(user.has_perm(permission) for permission in SEE)


def may_freeze(user: Any) -> bool:
    """Whether `user` may freeze a review."""
    return bool(user.has_perm(FREEZE))
