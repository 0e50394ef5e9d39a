"""The copy guard under every order of steps: a healthy installation is never held, one that went back always is.

The real code runs, as several processes of one or two machines; each stops before and after everything it reads or writes
(as SIGSTOP, a slow disk or a paused machine would stop it), and what comes next is drawn. Clocks jump and processes die in
between.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.db import connections
from django.utils import timezone
from greenlet import GreenletExit, getcurrent, greenlet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core import clock, installation, witness
from core.models import Installation, Witness
from core.witness import Life, Mark

pytestmark = pytest.mark.django_db

HOSTS = 2


class Process:
    """One simulated process: its memory, and where in its beat (or slice) it stands."""

    def __init__(self, world, host, kind):
        self.world, self.host, self.kind = world, host, kind
        self.life = Life(world.folder(host))
        self.committed = None
        self.running = None

    @property
    def is_idle(self):
        return self.running is None or self.running.dead

    def step(self, stops=1):
        """On by some stops; begins the next beat when one has ended."""
        for _stop in range(stops):
            if self.is_idle:
                self.running = greenlet(self.work)
                self.running.process = self
            self.running.switch()

    def work(self):
        # Where an event loop runs in this thread (a browser test before this one), a greenlet would get its own connection.
        connections["default"] = self.world.connection
        installation.check_and_beat()
        if self.kind == "worker" and not (asked := installation.standing()).reason:
            installation.about_to_send(asked)

    def finish(self):
        while not self.is_idle:
            self.running.switch()

    def die(self):
        if not self.is_idle:
            self.running.throw(GreenletExit)
        self.life.end()


class World:
    """A database, two machines' homes, and the processes on them."""

    def __init__(self, stack, owner):
        self.owner = owner
        self.connection = connections["default"]
        self.home = Path(tempfile.mkdtemp(prefix="almanac-witness-"))
        stack.callback(shutil.rmtree, self.home)
        stack.callback(self.end)
        self.processes = []
        self.jump = timedelta(0)
        self.backups = []
        Installation.objects.all().delete()
        Witness.objects.all().delete()
        patches = {
            (installation, "_life"): self.life,
            (clock, "now"): lambda: timezone.now() + self.jump,
            (installation.transaction, "on_commit"): lambda do, robust=False: do(),
        }
        for (place, name), stand_in in patches.items():
            stack.enter_context(mock.patch.object(place, name, stand_in))
        for place, name in (
            (witness, "read"),
            (installation, "this"),
            (Life, "advance"),
            (Life, "remember"),
            (Life, "_write"),
        ):
            stack.enter_context(mock.patch.object(place, name, stopping_after(getattr(place, name))))
        self.row = installation.this()

    def folder(self, host):
        return self.home / str(host)

    def life(self):
        process = getattr(getcurrent(), "process", None)
        return process.life if process else Life(self.folder(0))

    def start(self, host, kind):
        self.processes.append(Process(self, host, kind))
        return self.processes[-1]

    def backup(self):
        self.backups.append((list(Installation.objects.values()), list(Witness.objects.values())))

    def restore(self, number):
        installations, witnesses = self.backups[number]
        Installation.objects.all().delete()
        Witness.objects.all().delete()
        Installation.objects.bulk_create(Installation(**row) for row in installations)
        Witness.objects.bulk_create(Witness(**row) for row in witnesses)

    def reached(self):
        """What files and living processes know that the database had reached."""
        marks = {}
        for host in range(HOSTS):
            marks |= witness.read(self.folder(host))
        return marks | {one.life.id: one.committed for one in self.processes if one.committed}

    def do(self, event):
        match event:
            case ("start", host, kind):
                self.start(host, kind)
            case ("step", which, stops) if self.processes:
                self.processes[which % len(self.processes)].step(stops)
            case ("die", which) if self.processes:
                self.processes.pop(which % len(self.processes)).die()
            case ("clock", hours):
                self.jump += timedelta(hours=hours)
            case ("backup",):
                self.backup()

    def settle(self, lagging=0):
        """Everybody ends what they were at, and beats once more; each machine starts another process. Whoever lags stays
        where it stands."""
        for process in self.processes[lagging:]:
            process.finish()
        for host in range(HOSTS):
            self.start(host, "worker")
        for process in self.processes[lagging:]:
            process.step()
            process.finish()

    def held(self):
        return Installation.objects.get().held_reason

    def end(self):
        for process in self.processes:
            process.die()


def stopping_after(function):
    def stopped(*arguments, **options):
        answer = function(*arguments, **options)
        process = getattr(getcurrent(), "process", None)
        if process:  # the simulated processes stop; the test itself does not
            if isinstance(answer, Mark):
                process.committed = answer
            process.running.parent.switch()
        return answer

    return stopped


hosts = st.integers(0, HOSTS - 1)
which = st.integers(0, 7)
steps = st.tuples(st.just("step"), which, st.sampled_from([1, 2, 3, 4, 5, 9, 20]))
"""A beat has five stops, a slice besides three more."""
EVENTS = st.one_of(
    steps,
    steps,
    steps,
    st.tuples(st.just("start"), hosts, st.sampled_from(["worker", "scheduler"])),
    st.tuples(st.just("die"), which),
    st.tuples(st.just("clock"), st.sampled_from([-26, -2, 2, 30])),
    st.tuples(st.just("backup")),
)
LIVES = st.lists(EVENTS, min_size=12, max_size=40)
orders = settings(
    max_examples=int(os.environ.get("ALMANAC_TEST_ORDERS", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def begin(stack, owner):
    """Both machines have known the database for a beat; what a machine that knows nothing does is tried elsewhere."""
    world = World(stack, owner)
    for host in range(HOSTS):
        first = world.start(host, "worker")
        first.step()
        first.finish()
    world.backup()
    return world


@orders
@given(events=LIVES)
def test_no_order_pause_clock_or_death_holds_a_healthy_installation(owner, events):
    with ExitStack() as stack:
        world = begin(stack, owner)
        for event in events:
            world.do(event)
            assert world.held() == ""
        world.settle()
        assert world.held() == ""
        assert all(installation_may_send(process) for process in world.processes)


def installation_may_send(process):
    with mock.patch.object(installation, "_life", lambda: process.life):
        return installation.may_send()[0]


WENT_BACK_IN_A_BEAT = {
    # One has looked at the files when another commits once more, writes it down and dies; then the database goes back.
    "before": [
        *[("step", 0, 1), ("step", 0, 1), ("step", 1, 1), ("step", 1, 1), ("start", 0, "worker"), ("backup",)],
        *[("step", 0, 1), ("step", 2, 1), ("step", 0, 1), ("step", 0, 1), ("die", 0), ("die", 0)],
    ],
    "after": [("step", 0, 20), ("step", 0, 9)],
    "back": 1,
    "lagging": 0,
}


@orders
@example(**WENT_BACK_IN_A_BEAT)
@given(before=LIVES, after=LIVES, back=st.integers(1, 6), lagging=st.sampled_from([0, 0, 1, 2]))
def test_one_that_went_back_is_always_held_and_sends_after_a_person_confirmed(owner, before, after, back, lagging):
    with ExitStack() as stack:
        world = begin(stack, owner)
        for event in before:
            world.do(event)
        reached = world.reached()
        world.restore(-min(back, len(world.backups)))
        known = dict(Witness.objects.values_list("pk", "number"))
        lost = any(known.get(life, 0) < mark.number for life, mark in reached.items())
        for event in after:
            if event[0] != "die":
                world.do(event)
        world.settle(lagging)
        if lost and not lagging:
            assert world.held() == "restored"
        assert lost or world.held() == ""
        if world.held():
            installation.confirm(world.owner)
            world.settle()
            world.settle()
            assert world.held() == ""
            assert all(installation_may_send(process) for process in world.processes)


@orders
@given(before=LIVES, back=st.integers(1, 6))
def test_a_backup_from_before_a_confirmation_is_held_again(owner, before, back):
    with ExitStack() as stack:
        world = begin(stack, owner)
        for event in before:
            world.do(event)
        installation.confirm(world.owner)
        world.settle()
        assert world.held() == ""
        world.restore(-min(back, len(world.backups)))
        world.settle()
        assert world.held() == "restored"


def test_a_file_is_never_lowered_and_outlives_its_process_until_another_knows_more(tmp_path):
    one, other = Life(tmp_path), Life(tmp_path)
    for _beat in range(3):
        one.remember(one.advance(0))
    one.remember(Mark(0, 1))
    assert witness.read(tmp_path) == {one.id: Mark(0, 3)}
    seen = witness.read(tmp_path)
    other.remember(other.advance(0))
    other.tidy(seen, Mark(0, 1))
    assert one.id in witness.read(tmp_path)  # it lives
    one.end()
    Witness.objects.filter(pk=one.id).update(number=2)
    other.tidy(seen, Mark(0, 1))
    assert one.id in witness.read(tmp_path)  # the database has not reached it: evidence
    Witness.objects.filter(pk=one.id).update(number=3)
    other.tidy(seen, Mark(0, 1))
    assert witness.read(tmp_path) == {other.id: Mark(0, 1)}
    assert Witness.objects.filter(pk=one.id).exists()


def test_a_process_between_commit_and_file_finds_that_the_database_went_back(tmp_path):
    one, other = Life(tmp_path), Life(tmp_path)
    one.remember(one.advance(0))
    other.remember(other.advance(0))
    mark = one.advance(0)
    Witness.objects.filter(pk=one.id).update(number=1)  # restored; what the file says, it has
    assert not witness.is_behind(0, witness.read(tmp_path))
    one.remember(mark)
    assert witness.is_behind(0, {one.id: one.mark})
    with pytest.raises(witness.Lost):
        one.advance(0)
    Witness.objects.filter(pk=one.id).delete()
    with pytest.raises(witness.Lost):
        one.advance(0)
    assert one.advance(7) == Mark(7, 1)  # a person has confirmed


def test_a_disk_that_takes_nothing_holds_nobody(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    life = Life(tmp_path)
    life.remember(life.advance(0))
    monkeypatch.setattr(Path, "write_text", full)
    for _beat in range(3):
        assert not life.remember(life.advance(0))
    assert not witness.is_behind(0, witness.read(tmp_path))


@pytest.mark.parametrize("text", ["", "{", '{"term": 0}', '{"term": 0, "number": "many"}', "[]"])
def test_a_file_that_cannot_be_read_says_nothing(tmp_path, text):
    (tmp_path / "0193e0b0-0000-7000-8000-000000000000.json").write_text(text)
    assert witness.read(tmp_path) == {}
