"""Holding: what must not go on without a person stops, and says why."""

import logging

from django.db import transaction

from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION
from campaigns.publishing.models import Run
from campaigns.publishing.states import RUN, RunState
from core import clock

log = logging.getLogger(__name__)


@transaction.atomic
def hold(publication: Publication, reason: str) -> bool:
    """Hold a scheduled or live publication and its open runs; False when it was in another state already.

    `reason` is a code of `campaigns.publishing.reasons.HOLD_REASONS`.
    """
    if not PUBLICATION.move(publication, "hold", state_reason=reason):
        return False
    RUN.move_all(publication.runs.all(), "hold", state_reason=reason)
    log.warning("Publication %s is held: %s", publication.public_id, reason)
    return True


@transaction.atomic
def let_go(publication: Publication, *, fuse_off: bool = False) -> bool:
    """Let a paused or held publication go on; a person said so, and lateness counts from now. False when it was neither."""
    if publication.state_reason == "clock":
        clock.believe()
    runs = publication.runs.all()
    begun = runs.filter(started_at__isnull=False).exists()
    if not PUBLICATION.move(publication, "resume" if begun else "resume_waiting", state_reason=""):
        return False
    now = clock.ledger_now()
    held = runs.filter(state__in=[RunState.HELD, RunState.PAUSED])
    begun_runs = list(held.filter(started_at__isnull=False).values_list("pk", flat=True))
    waiting_runs = list(held.filter(started_at=None).values_list("pk", flat=True))
    live = Run.objects.filter(pk__in=begun_runs)
    RUN.move_all(live.filter(state=RunState.PAUSED), "resume", state_reason="", moved_at=now)
    RUN.move_all(live.filter(state=RunState.HELD), "release_live", state_reason="", moved_at=now)
    RUN.move_all(Run.objects.filter(pk__in=waiting_runs), "release", state_reason="", moved_at=now)
    runs.filter(state=RunState.WAITING).update(moved_at=now)
    if fuse_off:
        runs.update(fuse_off=True)
    return True
