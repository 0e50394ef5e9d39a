"""Asking again and again, for as long as somebody wants to know."""

import threading
import time

import pytest

from core import watch
from core.watch import Watch


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(watch, "EVERY", 0.05)
    monkeypatch.setattr(watch, "close_old_connections", lambda: None)


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_first_look_waits_for_the_answer_and_nobody_asks_at_rest():
    asked = []
    watched = Watch(lambda: asked.append(1) or 7)
    assert watched.look(time.monotonic()).stamp == 7
    time.sleep(0.3)
    assert len(asked) == 1


def test_a_new_answer_says_since_when_the_old_one_may_be_wrong():
    answers = ["old"]
    watched = Watch(lambda: answers[-1])
    first = watched.look(time.monotonic())
    heard = time.monotonic()
    answers.append("new")
    wait_for(lambda: watched.look(time.monotonic()).stamp == "new")
    seen = watched.look(time.monotonic())
    assert first.stamp == "old"
    assert heard - 1 < seen.since < time.monotonic() - 0.01


def test_an_error_leaves_the_last_answer_and_tells_how_old_it_is():
    answers = [3]
    watched = Watch(lambda: answers[0])
    watched.look(time.monotonic())
    answers.clear()
    time.sleep(0.1)
    watched.look(time.monotonic())
    wait_for(lambda: watched._fails)
    assert watched.look(time.monotonic()).stamp == 3
    assert watched.silent_for(time.monotonic()) > 0.05


def test_a_database_that_hangs_holds_nobody_up_for_long():
    gone = threading.Event()
    watched = Watch(lambda: gone.wait(20) or 1)
    began = time.monotonic()
    for _ in range(20):
        watched.look(time.monotonic())
    assert time.monotonic() - began < 2
    gone.set()
