"""One worker's turn at one run: a slot, then start it if it is due, then chunk after chunk for as long as a turn lasts."""

import logging
import time
from datetime import datetime

from django.db.models import F, Sum

from campaigns.planning.states import PublicationState
from campaigns.publishing import journal
from campaigns.publishing.models import Run
from campaigns.publishing.services import chunks, runs, sweeper
from campaigns.publishing.services.flights import stopping
from campaigns.publishing.services.pipeline import Sender
from campaigns.publishing.services.slots import Turn, slots
from campaigns.publishing.states import ChunkState, RunState
from channels.models import ChannelAccount
from channels.services import health
from core import clock, disk
from core.errors import AlmanacError, FixSettings, Invalid, TryLater

log = logging.getLogger(__name__)

TURN_SECONDS = 40.0
"""A turn ends before brokers begin to think that the worker is gone; whatever is left gets another bell."""


def work(run_id: int, turn_seconds: float = TURN_SECONDS) -> bool:
    """Do what can be done for the run now; True when there is more to do at once."""
    if disk.short():
        return False
    run = _find(run_id)
    if run is None or stopping.is_set() or not (run.state == RunState.WAITING or _ready(run)):
        return False
    fresh = run.state == RunState.WAITING
    with slots.turn(run_id, run.publication.account_id or 0, _left(run), fresh=fresh) as turn:
        if not turn.inside:
            return turn.may_ring
        if fresh and not runs.start(run_id):
            return False
        run = _find(run_id)
        return run is not None and _ready(run) and _send(run, turn, time.monotonic() + turn_seconds)


def _find(run_id: int) -> Run | None:
    return Run.objects.select_related("publication__account").filter(pk=run_id).first()


def _left(run: Run) -> int:
    """How many rows are still to be tried, roughly."""
    open_chunks = run.chunks.filter(is_retry=False, state__in=[ChunkState.OPEN, ChunkState.LEASED])
    return open_chunks.aggregate(left=Sum(F("last_seq") - F("next_seq") + 1))["left"] or 0


def _ready(run: Run) -> bool:
    account = run.publication.account
    if run.state != RunState.LIVE or run.publication.state != PublicationState.LIVE or account is None:
        return False
    return not (account.blocked_until and account.blocked_until > clock.ledger_now())


def _send(run: Run, turn: Turn, until: float) -> bool:
    """Chunk after chunk; an account that is not well is tried by one worker, with one message."""
    account = run.publication.account
    assert account is not None
    probing: datetime | None = None
    if account.health != ChannelAccount.Health.OK and (probing := health.take_probe(account.pk)) is None:
        return False
    try:
        return _turn(run, turn, until, probing)
    finally:
        if probing is not None:
            health.return_probe(account.pk, probing)


def _turn(run: Run, turn: Turn, until: float, probing: datetime | None) -> bool:
    try:
        flight = journal.Journal()
    except journal.Unwritable as error:
        log.error("%s Nothing is begun.", error)
        return False
    sound = False
    try:
        try:
            sender = Sender(run, flight, turn, probing=probing)
        except (AlmanacError, ValueError) as error:
            _cannot_open(run, error)
            sound = True
            return False
        try:
            _chunk_after_chunk(sender, flight.owner, until)
            sound = True
        finally:
            sender.close()
    finally:
        if sound:
            flight.close()
        else:
            flight.leave()
    sweeper.finish(run.pk)
    more = run.chunks.filter(state=ChunkState.OPEN).exists()
    return more and not sender.stopped


def _chunk_after_chunk(sender: Sender, owner: str, until: float) -> None:
    while not (sender.stopped or stopping.is_set()) and time.monotonic() < until:
        if sender.turn.should_yield() or not sender.turn.come_back():
            return
        if sender.probing is None and chunks.is_unanswered(sender.account_id):
            # Somebody's slice is in the air and nobody answers: whoever gets the answer rings.
            sender.stopped = True
            return
        lease = chunks.lease(sender.run_id, owner)
        if lease is None:
            return
        sender.send_chunk(lease, until)


def _cannot_open(run: Run, error: Exception) -> None:
    """The account cannot even be opened: its secrets, its settings, or an approval whose bytes are broken."""
    account_id = run.publication.account_id
    assert account_id is not None
    if isinstance(error, Invalid) and error.code == "seal_broken":
        from campaigns.publishing.services import holds

        holds.hold(run.publication, "seal")
    elif isinstance(error, TryLater):
        health.waiting(account_id, error.retry_at, error.message)
    elif isinstance(error, AlmanacError):
        health.broken(account_id, error.message)
    else:
        health.broken(account_id, type(error).__name__)
        log.exception("Account %s cannot be opened.", account_id)
    if isinstance(error, FixSettings):
        log.warning("Account %s needs attention.", account_id)
