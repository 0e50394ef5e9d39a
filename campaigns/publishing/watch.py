"""The ledger as monitoring sees it: runs that are under way, accounts, and how long what is due has been waiting.

Counting reads the rows of the runs that are under way (and of those that ended within the hour, so that the last scrape sees
the end), never of those that are over.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from campaigns.publishing.models import Chunk, Delivery, EventCursor, Run
from campaigns.publishing.services.events import CURSOR
from campaigns.publishing.states import ChunkState, DeliveryState, RunState
from channels.models import ChannelAccount, ProviderEvent
from core import clock

UNDER_WAY = (RunState.FREEZING, RunState.LIVE, RunState.PAUSED, RunState.HELD)
ENDED_WITHIN = timedelta(hours=1)
MOST_RUNS = 200
"""Those under way before those that ended, and of each the latest; more series than this say less."""
LOOK_BACK = timedelta(seconds=20)
OPEN = (DeliveryState.PENDING, DeliveryState.ATTEMPTING)
"""`claimed` is no state of a row (docs/decisions/0002)."""


@dataclass(slots=True)
class RunFigures:
    """One run. `late` and `idle` in seconds; `rate` in answered messages a second, over the last `LOOK_BACK`."""

    run: str
    publication: str
    account: str
    state: str
    late: float
    idle: float
    counts: dict[str, int] = field(default_factory=dict)
    rate: float = 0.0

    @property
    def open(self) -> int:
        """Messages that are still to be settled by sending."""
        return sum(self.counts.get(state, 0) for state in OPEN)


@dataclass(slots=True)
class AccountFigures:
    """One account. `lag`: seconds for which its oldest due run with open messages has been due."""

    account: str
    name: str
    channel: str
    provider: str
    health: str
    blocked: float
    rate: float = 0.0
    lag: float = 0.0
    unknown: int = 0
    unconfirmed: int = 0


@dataclass(slots=True)
class Figures:
    """All of it. `queue_age`: seconds for which the due work that waits longest has been without a worker."""

    runs: list[RunFigures]
    accounts: list[AccountFigures]
    queue_age: float
    due_runs: int
    open_chunks: int
    leased_chunks: int
    events_unread: int


def figures() -> Figures:
    """Read them: some ten queries, whatever the number of runs."""
    now = clock.ledger_now()
    rows = _runs(now)
    runs = {row.pk: _of_run(row, now) for row in rows}
    _count(runs, now)
    chunks = dict(
        Chunk.objects.filter(run__state=RunState.LIVE, state__in=[ChunkState.OPEN, ChunkState.LEASED])
        .order_by()
        .values_list("state")
        .annotate(count=Count("pk"))
    )
    due = Run.objects.filter(state=RunState.WAITING, due_at__lte=now)
    return Figures(
        runs=list(runs.values()),
        accounts=_accounts(runs.values(), now),
        queue_age=_queue_age(rows, runs, now),
        due_runs=due.count(),
        open_chunks=chunks.get(ChunkState.OPEN, 0),
        leased_chunks=chunks.get(ChunkState.LEASED, 0),
        events_unread=_events_unread(),
    )


def _runs(now: datetime) -> list[Run]:
    wanted = Q(state__in=UNDER_WAY) | Q(state=RunState.WAITING, due_at__lte=now)
    ended = Q(state__in=[RunState.DONE, RunState.CANCELLED, RunState.FAILED], finished_at__gte=now - ENDED_WITHIN)
    rows = Run.objects.select_related("publication__account").order_by("-pk")
    under_way = list(rows.filter(wanted)[:MOST_RUNS])
    return [*under_way, *rows.filter(ended)[: MOST_RUNS - len(under_way)]]


def _of_run(run: Run, now: datetime) -> RunFigures:
    begun = run.started_at or (now if run.state in {RunState.WAITING, RunState.FREEZING} else run.due_at)
    moved = run.moved_at or run.started_at or run.due_at
    account = run.publication.account
    over = run.state not in UNDER_WAY and run.state != RunState.WAITING
    return RunFigures(
        run=str(run.public_id),
        publication=str(run.publication.public_id),
        account=str(account.public_id) if account else "",
        state=run.state,
        late=_seconds(begun - run.due_at),
        idle=0.0 if over else _seconds(now - moved),
    )


def _count(runs: dict[int, RunFigures], now: datetime) -> None:
    answered = Q(changed_at__gte=now - LOOK_BACK, state__in=[DeliveryState.ACCEPTED, DeliveryState.REJECTED])
    counted = (
        Delivery.objects.filter(run__in=list(runs))
        .order_by()
        .values_list("run_id", "state")
        .annotate(count=Count("pk"), recent=Count("pk", filter=answered))
    )
    for run_id, state, count, recent in counted:
        runs[run_id].counts[state] = count
        runs[run_id].rate += recent / LOOK_BACK.total_seconds()


def _accounts(runs: Iterable[RunFigures], now: datetime) -> list[AccountFigures]:
    found = {
        str(row.public_id): AccountFigures(
            account=str(row.public_id),
            name=row.name,
            channel=row.channel,
            provider=row.provider,
            health=row.health,
            blocked=_seconds(row.blocked_until - now) if row.blocked_until else 0.0,
        )
        for row in ChannelAccount.objects.all()
    }
    due = dict(Run.objects.filter(state__in=[*UNDER_WAY, RunState.WAITING]).values_list("public_id", "due_at"))
    since = {str(public_id): _seconds(now - due_at) for public_id, due_at in due.items()}
    for run in runs:
        if run.account not in found:  # a page goes live without one
            continue
        account = found[run.account]
        account.rate += run.rate
        if run.state == RunState.WAITING or run.open:
            account.lag = max(account.lag, since.get(run.run, 0.0))
    for public_id, doubts in _doubts().items():
        if public_id not in found:
            continue
        found[public_id].unknown = doubts.get(DeliveryState.UNKNOWN, 0)
        found[public_id].unconfirmed = doubts.get(DeliveryState.UNCONFIRMED, 0)
    return list(found.values())


def _doubts() -> dict[str, dict[str, int]]:
    """Of all time, by account. The three states are those of the partial index, so that SQLite uses it as well."""
    rows = (
        Delivery.objects.filter(state__in=["attempting", "unknown", "unconfirmed"])
        .order_by()
        .values_list("publication__account__public_id", "state")
        .annotate(count=Count("pk"))
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for public_id, state, count in rows:
        found[str(public_id)][state] = count
    return found


def _queue_age(rows: Iterable[Run], runs: dict[int, RunFigures], now: datetime) -> float:
    waiting = [_seconds(now - run.due_at) for run in rows if run.state == RunState.WAITING]
    in_hand = set(Chunk.objects.filter(run__in=list(runs), state=ChunkState.LEASED).values_list("run_id", flat=True))
    idle = [
        runs[run.pk].idle for run in rows if run.state == RunState.LIVE and run.pk not in in_hand and runs[run.pk].open
    ]
    return max([0.0, *waiting, *idle])


def _events_unread() -> int:
    """About how many of the providers' events nobody has read yet; ids may have gaps, so it may be a little less."""
    last = ProviderEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    read = EventCursor.objects.filter(name=CURSOR).values_list("position", flat=True).first() or 0
    return max(0, last - read)


def _seconds(span: timedelta) -> float:
    return max(0.0, span.total_seconds())
