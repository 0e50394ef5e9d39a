"""The bulkhead: a share of the slots for each account, fair between them, the urgent before the large."""

import threading
import time
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.publishing import outcomes
from campaigns.publishing.services import slots as module
from campaigns.publishing.services.slots import Slots, Turn
from channels.base import Blame, Capabilities, Channel, Outcome, Result
from channels.services import health
from core import clock


def enter(slots, run, account, *, left=100, fresh=False, patience=0.0):
    turn = Turn(slots, run, account, left, fresh=fresh)
    return turn if slots.wait(turn, patience) else None


@given(steps=some.lists(some.tuples(some.sampled_from("ealb"), some.integers(0, 30), some.integers(0, 3)), max_size=60))
def test_never_more_than_the_size_and_never_more_than_a_share(steps):
    slots = Slots(size=4, share=2, most_aside=3)
    inside, aside = [], []
    for step, run, account in steps:
        if step == "e" and (turn := enter(slots, run, account)):
            inside.append(turn)
        elif step == "a" and inside:
            turn = inside.pop(run % len(inside))
            turn.step_aside()
            aside.append(turn)
        elif step == "b" and aside:
            turn = aside.pop(run % len(aside))
            (inside if turn.come_back(0.0) else aside).append(turn)
        elif step == "l" and inside + aside:
            turn = (inside + aside)[run % len(inside + aside)]
            slots.leave(turn)
            (inside if turn in inside else aside).remove(turn)
        assert slots.of_account.total() == len(inside) <= 4
        assert max(slots.of_account.values(), default=0) <= 2
        assert slots.aside.total() == len(aside)
    for turn in inside + aside:
        slots.leave(turn)
    assert (slots.of_account.total(), slots.aside.total(), slots.waiting) == (0, 0, [])


def test_a_hanging_account_leaves_room_for_every_other():
    slots = Slots(size=8, share=4)
    assert [bool(enter(slots, run, 1)) for run in range(8)] == [True] * 4 + [False] * 4
    assert enter(slots, 20, 2)


def test_who_waits_for_answers_has_no_slot_and_a_limit():
    slots = Slots(size=4, share=4, most_aside=6)
    for run in range(6):
        enter(slots, run, 1).step_aside()
    assert slots.of_account.total() == 0
    assert enter(slots, 7, 1) is None, "no new turn for an account that leaves six without an answer"
    assert enter(slots, 8, 2)


def queue_of(slots, turns):
    """Who comes in, in which order, when one slot becomes free again and again."""
    order = []

    def wait(turn):
        if slots.wait(turn, 10):
            order.append(turn.run_id)
            slots.leave(turn)

    with ExitStack() as stack:
        holder = enter(slots, 0, 0)
        threads = [threading.Thread(target=wait, args=(turn,)) for turn in turns]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        while len(slots.waiting) < len(turns):
            pass
        slots.leave(holder)
    return order


def test_the_fresh_and_small_come_before_the_large():
    slots = Slots(size=1, share=1)
    turns = [
        Turn(slots, 1, 7, 100_000, fresh=False),
        Turn(slots, 2, 7, 50, fresh=False),
        Turn(slots, 3, 8, 100_000, fresh=True),
    ]
    assert queue_of(slots, turns) == [3, 2, 1]


def test_a_large_turn_gives_way_to_a_small_one(monkeypatch):
    monkeypatch.setattr(module, "SOON", 0.0)
    slots = Slots(size=1, share=1)
    large = enter(slots, 1, 7, left=100_000)
    assert not large.should_yield()
    small = Turn(slots, 2, 7, 5, fresh=True)
    waiter = threading.Thread(target=slots.wait, args=(small, 10))
    waiter.start()
    while not slots.waiting:
        pass
    assert large.should_yield()
    slots.leave(large)
    waiter.join()
    other = Turn(slots, 3, 7, 100_000, fresh=False)
    waiter = threading.Thread(target=slots.wait, args=(other, 0.2))
    waiter.start()
    while not slots.waiting:
        pass
    assert not small.should_yield(), "not to a larger one, before its time is over"
    monkeypatch.setattr(module, "QUANTUM", 0.0)
    assert small.should_yield()
    waiter.join()
    assert other.may_ring, "another process may have a slot"


def test_nobody_is_starved_by_a_stream_of_small_ones():
    slots = Slots(size=1, share=1)
    old = Turn(slots, 1, 7, 100_000, fresh=False)
    now = time.monotonic()
    slots.asked[1] = (now - module.LONG_WAIT - 1, now)
    young = Turn(slots, 2, 7, 1, fresh=True)
    assert queue_of(slots, [young, old])[0] == 1


def test_a_second_bell_of_a_run_that_waits_is_not_kept():
    slots = Slots(size=1, share=1)
    holder = enter(slots, 0, 0)
    first = threading.Thread(target=slots.wait, args=(Turn(slots, 1, 7, 1, fresh=False), 5))
    first.start()
    while not slots.waiting:
        pass
    assert enter(slots, 1, 7, patience=60) is None
    slots.leave(holder)
    first.join()


# --- What an answer does to a message's budget, and silence to an account ---

PLAIN = Capabilities(channel=Channel.EMAIL)


@given(
    result=some.sampled_from(list(Result)),
    blame=some.sampled_from(list(Blame)),
    deferrals=some.integers(0, 7),
    replays=some.integers(0, 9),
)
def test_only_an_answer_about_the_message_counts(result, blame, deferrals, replays):
    now = clock.now()
    row = outcomes.row_for(
        1,
        Outcome("r", result, blame=blame),
        deferrals=deferrals,
        replays=replays,
        first_try_at=now,
        capabilities=PLAIN,
        account_waits_until=None,
        now=now,
    )
    about_it = result == Result.RETRY and blame not in {Blame.ACCOUNT, Blame.PROVIDER}
    assert row["deferrals"] == about_it
    assert (row["reason"] == "gave_up") == (about_it and deferrals == outcomes.MAX_TRIES - 1)
    if row["state"] == "pending":
        assert row["next_at"] > now


@pytest.mark.parametrize(("strikes", "seconds"), [(1, 40), (2, 80), (3, 160), (5, 640), (6, 900), (60, 900)])
def test_a_silent_account_rests_ever_longer(strikes, seconds):
    assert health.silence_after(strikes).total_seconds() == seconds
