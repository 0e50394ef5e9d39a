"""One worker's turn at one run: start it if it is due, then chunk after chunk for as long as a turn lasts."""

import logging
import time

from campaigns.planning.states import PublicationState
from campaigns.publishing import journal
from campaigns.publishing.models import Run
from campaigns.publishing.services import accounts, chunks, pipeline, runs, sweeper
from campaigns.publishing.services.pipeline import Sender
from campaigns.publishing.states import ChunkState, RunState
from core import clock, disk
from core.errors import AlmanacError, FixSettings, Invalid, TryLater

log = logging.getLogger(__name__)

TURN_SECONDS = 40.0
"""A turn ends before brokers begin to think that the worker is gone; whatever is left gets another bell."""


def work(run_id: int, turn_seconds: float = TURN_SECONDS) -> bool:
    """Do what can be done for the run now; True when there is more to do at once."""
    if disk.short():
        return False
    run = Run.objects.select_related("publication__account").filter(pk=run_id).first()
    if run is None:
        return False
    if run.state == RunState.WAITING and runs.start(run_id):
        run = Run.objects.select_related("publication__account").get(pk=run_id)
    if not _ready(run) or pipeline.stopping.is_set():
        return False
    until = time.monotonic() + turn_seconds
    try:
        flight = journal.Journal()
    except journal.Unwritable as error:
        log.error("%s Nothing is begun.", error)
        return False
    sound = False
    try:
        try:
            sender = Sender(run, flight)
        except (AlmanacError, ValueError) as error:
            _cannot_open(run, error)
            sound = True
            return False
        try:
            while not (sender.stopped or pipeline.stopping.is_set()) and time.monotonic() < until:
                lease = chunks.lease(run_id, flight.owner)
                if lease is None:
                    break
                sender.send_chunk(lease, until)
            sound = True
        finally:
            sender.close()
    finally:
        if sound:
            flight.close()
        else:
            flight.leave()
    sweeper.finish(run_id)
    more = run.chunks.filter(state=ChunkState.OPEN).exists()
    return more and not sender.stopped


def _ready(run: Run) -> bool:
    account = run.publication.account
    if run.state != RunState.LIVE or run.publication.state != PublicationState.LIVE or account is None:
        return False
    return not (account.blocked_until and account.blocked_until > clock.ledger_now())


def _cannot_open(run: Run, error: Exception) -> None:
    """The account cannot even be opened: its secrets, its settings, or an approval whose bytes are broken."""
    account_id = run.publication.account_id
    assert account_id is not None
    if isinstance(error, Invalid) and error.code == "seal_broken":
        from campaigns.publishing.services import holds

        holds.hold(run.publication, "seal")
    elif isinstance(error, TryLater):
        accounts.waiting(account_id, error.retry_at, error.message)
    elif isinstance(error, AlmanacError):
        accounts.broken(account_id, error.message)
    else:
        accounts.broken(account_id, type(error).__name__)
        log.exception("Account %s cannot be opened.", account_id)
    if isinstance(error, FixSettings):
        log.warning("Account %s needs attention.", account_id)
