"""A machine's clock that is not believed: what comes due is held for a person, and what is due now still goes."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from campaigns.planning.moments import Moment
from campaigns.publishing import reasons, scheduler
from campaigns.publishing.models import Run
from campaigns.publishing.services import publications, sweeper
from core import clock
from core.steady import Reading
from tests.integration.publishing.conftest import Paper, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def apart(monkeypatch):
    """By how many hours the wall clock is ahead of where it should be, until a person believes it."""
    now = SimpleNamespace(hours=0.0)

    def read():
        right = clock.now().timestamp()
        return Reading(right, right, now.hours * 3600)

    monkeypatch.setattr(clock, "_steady", read)
    monkeypatch.setattr(clock, "believe", lambda: setattr(now, "hours", 0.0))
    monkeypatch.setattr(clock, "jump", lambda: timedelta(hours=now.hours))
    return now


def due(shop, **offset):
    moment = clock.now() + timedelta(hours=1)
    publication = shop.scheduled(moment=Moment.fixed(moment.date(), moment.time(), "UTC"))
    Run.objects.filter(publication=publication).update(due_at=clock.now() + timedelta(**offset))
    return publication


@pytest.mark.parametrize("hours", [2, -24])
def test_what_comes_due_is_held_and_a_release_says_that_the_clock_is_right(shop, apart, marketer, hours, sound):
    shop.people(2)
    publication = due(shop, seconds=-5)
    apart.hours = hours
    shop.work(publication)
    assert (publication.state, publication.state_reason) == ("held", "clock")
    assert "clock jumped" in reasons.words("clock")
    assert Paper.calls == []
    publications.release(publication, marketer)
    assert apart.hours == 0
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 2}


def test_what_is_not_due_waits_and_is_not_held(shop, apart):
    shop.people(2)
    publication = due(shop, minutes=30)
    apart.hours = 2
    shop.work(publication)
    assert publication.state == "scheduled"


def test_now_asks_no_clock(shop, apart, sound):
    shop.people(2)
    apart.hours = -24
    assert states(shop.sent()) == {("accepted", ""): 2}


def test_the_admin_says_so(apart, client, owner):
    client.force_login(owner)
    apart.hours = 2.5
    assert "jumped forward by 2 h 30 min" in client.get("/admin/").content.decode()
    apart.hours = -24
    assert "jumped back by 24 h 0 min" in client.get("/admin/").content.decode()
    apart.hours = 0
    assert "jumped" not in client.get("/admin/").content.decode()


class Turned:
    """The ledger's clock and the uptime, turned by hand."""

    def __init__(self, monkeypatch):
        self.now, self.up = clock.now(), 5000.0
        monkeypatch.setattr(clock, "ledger_now", lambda: self.now)
        monkeypatch.setattr(scheduler.machine, "uptime", lambda: self.up)

    def passes(self, seconds, leap=0.0):
        self.up += seconds
        self.now += timedelta(seconds=seconds + leap)


@pytest.fixture
def turned(monkeypatch):
    return Turned(monkeypatch)


def test_what_the_servers_clock_leapt_over_is_held(shop, turned):
    """F10 on PostgreSQL: the server's clock is the ledger's, and somebody may set that too."""
    shop.people(1)
    leapt, later = due(shop, hours=1), due(shop, hours=5)
    watch = scheduler.Watch()
    watch.look()
    turned.passes(1)
    watch.look()
    turned.passes(1, leap=2 * 3600)
    watch.look()
    leapt.refresh_from_db()
    later.refresh_from_db()
    assert (leapt.state, leapt.state_reason) == ("held", "clock")
    assert later.state == "scheduled"


@pytest.mark.parametrize(("seconds", "leap"), [(30, 0), (1, 7200), (1, -7200)])
def test_a_lease_that_nobody_could_renew_is_no_sign_of_death(turned, monkeypatch, seconds, leap, settings):
    asked = []
    monkeypatch.setattr(sweeper, "sweep_leases", lambda *, expired: asked.append(expired))
    monkeypatch.setattr(sweeper, "hold_leapt", lambda before, after: 0)
    watch = scheduler.Watch()
    for gone, off in ((1, 0), (1, 0), (seconds, leap), (1, 0), (settings.ALMANAC_LEASE_SECONDS, 0)):
        watch.look()
        watch.sweep()
        turned.passes(gone, off)
    watch.look()
    watch.sweep()
    assert asked[:3] == [True, True, True]
    assert asked[3:5] == [False, False]
