"""Results are counted for all viewers together, when there is something new; what was kept is what would be counted."""

from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from campaigns.measurement import kept
from campaigns.measurement.drain import drain
from campaigns.measurement.models import Kept
from campaigns.measurement.selectors import campaign_results
from core import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept_for_viewers")]


@pytest.fixture
def counted(monkeypatch):
    """How often results were counted."""
    calls = []

    def count(campaign):
        calls.append(campaign)
        return campaign_results(campaign)

    monkeypatch.setattr(kept, "campaign_results", count)
    return calls


@pytest.fixture
def running(world):
    today = clock.now().date()
    world.campaign.anchor_date = today
    world.campaign.save()
    return world


def later(seconds):
    return time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=False)


def test_ten_viewers_are_one_count_and_a_hit_makes_a_new_one(running, door, write, counted, monkeypatch):
    monkeypatch.setattr(kept, "REST_SHARE", 0)
    _publication, (copy,) = running.publish([running.contact()])
    first = [kept.numbers_of(running.campaign) for _ in range(10)]
    assert len(counted) == 1 and all(one == first[0] for one in first)
    write("click", copy, n=1)
    drain(door.folder)
    assert kept.numbers_of(running.campaign)["attributed"]["clicks"] == 0, "for three seconds it is good enough"
    with later(4):
        assert kept.numbers_of(running.campaign)["attributed"]["clicks"] == 1
        assert len(counted) == 2
    with later(9):
        kept.numbers_of(running.campaign)
        assert len(counted) == 2, "nothing is new"


def test_what_is_kept_is_what_would_be_counted(running, door, write):
    _publication, copies = running.publish([running.contact(f"c{n}") for n in range(3)])
    for copy in copies:
        write("click", copy, n=1)
        write("page", copy, v=f"{copy.pk:022d}", p="/")
    drain(door.folder)
    kept.numbers_of(running.campaign)
    stored = Kept.objects.get().numbers
    stored.pop("as_of")
    again = campaign_results(running.campaign).as_dict()
    again.pop("as_of")
    assert stored == again


def test_what_takes_long_to_count_is_counted_less_often(running, counted):
    kept.numbers_of(running.campaign)
    Kept.objects.update(seconds=2.0)
    running.contact()
    with later(39):
        kept.numbers_of(running.campaign)
        assert len(counted) == 1
    with later(41):
        kept.numbers_of(running.campaign)
        assert len(counted) == 2


def test_who_counts_is_not_joined_and_the_dead_are_followed(running, counted):
    kept.numbers_of(running.campaign)
    running.contact()
    with later(10):
        Kept.objects.update(claimed_until=clock.now() + timedelta(seconds=20))
        kept.numbers_of(running.campaign)
        assert len(counted) == 1
    with later(31):
        kept.numbers_of(running.campaign)
        assert len(counted) == 2


def test_a_campaign_that_ended_is_left_alone_for_an_hour(world, counted):
    world.campaign.anchor_date = date(2026, 1, 1)
    world.campaign.save()
    kept.numbers_of(world.campaign)
    world.order(1_000, contact=world.contact())
    with later(1_800):
        kept.numbers_of(world.campaign)
        assert len(counted) == 1
    with later(3_700):
        kept.numbers_of(world.campaign)
        assert len(counted) == 2


def test_every_language_has_its_own_words(running, counted):
    kept.numbers_of(running.campaign)
    with translation.override("zh-hans"):
        kept.numbers_of(running.campaign)
    assert len(counted) == 2


def test_a_look_at_what_is_kept_reads_no_hits_and_few_rows(client, owner, running, door, write):
    _publication, copies = running.publish([running.contact(f"c{n}") for n in range(5)])
    for copy in copies:
        write("click", copy, n=1)
    drain(door.folder)
    client.force_login(owner)
    address = reverse("measurement_results:live", args=[running.campaign.slug])
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        client.get(address)
    assert len(seen) <= 15, [one["sql"][:120] for one in seen]
    assert not any("measurement_hit" in one["sql"] for one in seen)


def test_the_mark_is_read_from_indexes(running):
    with CaptureQueriesContext(connection) as seen:
        kept.mark()
    assert len(seen) == 1
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + seen[0]["sql"])
            plan = [row[-1] for row in cursor.fetchall()]
        # SQLite says SEARCH for the first or last entry of an index, and SCAN for a walk through all.
        assert not [line for line in plan if line.startswith("SCAN")], plan
