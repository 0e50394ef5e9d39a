"""What providers tell later: it proves, it closes addresses, and in any order and number it comes to the same."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import OperationalError

from campaigns.audiences.models import Consent, Suppression
from campaigns.publishing import refs, selectors
from campaigns.publishing.models import Chunk, Delivery, EventCursor
from campaigns.publishing.services import chunks, doubts, events, publications, runs, sweeper
from campaigns.publishing.services.pipeline import Sender
from channels.base import Event, EventKind
from channels.models import ProviderEvent
from channels.services import record_events
from core import clock
from core.errors import Conflict
from tests.integration.publishing.conftest import SILENT, Paper, database_is_locked, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]


def tell(delivery, kind, *, key=None, **fields):
    ref = fields.pop("ref", refs.make(delivery.pk))
    event = Event(key or f"{kind}-{ref}", EventKind(kind), ref, clock.now(), **fields)
    return record_events(delivery.publication.account, [event])


def in_doubt(shop, count=1):
    shop.people(count)
    for number in range(count):
        Paper.script[f"c{number}@shop.example"] = SILENT
    publication = shop.sent()
    assert selectors.ledger(publication)["unknown"] == count
    return publication


def test_an_event_proves_what_was_in_doubt(shop):
    publication = in_doubt(shop)
    tell(publication.deliveries.get(), "delivered")
    events.read()
    row = publication.deliveries.get()
    assert (row.state, row.reason, row.feedback) == ("accepted", "event", "delivered")


def test_the_same_news_in_any_order_comes_to_the_same(shop):
    kinds = ["sent", "delivered", "bounced", "rejected", "complained"]
    shop.people(1)
    Paper.script["c0@shop.example"] = SILENT
    publication = shop.sent()
    row = publication.deliveries.get()
    ends = set()
    for order in list(permutations(kinds))[::7]:
        Delivery.objects.filter(pk=row.pk).update(state="unknown", reason="no_answer", feedback="")
        ProviderEvent.objects.all().delete()
        EventCursor.objects.all().delete()
        events._done.clear()
        for kind in [*order, *order]:
            tell(row, kind, permanent=kind == "bounced", key=f"{kind}{ends}")
            events.read()
        row.refresh_from_db()
        ends.add((row.state, row.feedback))
    assert ends == {("rejected", "complained")}


def test_a_hard_bounce_closes_the_address_and_a_soft_one_does_not(shop):
    people = shop.people(2)
    publication = shop.sent()
    for person, permanent in zip(people, (True, False), strict=True):
        tell(publication.deliveries.get(contact=person), "bounced", permanent=permanent)
    events.read()
    assert Suppression.objects.get().recipient_key == people[0].endpoints.get().recipient_key
    assert publication.deliveries.get(contact=people[0]).reason == "bounced"
    assert publication.deliveries.get(contact=people[1]).state == "accepted"


@pytest.mark.parametrize("kind", ["complained", "unsubscribed"])
def test_a_complaint_ends_the_consent(shop, kind):
    person = shop.people(1)[0]
    publication = shop.sent()
    tell(publication.deliveries.get(), kind)
    events.read()
    assert not Consent.objects.get(contact=person).granted
    assert states(shop.sent()) == {("skipped", "no_consent"): 1}


def test_news_that_beat_our_own_commit_are_not_lost(shop):
    """The event comes while the row is still in the air, and then the worker dies."""
    shop.people(1)
    publication = shop.scheduled()
    run = publication.runs.get()
    runs.start(run.pk)
    lease = chunks.lease(run.pk, "gone")
    from campaigns.publishing.journal import Journal

    flight = Journal()
    sender = Sender(run, flight)
    run.publication.refresh_from_db()
    opened = sender.advance(lease, None, stop=False)
    assert [row.seq for row in opened.rows] == [1]
    tell(publication.deliveries.get(), "delivered")
    events.read()
    assert publication.deliveries.get().state == "attempting"
    Chunk.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    sweeper.sweep_leases()
    assert states(publication) == {("accepted", "event"): 1}
    sender.close()
    flight.close()
    sweeper.finish(run.pk)


def test_news_of_nobody_we_know_changes_nothing(shop):
    shop.people(1)
    publication = shop.sent()
    row = publication.deliveries.get()
    for ref in ("", "zz", f"{row.pk:x}-{'0' * 20}", "1" * 100):
        tell(row, "complained", ref=ref, key=f"k{ref[:30]}")
    events.read()
    assert Suppression.objects.count() == 0


def test_the_cursor_waits_for_rows_that_are_committed_late(shop, time_machine):
    shop.people(1)
    publication = shop.sent()
    tell(publication.deliveries.get(), "sent")
    assert events.read() == 1
    assert events.read() == 0
    assert EventCursor.objects.get().position == 0
    time_machine.move_to(clock.now() + timedelta(minutes=5))
    events.read()
    assert EventCursor.objects.get().position == ProviderEvent.objects.get().pk


def test_without_evidence_a_doubt_becomes_unconfirmed(shop, time_machine):
    publication = in_doubt(shop)
    sweeper.unconfirm()
    assert selectors.ledger(publication)["unknown"] == 1
    time_machine.move_to(clock.now() + timedelta(hours=25))
    sweeper.unconfirm()
    assert selectors.ledger(publication)["unconfirmed"] == 1
    tell(publication.deliveries.get(), "delivered")
    events.read()
    assert selectors.ledger(publication)["accepted"] == 1


def test_a_person_resolves_a_doubt(shop):
    publication = in_doubt(shop, 3)
    rows = list(doubts.all_doubts())
    assert len(rows) == 3
    assert doubts.by_publication().get().doubts == 3
    assert doubts.accept(rows[:1], shop.reviewer) == 1
    assert doubts.reject(rows[1:2], shop.reviewer) == 1
    Paper.script.clear()
    assert doubts.send_again(rows[2:], shop.reviewer) == 1
    assert sweeper.release_resolved() == 1
    publication.refresh_from_db()
    assert publication.state == "live"
    shop.work(publication)
    assert publication.state == "done"
    assert states(publication) == {("accepted", "person"): 1, ("rejected", "person"): 1, ("accepted", ""): 1}
    assert doubts.accept(rows, shop.reviewer) == 0, "only once"


def test_nothing_is_sent_again_of_what_was_cancelled(shop):
    publication = in_doubt(shop)
    type(publication).objects.filter(pk=publication.pk).update(state="live")
    publication.refresh_from_db()
    publication.runs.update(state="live")
    publications.cancel(publication, shop.author)
    with pytest.raises(Conflict):
        doubts.send_again(list(doubts.all_doubts()), shop.reviewer)


def test_the_history_says_why(shop):
    shop.people(1)
    publication = shop.sent()
    row = publication.deliveries.get()
    tell(row, "delivered")
    kinds = [line["kind"] for line in selectors.history(row)]
    assert kinds == ["frozen", "attempt", "accepted", "delivered"]


def test_a_busy_database_is_no_fault_of_the_event(shop, monkeypatch):
    publication = in_doubt(shop)
    tell(publication.deliveries.get(), "delivered")
    mark, busy = events._mark, [database_is_locked()]

    def mark_later(*arguments):
        if busy:
            raise busy.pop()
        mark(*arguments)

    monkeypatch.setattr(events, "_mark", mark_later)
    with pytest.raises(OperationalError):
        events.read()
    assert events.read() == 1
    assert states(publication) == {("accepted", "event"): 1}
