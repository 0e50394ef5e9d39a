"""From a provider's answer to the state of a delivery: rules as pure functions."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from campaigns.publishing.states import DeliveryState
from channels.base import Blame, Capabilities, Outcome, Result
from core import clock

MAX_TRIES = 8
"""So often a single message is put off by the provider before we give up. Only an answer about this message counts: an
outage, a cut slice, an account that waits and a lost answer do not."""
MAX_REPLAYS = 5
"""So often a message whose answer was lost is sent in all, where that has no second effect."""
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
OUR_MARGIN = 0.9
"""Of a provider's replay window we use so much: clocks differ."""


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries: doubling."""
    return min(FIRST_PAUSE * 2 ** min(max(tries - 1, 0), 10), LONGEST_PAUSE)


def may_replay(capabilities: Capabilities, lost: int, first_try_at: datetime, now: datetime) -> bool:
    """Whether a message whose answer was lost, `lost` times by now, may be sent again without a second effect that anybody
    would see."""
    if lost >= MAX_REPLAYS:
        return False
    if capabilities.masked_on_device:
        return True
    if not capabilities.replay_safe:
        return False
    window = capabilities.replay_window
    return window is None or now - first_try_at < window * OUR_MARGIN


def row_for(
    delivery_id: int,
    outcome: Outcome,
    *,
    deferrals: int,
    replays: int,
    first_try_at: datetime,
    capabilities: Capabilities,
    account_waits_until: datetime | None,
    now: datetime,
) -> Mapping[str, Any]:
    """What becomes of one delivery, as a row for `sql.settle`.

    `deferrals`: how often it was put off before; `replays`: how often its answer was lost before, first at `first_try_at`.
    """
    state, reason, next_at = DeliveryState.PENDING, "later", None
    deferred = 0
    match outcome.result, outcome.blame:
        case Result.ACCEPTED, _:
            state, reason = DeliveryState.ACCEPTED, ""
        case ((Result.RETRY | Result.REJECTED), (Blame.ACCOUNT | Blame.PROVIDER)):
            # Nobody's fault but the account's: the row waits with it, and that is no failed try of this message.
            reason = "account" if outcome.blame == Blame.ACCOUNT else "later"
            next_at = max(account_waits_until or now + FIRST_PAUSE, _asked_for(outcome, now))
        case Result.REJECTED, blame:
            state, reason = DeliveryState.REJECTED, "endpoint" if blame == Blame.ENDPOINT else "refused"
            if outcome.code == "render":
                reason = "render"
        case Result.RETRY, _:
            deferred = 1
            if deferrals + deferred >= MAX_TRIES:
                state, reason = DeliveryState.REJECTED, "gave_up"
            else:
                next_at = max(_asked_for(outcome, now), now + pause_after(deferrals + deferred))
        case _ if may_replay(capabilities, replays + 1, first_try_at, now):
            next_at = now + pause_after(replays + 1)
        case _:
            state, reason = DeliveryState.UNKNOWN, "no_answer"
    return {
        "id": delivery_id,
        "outcome": outcome.result.value,
        "state": state.value,
        "reason": reason,
        "provider_id": outcome.provider_id[:200],
        "code": outcome.code[:60],
        "detail": outcome.detail[:500],
        "next_at": next_at,
        "deferrals": deferred,
    }


def _asked_for(outcome: Outcome, now: datetime) -> datetime:
    """When the provider wants to be asked again, told by the wall clock, as the ledger's clock will show it."""
    return clock.ledger_time(outcome.retry_at) if outcome.retry_at else now
