"""The ledger's clock: it never goes back, never leaps, and every process of the machine reads the same."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as some

from core import clock, machine
from core.steady import BELIEVED, RATE, SteadyClock

START = datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp()
HOUR = 3600.0


class Machine:
    """A machine whose clocks a test turns: `wall` may be set, `up` only runs."""

    def __init__(self, monkeypatch, path):
        self.wall, self.up, self.boot = START, 1000.0, "boot-1"
        self.path = path
        self.clock = SteadyClock(path)
        monkeypatch.setattr(machine, "uptime", lambda: self.up)
        monkeypatch.setattr(machine, "boot_id", lambda: self.boot)

    def passes(self, seconds):
        self.wall += seconds
        self.up += seconds

    def reboot(self, wall):
        self.wall, self.up, self.boot = wall, 5.0, self.boot + "+"
        self.clock = SteadyClock(self.path)

    def read(self):
        return self.clock.read(self.wall)


@pytest.fixture
def here(monkeypatch, tmp_path):
    return Machine(monkeypatch, tmp_path / "ledger-clock.json")


def test_while_nobody_sets_it_it_is_the_wall_clock(here):
    for _step in range(5):
        reading = here.read()
        assert (reading.time, reading.believed, reading.jump) == (here.wall, here.wall, 0)
        here.passes(900)


@pytest.mark.parametrize("hours", [2, -2, 24, -24])
def test_a_jump_of_hours_moves_neither_pauses_nor_schedules(here, hours):
    here.read()
    here.passes(60)
    here.wall += hours * HOUR
    reading = here.read()
    assert reading.time == reading.believed == START + 60
    assert reading.jump == hours * HOUR
    here.passes(30)
    assert here.read().time == START + 90
    here.wall -= hours * HOUR
    assert (here.read().time, here.read().jump) == (START + 90, 0)


def test_a_process_that_starts_after_the_jump_reads_the_same(here):
    here.read()
    here.passes(60)
    here.wall += 2 * HOUR
    assert SteadyClock(here.path).read(here.wall) == here.clock.read(here.wall)
    assert SteadyClock(here.path).read(here.wall).time == START + 60


@pytest.mark.parametrize("seconds", [20.0, -20.0, 1800.0, -1800.0])
def test_a_small_step_is_believed_at_once_by_schedules_and_by_and_by_by_pauses(here, seconds):
    here.read()
    here.passes(60)
    here.wall += seconds
    other = SteadyClock(here.path)
    assert other.read(here.wall).believed == here.wall
    before = here.read().time
    assert before == pytest.approx(START + 60)
    here.passes(10)
    gone = here.read().time - before
    assert 10 * (1 - RATE) <= gone <= 10 * (1 + RATE)
    here.passes(abs(seconds) / RATE)
    assert here.read().time == pytest.approx(here.wall)


def test_a_person_may_say_that_the_wall_clock_is_right(here):
    here.read()
    here.wall += 2 * HOUR
    here.clock.believe(here.wall)
    assert (here.read().time, here.read().believed, here.read().jump) == (here.wall, here.wall, 0)
    here.wall -= 5 * HOUR
    before = here.read().time
    here.clock.believe(here.wall)
    after = here.read()
    assert (after.time, after.believed, after.jump) == (before, here.wall, 0)
    here.passes(5 * HOUR / RATE)
    assert here.read().time == pytest.approx(here.wall)


def test_after_another_boot_it_goes_on_from_the_wall_clock_but_never_back(here):
    here.read()
    here.passes(600)
    here.clock.note()
    here.reboot(START + 900)
    assert (here.read().time, here.read().jump) == (START + 900, 0)
    here.clock.note()
    here.reboot(0.0)  # a machine whose battery is dead begins in 1970
    reading = here.read()
    assert reading.time == START + 900
    assert reading.jump == -(START + 900)
    here.passes(10)
    assert here.read().time == START + 910


def test_a_file_that_cannot_be_read_is_made_anew(here):
    here.path.write_bytes(b'{"boot": "boo')
    assert here.read().time == START
    assert SteadyClock(here.path).read(START + 3 * HOUR).time == START


def test_a_disk_that_takes_nothing_leaves_each_process_its_own(here, monkeypatch):
    here.clock = SteadyClock(here.path.parent / "missing" / "clock.json")
    assert here.read().time == START
    here.passes(60)
    here.wall += 2 * HOUR
    assert here.read().time == START + 60


steps = some.lists(
    some.tuples(some.sampled_from(["pass", "set", "other"]), some.floats(-3e5, 3e5, allow_nan=False)), max_size=30
)


@given(steps)
def test_whatever_is_set_it_goes_forward_and_at_most_a_quarter_too_fast_or_slow(tmp_path_factory, steps):
    with pytest.MonkeyPatch.context() as patch:
        here = Machine(patch, tmp_path_factory.mktemp("clock") / "c.json")
        clocks = [here.clock, SteadyClock(here.path)]
        last_time, last_up = here.read().time, here.up
        for kind, amount in steps:
            if kind == "pass":
                here.passes(abs(amount))
            elif kind == "set":
                here.wall += amount
            else:
                clocks.reverse()
            reading = clocks[0].read(here.wall)
            gone = here.up - last_up
            assert gone * (1 - RATE) - 1e-3 <= reading.time - last_time <= gone * (1 + RATE) + 1e-3
            assert abs(here.wall - reading.believed) <= 0.5 or abs(reading.jump) > BELIEVED
            last_time, last_up = reading.time, here.up


def test_what_a_provider_told_by_the_wall_clock_is_translated(monkeypatch):
    monkeypatch.setattr(clock, "ledger_now", lambda: clock.now() - timedelta(hours=2))
    asked = clock.now() + timedelta(seconds=60)
    assert clock.ledger_time(asked) - clock.ledger_now() == pytest.approx(
        timedelta(seconds=60), abs=timedelta(seconds=1)
    )


def test_the_seam_for_tests_sets_the_wall_clock_only(settings, tmp_path):
    settings.ALMANAC_TEST_CLOCK = str(tmp_path / "offset")
    true = datetime.now(UTC)
    assert abs(clock.now() - true) < timedelta(seconds=5), "nothing while the file is not there"
    (tmp_path / "offset").write_text("7200")
    assert abs(clock.now() - true - timedelta(hours=2)) < timedelta(seconds=5)


REAL_SERVER_NOW = clock.server_now


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="the clock of a PostgreSQL server")
def test_the_servers_clock_is_asked_and_carried_on(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(clock, "_server", None)
    with django_assert_num_queries(1):
        first = REAL_SERVER_NOW()
        second = REAL_SERVER_NOW()
    assert first <= second
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        assert abs(cursor.fetchone()[0] - second) < timedelta(seconds=1)
