"""News for the room above: a publication that had been submitted, approved or scheduled was taken back to planned.

Planning may not know of seals and runs, yet moving what is scheduled must stop them in the same transaction. Whoever keeps
something that hangs on a publication's order registers here, from its ``AppConfig.ready``.
"""

from collections.abc import Callable

from django.db import transaction

from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION
from core.models import User

Callback = Callable[[Publication, User | None], None]

_callbacks: list[Callback] = []


def register(callback: Callback) -> Callback:
    """Call `callback(publication, by)` inside the transaction that withdraws a publication. Usable as a decorator."""
    if callback not in _callbacks:
        _callbacks.append(callback)
    return callback


def withdraw(publication: Publication, by: User | None, reason: str = "") -> bool:
    """Take `publication` back to planned and tell everyone who registered; False when its state does not allow it."""
    with transaction.atomic():
        if not PUBLICATION.move(publication, "withdraw", state_reason=reason[:300]):
            return False
        for callback in _callbacks:
            callback(publication, by)
    return True
