"""What people do with a publication: submit, approve, schedule, pause, resume, cancel, release.

Every verb checks, changes (one conditional update: who loses a race gets a `Conflict`), logs, and announces on commit.
Who may do what is asked at the edges (`planning.approve_publication`, `planning.send_publication`); that nobody approves
their own work is kept here.
"""

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.planning import withdrawals
from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION, PublicationState
from campaigns.publishing import bells, reasons, sql
from campaigns.publishing.models import Delivery, Run, Seal
from campaigns.publishing.services import holds, runs, seals
from campaigns.publishing.states import RUN, DeliveryState, RunState
from channels.base import Channel
from core import clock
from core.errors import Conflict, Invalid, NotAllowed
from core.models import User


def problems(publication: Publication) -> list[str]:
    """What is missing before a reviewer can be asked, as sentences; empty when nothing is."""
    found = []
    if publication.content_key is None:
        found.append(_("Choose what this publication says: a page or a message."))
    if publication.account is None:
        found.append(_("Choose a channel account."))
    elif publication.account.channel != publication.channel:
        found.append(_("The account “%(account)s” serves another channel.") % {"account": publication.account})
    if publication.channel != Channel.SOCIAL and publication.audience is None:
        found.append(_("Choose an audience."))
    if publication.moment_kind != Publication.Moment.NOW and not (
        publication.moment_date and publication.moment_time is not None
    ):
        found.append(_("Choose day and time."))
    return found


def submit(publication: Publication, by: User | None) -> Publication:
    """Ask a reviewer. Raises `Invalid` when something is missing or the text cannot be compiled."""
    _allowed(publication, "submit")
    _check_ready(publication)
    seals.compile_all(publication)
    return _move(publication, "submit", by, submitted_by=by, state_reason="")


def approve(publication: Publication, by: User) -> Seal:
    """Seal what was submitted; a plan is submitted on its author's behalf first.

    Raises `NotAllowed` for the author and for whoever submitted it, `Invalid` when it cannot be compiled.
    """
    authors = {publication.created_by_id, publication.submitted_by_id} - {None}
    if by.pk in authors:
        raise NotAllowed(_("Somebody else has to approve this: you planned or submitted it."), code="own_work")
    with transaction.atomic():
        if publication.state == PublicationState.PLANNED:
            submit(publication, publication.created_by)
        _allowed(publication, "approve")
        seal = seals.seal(publication, by)
        _move(publication, "approve", by, data={"content": seal.content_hash, "order": seal.order_hash})
    return seal


def reject(publication: Publication, by: User, reason: str) -> Publication:
    """Send it back to its author with a reason, which is required."""
    if not reason.strip():
        raise Invalid(_("Say why, so that the author knows what to change."))
    return _move(publication, "reject", by, state_reason=reason.strip()[:300], data={"reason": reason.strip()[:300]})


def withdraw(publication: Publication, by: User | None) -> Publication:
    """Take it back to planned: the approval no longer holds, and runs that have not begun are gone."""
    _allowed(publication, "withdraw")
    with transaction.atomic():
        if not withdrawals.withdraw(publication, by):
            raise _conflict(publication)
        log(publication, "almanac.withdraw", user=by)
    return publication


def undo_approval(publication: Publication, by: User | None) -> None:
    """What hangs on the order goes when it is withdrawn; registered with planning, inside its transaction."""
    seals.supersede(publication)
    Run.objects.filter(publication=publication, state=RunState.WAITING, started_at=None).delete()


def schedule(publication: Publication, by: User | None) -> Publication:
    """Let it go at its moment: makes the runs. Raises `Conflict` without approval."""
    _allowed(publication, "schedule")
    with transaction.atomic():
        seal = seals.valid_seal(publication)
        _move(publication, "schedule", by, state_reason="")
        made = runs.make(publication, seal)
        due = [run.pk for run in made if run.due_at <= clock.schedule_now()]
    _announce(due)
    return publication


def pause(publication: Publication, by: User | None) -> Publication:
    """Stop within a second of sending; what is in the air ends, nothing new begins."""
    with transaction.atomic():
        _move(publication, "pause", by)
        RUN.move_all(publication.runs.all(), "pause")
    return publication


def resume(publication: Publication, by: User | None) -> Publication:
    """Go on where it was paused. Raises `Conflict` when it is not paused (release what is held)."""
    if publication.state != PublicationState.PAUSED:
        raise _conflict(publication)
    return _let_go(publication, by, "almanac.resume")


def release(publication: Publication, by: User | None) -> Publication:
    """A person looked at what is held and says: go."""
    if publication.state != PublicationState.HELD:
        raise _conflict(publication)
    return _let_go(publication, by, "almanac.release")


def _let_go(publication: Publication, by: User | None, action: str) -> Publication:
    with transaction.atomic():
        why = publication.state_reason
        fuse = why == "doubts" or why.startswith("fuse_")
        if not holds.let_go(publication, fuse_off=fuse):
            raise _conflict(publication)
        log(publication, action, user=by, data={"was": why})
        live = list(publication.runs.filter(state__in=[RunState.LIVE, RunState.WAITING]).values_list("pk", "due_at"))
    _announce([pk for pk, due_at in live if due_at <= clock.schedule_now()])
    return publication


def hold(publication: Publication, by: User | None, reason: str) -> Publication:
    """A person stops it until somebody looks."""
    with transaction.atomic():
        if not holds.hold(publication, reason[:300]):
            raise _conflict(publication)
        log(publication, "almanac.hold", user=by, data={"reason": reason[:300]})
    return publication


def cancel(publication: Publication, by: User | None) -> Publication:
    """Stop for good: who has not been written to is skipped as cancelled. What is in the air ends and is counted."""
    with transaction.atomic():
        _move(publication, "cancel", by)
        RUN.move_all(publication.runs.all(), "cancel", finished_at=clock.ledger_now())
    skip_cancelled(publication)
    return publication


def skip_cancelled(publication: Publication, batch: int = 5_000) -> int:
    """Settle the pending rows of a cancelled publication, in small commits: a large one would stall other writers."""
    total = 0
    while True:
        rows = Delivery.objects.filter(
            publication=publication, state=DeliveryState.PENDING, run__state=RunState.CANCELLED
        )
        ids = list(rows.values_list("pk", flat=True)[:batch])
        if not ids:
            return total
        sql.skip(dict.fromkeys(ids, "cancelled"), clock.ledger_now())
        total += len(ids)


# --- Shared ----------------------------------------------------------------------------------------------------------


def _check_ready(publication: Publication) -> None:
    if missing := problems(publication):
        raise Invalid(" ".join(missing), code="incomplete")


def _allowed(publication: Publication, verb: str) -> None:
    """Look again at the row: the asker may hold an old copy of it."""
    publication.refresh_from_db(fields=["state", "state_reason"])
    if not PUBLICATION.allows(publication.state, verb):
        raise _conflict(publication)


def _move(
    publication: Publication, verb: str, by: User | None, *, data: dict[str, str] | None = None, **changes: object
) -> Publication:
    with transaction.atomic():
        if not PUBLICATION.move(publication, verb, **changes):
            publication.refresh_from_db(fields=["state", "state_reason"])
            raise _conflict(publication)
        log(publication, f"almanac.{verb}", user=by, data=data or {})
    return publication


def _conflict(publication: Publication) -> Conflict:
    detail = reasons.words(publication.state_reason) if publication.state == PublicationState.HELD else ""
    return Conflict(
        (_("This publication is %(state)s.") % {"state": publication.get_state_display()} + f" {detail}").strip(),
        code=f"publication_{publication.state}",
        state=publication.state,
    )


def _announce(run_ids: list[int]) -> None:
    """Ring after the commit; the bell may be lost, the scheduler rings again."""
    if run_ids:
        transaction.on_commit(partial(bells.ring, run_ids))
