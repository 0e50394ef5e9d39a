"""The life of a publication, as data.

planned → submitted → approved → scheduled → live → done, with paused and held on the side. **Planned** is an intention and
needs no content. **Scheduled** is approved and will go. **Held** waits for a person: it missed its moment, this database
looks like a copy, or what was approved is no longer what would be sent.
"""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import webhooks
from core.transitions import Machine


class PublicationState(models.TextChoices):
    """Where a publication stands."""

    PLANNED = "planned", _("planned")
    SUBMITTED = "submitted", _("submitted")
    APPROVED = "approved", _("approved")
    SCHEDULED = "scheduled", _("scheduled")
    LIVE = "live", _("live")
    PAUSED = "paused", _("paused")
    HELD = "held", _("held")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    FAILED = "failed", _("failed")


S = PublicationState


def _announce(publication: Any) -> None:
    webhooks.announce(
        f"publication.{publication.state}",
        {
            "publication": str(publication.public_id),
            "title": str(publication),
            "channel": publication.channel,
            "state": publication.state,
            "reason": publication.state_reason,
        },
    )


PUBLICATION = Machine(
    "state",
    {
        "submit": {S.PLANNED: S.SUBMITTED},
        "withdraw": {S.SUBMITTED: S.PLANNED, S.APPROVED: S.PLANNED, S.SCHEDULED: S.PLANNED},
        "approve": {S.SUBMITTED: S.APPROVED},
        "reject": {S.SUBMITTED: S.PLANNED},
        "schedule": {S.APPROVED: S.SCHEDULED},
        "start": {S.SCHEDULED: S.LIVE},
        "pause": {S.LIVE: S.PAUSED, S.SCHEDULED: S.PAUSED},
        # A paused or held publication goes back to `live` when a run of it has begun and to `scheduled` when none has:
        # the services choose the verb by looking at the runs.
        "resume": {S.PAUSED: S.LIVE, S.HELD: S.LIVE},
        "resume_waiting": {S.PAUSED: S.SCHEDULED, S.HELD: S.SCHEDULED},
        "hold": {S.SCHEDULED: S.HELD, S.LIVE: S.HELD},
        "cancel": {
            S.PLANNED: S.CANCELLED,
            S.SUBMITTED: S.CANCELLED,
            S.APPROVED: S.CANCELLED,
            S.SCHEDULED: S.CANCELLED,
            S.LIVE: S.CANCELLED,
            S.PAUSED: S.CANCELLED,
            S.HELD: S.CANCELLED,
        },
        "finish": {S.LIVE: S.DONE},
        # A person has copies sent again that had been in doubt.
        "reopen": {S.DONE: S.LIVE},
        "fail": {S.SCHEDULED: S.FAILED, S.LIVE: S.FAILED},
    },
    moved=_announce,
)

EDITABLE = frozenset({S.PLANNED})
"""States in which content, audience, account and moment may be changed in place; others are withdrawn first."""

STARTED = frozenset({S.LIVE, S.PAUSED, S.DONE, S.FAILED})
"""States of a publication that may have reached somebody."""
