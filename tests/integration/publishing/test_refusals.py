"""A “no” seen together with the others: whose fault it is, who is closed, and how that is undone."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import ModelLogEntry

from campaigns.audiences.models import Contact, Endpoint, Suppression
from campaigns.audiences.services import consents, contacts, suppressions, unsubscribe
from campaigns.publishing import outcomes, refs, selectors, sql
from campaigns.publishing.models import Attempt, Chunk, Closing, Delivery, RefusalTrail
from campaigns.publishing.services import (
    closings,
    doubts,
    events,
    evidence,
    fuses,
    publications,
    runs,
    sweeper,
    weighing,
)
from channels.base import Blame, Event, EventKind, Outcome, Result
from channels.models import ChannelAccount
from channels.services import record_events
from core import clock
from tests.integration.publishing.conftest import (
    DEAD,
    SILENT,
    Paper,
    PaperPost,
    PaperPush,
    answer,
    database_is_locked,
    states,
)
from tests.integration.publishing.test_leases import Vanished

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]

UNKNOWN = answer(Result.REJECTED, code="550", detail="550 Invalid recipient", blame=Blame.ENDPOINT, personal=True)
NO = answer(Result.REJECTED, code="550", detail="550 no", blame=Blame.JOB, personal=True)
RELAY = answer(Result.RETRY, code="550", detail="550 relay not permitted", blame=Blame.ACCOUNT, personal=True)
LISTED = answer(Result.RETRY, code="5.7.1", detail="554 5.7.1 blocked using rbl", blame=Blame.POLICY, personal=True)


def people_at(count, domain="d{}.example", prefix="p"):
    """`count` people, each at a domain of their own."""
    rows = [
        {
            "external_id": f"{prefix}{number}",
            "email": f"{prefix}@{domain.format(number)}",
            "first_name": "P",
            "consents": ["email"],
        }
        for number in range(count)
    ]
    assert not contacts.upsert(rows).refused
    return [row["email"] for row in rows]


def closed():
    return (
        Suppression.objects.filter(reason="bounced").count(),
        Endpoint.objects.filter(status=Endpoint.Status.INVALID).count(),
    )


def mended(shop, publication, time_machine, turns=3):
    Paper.script.clear()
    for _turn in range(turns):
        time_machine.move_to(clock.now() + timedelta(minutes=3))
        shop.work(publication, turns=2)
    return publication


@pytest.mark.parametrize("refusal", [UNKNOWN, NO], ids=["a mailbox's words", "no words at all"])
def test_the_same_refusal_to_unlike_domains_is_the_accounts(shop, time_machine, refusal):
    for address in people_at(30):
        Paper.script[address] = refusal
    publication = shop.sent()
    account = publication.account
    account.refresh_from_db()
    assert account.health == "fix_settings"
    assert "550" in account.last_error
    assert selectors.ledger(publication)["pending"] == 30
    assert closed() == (0, 0)
    assert not Closing.objects.exists()
    assert publication.state == "live"
    mended(shop, publication, time_machine)
    assert states(publication) == {("accepted", ""): 30}
    assert publication.state == "done"


def test_it_is_seen_across_slices_and_what_was_rejected_comes_back(shop, time_machine):
    """With one message a slice, the first refusals are written before anybody can know."""
    addresses = people_at(6)
    for address in addresses:
        Paper.script[address] = UNKNOWN
    ChannelAccount.objects.update(health="fix_settings")
    publication = shop.scheduled()
    ChannelAccount.objects.filter(pk=publication.account_id).update(health="fix_settings")
    shop.work(publication)
    assert selectors.ledger(publication)["pending"] == 6
    assert selectors.ledger(publication)["rejected"] == 0
    assert not Closing.objects.exists()
    trail = RefusalTrail.objects.get()
    assert trail.accused == trail.sentence
    mended(shop, publication, time_machine)
    assert states(publication) == {("accepted", ""): 6}


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_does_not_make_it_forget_what_was_said(shop, monkeypatch):
    """The transaction that saw the third unlike domain fails and is done again: it comes to the same."""
    monkeypatch.setattr("core.db.FIRST_PAUSE", 0.0)
    for address in people_at(6):
        Paper.script[address] = answer(Result.REJECTED, code="550", detail="550 no", blame=Blame.JOB)
    settle, busy = sql.settle, [database_is_locked()]

    def settle_later(rows, *more):
        settle(rows, *more)
        if busy and len(rows) > 2:
            raise busy.pop()

    monkeypatch.setattr(sql, "settle", settle_later)
    publication = shop.sent()
    assert not busy
    assert selectors.ledger(publication)["pending"] == 6
    assert not Closing.objects.exists()
    assert RefusalTrail.objects.get().accused


def test_a_row_of_one_domain_may_become_everybodys(shop):
    """A list in the order of domains: the first thirty are of one. Nobody is closed before it is known whose fault it is."""
    ones = shop.people(30, prefix="one")
    publication = shop.scheduled()
    for person in ones:
        Paper.script[person.endpoints.get().address] = UNKNOWN
    run = publication.runs.get()
    runs.start(run.pk)
    rows = list(Delivery.objects.filter(run=run).order_by("seq"))
    Delivery.objects.filter(run=run).update(state="rejected", reason="endpoint")
    RefusalTrail.objects.create(run=run, sentence="550 invalid recipient", domains=["d"], members=[r.pk for r in rows])
    closings.note(run.pk, "email", [closings.Dead(row.pk, row.recipient_key, Closing.Cause.REFUSED) for row in rows])
    type(run).objects.filter(pk=run.pk).update(fuse_off=True)
    assert closings.close_due() == 0
    RefusalTrail.objects.update(sentence="", domains=[], members=[])  # somebody was accepted
    assert closings.close_due() == 30


def test_domains_of_one_owner_are_not_unlike(shop):
    for address in people_at(6, domain="mx{}.shop.co.uk"):
        Paper.script[address] = UNKNOWN
    publication = shop.sent()
    assert states(publication) == {("rejected", "endpoint"): 6}
    assert closed() == (6, 6)


def test_different_refusals_in_a_row_stay_the_mailboxes(shop):
    words = ["no such user", "user unknown", "mailbox not found", "unrouteable address"]
    for address, said in zip(people_at(4), words, strict=True):
        Paper.script[address] = answer(
            Result.REJECTED, code="550", detail=f"550 {said}", blame=Blame.ENDPOINT, personal=True
        )
    people_at(40, prefix="fine")
    publication = shop.sent()
    assert states(publication) == {("rejected", "endpoint"): 4, ("accepted", ""): 40}
    assert closed() == (4, 4)


# --- What comes back late ---------------------------------------------------------------------------------------------


def refused(ref, rule):
    """The outcome that `rule` gives for a job with this reference."""
    return rule(SimpleNamespace(ref=ref))


def test_what_a_dead_workers_journal_says_was_refused_is_weighed(shop):
    """The first two were settled by their words before the worker died; the third, in its journal, shows whose fault it is."""
    people_at(6)
    worker = Vanished(shop, count=0)
    rows = list(worker.publication.deliveries.order_by("seq"))
    for row in rows[:2]:
        asked = {row.pk: weighing.Asked(row.pk, row.endpoint.address, 1)}
        told = weighing.weigh(worker.run.pk, "email", asked, {row.pk: refused("r", UNKNOWN)}, clock.now())
        Delivery.objects.filter(pk=row.pk).update(state="rejected", reason="endpoint")
        weighing.close_later(worker.run.pk, "email", {row.pk: row.recipient_key}, told)
    Attempt.objects.filter(delivery__in=rows[:2]).update(outcome="rejected")
    assert Closing.objects.count() == 2
    worker.flight.started(["r3"])
    worker.flight.answered([refused("r3", UNKNOWN)])
    worker.die()
    sweeper.sweep_leases()
    assert states(worker.publication) == {("pending", "account"): 3, ("pending", ""): 3}
    assert not Closing.objects.exists()
    account = worker.publication.account
    account.refresh_from_db()
    assert (account.health, account.last_error) == ("fix_settings", "550 Invalid recipient")


def test_a_relay_that_refuses_in_a_dead_workers_journal_stops_the_account(shop):
    people_at(3)
    worker = Vanished(shop, count=0)
    worker.flight.started(["r1"])
    worker.flight.answered([refused("r1", LISTED)])
    worker.die()
    sweeper.sweep_leases()
    assert states(worker.publication) == {("pending", "account"): 1, ("pending", ""): 2}
    account = worker.publication.account
    account.refresh_from_db()
    assert account.health == "fix_settings"


def test_a_dead_address_in_a_dead_workers_journal_is_closed(shop):
    people_at(6)
    worker = Vanished(shop, count=0)
    worker.flight.started(["r1", "r2"])
    worker.flight.answered([refused("r1", UNKNOWN), Outcome("r2", Result.ACCEPTED)])
    worker.die()
    sweeper.sweep_leases()
    shop.work(worker.publication)
    assert states(worker.publication) == {("rejected", "endpoint"): 1, ("accepted", ""): 5}
    assert closed() == (1, 1)


def test_answers_that_come_after_the_doubt_are_weighed_too(shop):
    """A relay's refusal of four unlike domains leaves them in doubt and closes nobody; a mailbox's own word settles one."""
    addresses = people_at(6)
    worker = Vanished(shop, count=0)
    worker.flight.started([f"r{n}" for n in range(1, 7)])
    Chunk.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    sweeper.sweep_leases()
    other = answer(Result.REJECTED, code="5.1.1", detail="550 5.1.1 gone", blame=Blame.ENDPOINT, personal=True)
    for address in addresses:
        Paper.script[address] = UNKNOWN
    Paper.script[addresses[0]] = other
    Paper.script[addresses[1]] = None
    worker.sender.rescue(worker.lease, worker.sender.fly(worker.slice))
    assert states(worker.publication) == {
        ("rejected", "endpoint"): 1,
        ("accepted", "journal"): 1,
        ("unknown", "worker_lost"): 4,
    }
    assert Closing.objects.get().delivery.endpoint.address == addresses[0]
    assert RefusalTrail.objects.get().accused == "invalid recipient"
    worker.die()


TABLES = ("channelaccount", "publishing_delivery", "publishing_closing")


def writes(captured):
    """The tables of `TABLES` in the order in which they were written, without repetitions in a row."""
    found = []
    for query in captured.captured_queries:
        for written in re.findall(r'(?:UPDATE|INSERT INTO|DELETE FROM) "?(\w+)"?', query["sql"]):
            table = next((name for name in TABLES if written.endswith(name)), None)
            if table and found[-1:] != [table]:
                found.append(table)
    return found


def test_settling_and_sweeping_lock_the_account_then_deliveries_then_closings(shop):
    """Two that lock in two orders wait for one another on PostgreSQL, until it ends one of them."""
    addresses = people_at(6)
    for address in addresses:
        Paper.script[address] = UNKNOWN
    ChannelAccount.objects.update(health="ok")
    worker = Vanished(shop, count=0)
    flown = worker.sender.fly(worker.slice)
    row = worker.publication.deliveries.order_by("seq").first()
    closings.note(worker.run.pk, "email", [closings.Dead(row.pk, row.recipient_key, Closing.Cause.REFUSED)])
    with CaptureQueriesContext(connection) as captured:
        worker.sender.advance(worker.lease, flown, stop=True)
    assert writes(captured) == list(TABLES)
    worker.die()


def test_an_event_that_blames_the_account_tells_it_when_the_delivery_is_let_go(shop):
    shop.people(1)
    publication = shop.sent()
    row = publication.deliveries.get()
    event = Event("k", EventKind.BOUNCED, refs.make(row.pk), clock.now(), reason="550 relay", fault="account")
    record_events(publication.account, [event])
    with CaptureQueriesContext(connection) as captured:
        assert events.read() == 1
    sql = [query["sql"] for query in captured.captured_queries]
    told = next(number for number, text in enumerate(sql) if text.startswith('UPDATE "channels_channelaccount"'))
    written = max(number for number, text in enumerate(sql) if text.startswith('UPDATE "publishing_delivery"'))
    let_go = [number for number, text in enumerate(sql) if text.startswith("RELEASE SAVEPOINT")]
    assert any(written < number < told for number in let_go)


@pytest.mark.parametrize("refusal", [RELAY, LISTED], ids=["relay", "reputation"])
def test_relay_and_reputation_keep_everybody_pending_and_the_account_says_the_sentence(shop, time_machine, refusal):
    for address in people_at(50):
        Paper.script[address] = refusal
    publication = shop.sent()
    account = publication.account
    account.refresh_from_db()
    assert account.health == "fix_settings"
    assert account.last_error in {"550 relay not permitted", "554 5.7.1 blocked using rbl"}
    assert selectors.ledger(publication)["pending"] == 50
    assert closed() == (0, 0)
    mended(shop, publication, time_machine)
    assert states(publication) == {("accepted", ""): 50}


def test_one_mailbox_that_no_relay_reaches_does_not_stop_a_campaign_for_ever(shop, time_machine):
    addresses = people_at(60)
    Paper.script[addresses[20]] = RELAY
    publication = shop.sent()
    for _minute in range(80):
        time_machine.move_to(clock.now() + timedelta(minutes=2))
        shop.work(publication, turns=2)
        if publication.state == "done":
            break
    assert states(publication) == {("accepted", ""): 59, ("rejected", "gave_up"): 1}
    assert closed() == (0, 0)
    publication.account.refresh_from_db()
    assert publication.account.health == "ok"


def test_push_tokens_of_another_sender_are_the_accounts_and_uninstalled_apps_are_not(shop):
    from campaigns.audiences.services import endpoints

    people = shop.people(10, consents=("push",))
    for number, person in enumerate(people):
        endpoints.register(person, "push", f"token-{number}")
        PaperPush.script[f"token-{number}"] = answer(
            Result.REJECTED, code="SENDER_ID_MISMATCH", detail="SenderId mismatch", blame=Blame.ENDPOINT
        )
    account = shop.account(PaperPush)
    publication = shop.sent(channel="push", account=account)
    assert selectors.ledger(publication)["pending"] == 10
    account.refresh_from_db()
    assert account.health == "fix_settings"
    for number in range(10):
        PaperPush.script[f"token-{number}"] = answer(Result.REJECTED, code="UNREGISTERED", blame=Blame.ENDPOINT)
    again = shop.sent(channel="push", account=shop.account(PaperPush))
    assert states(again) == {("rejected", "endpoint"): 10}
    assert Endpoint.objects.filter(status="invalid").count() == 10


# --- The second step, and the way back -------------------------------------------------------------------------------


def dead_run(shop, people, dead):
    """A run at one domain, so that its refusals are the mailboxes'."""
    shop.people(people)
    for number in range(dead):
        Paper.script[f"c{number}@shop.example"] = DEAD
    return shop.sent()


def test_nobody_is_closed_before_the_fuse_could_speak(shop):
    shop.people(260)
    for number in range(260):
        if number % 2:
            Paper.script[f"c{number}@shop.example"] = DEAD
    publication = shop.scheduled()
    shop.work(publication)
    sweeper.fuse()
    closings.close_due()
    assert closed() == (0, 0)
    waiting = Closing.objects.filter(state="waiting").count()
    assert waiting >= 100
    assert closings.held_back() == 1
    publication.refresh_from_db()
    assert closings.close_now(publication.runs.get(), shop.reviewer) == waiting
    assert closed() == (waiting, waiting)


def test_one_fuse_does_not_hide_what_another_has_against_it(shop, monkeypatch):
    publication = dead_run(shop, 220, 20)
    monkeypatch.setattr(fuses, "in_doubt", lambda *_more: True)
    assert list(fuses.fuse_reasons(publication)) == ["fuse_doubts", "fuse_bounces"]
    closings.close_due()
    assert closed() == (0, 0)


def test_what_an_account_asks_for_is_read_by_the_ledgers_clock(shop, monkeypatch):
    """The machine's clock is a day ahead: the row waits an hour and not a day."""
    now = clock.ledger_now()
    monkeypatch.setattr(clock, "ledger_time", lambda moment: moment - timedelta(days=1))
    told = Outcome("", Result.RETRY, blame=Blame.PROVIDER, retry_at=now + timedelta(days=1, hours=1))
    row = outcomes.row_for(
        1,
        told,
        deferrals=0,
        replays=0,
        first_try_at=now,
        capabilities=Paper.capabilities,
        account_waits_until=None,
        now=now,
    )
    assert row["next_at"] == now + timedelta(hours=1)


def test_a_person_who_lets_it_go_on_lets_the_addresses_be_closed(shop):
    shop.people(220)
    for number in range(20):
        Paper.script[f"c{number * 10}@shop.example"] = DEAD
    publication = shop.sent()
    assert publication.state == "done"
    assert closed() == (0, 0), "9 % are dead: the fuse has something against it"
    publication.runs.update(fuse_off=True)
    closings.close_due()
    assert closed() == (20, 20)


def test_everything_one_run_closed_is_opened_again(shop):
    publication = dead_run(shop, 12, 6)
    run = publication.runs.get()
    assert closed() == (6, 6)
    assert set(Suppression.objects.values_list("source", flat=True)) == {f"run:{run.public_id}"}
    found = closings.reopen(run, shop.reviewer)
    assert (found.opened, found.kept) == (6, 0)
    assert closed() == (0, 0)
    entry = ModelLogEntry.objects.get(action="almanac.closings_reopened")
    assert entry.user == shop.reviewer
    assert entry.data == {"run": str(run.public_id), "opened": 6, "kept": 0}
    Paper.script.clear()
    assert states(shop.sent()) == {("accepted", ""): 12}
    assert closings.reopen(run, shop.reviewer).opened == 0, "only once"


def test_who_asked_to_be_left_alone_is_never_opened_again(shop):
    publication = dead_run(shop, 8, 4)
    keys = [row.recipient_key for row in Closing.objects.order_by("pk")]
    unsubscribe.by_recipient_key(keys[0], "email", "test", reason="complained")
    unsubscribe.by_recipient_key(keys[1], "email", "test")
    suppressions.suppress(keys[2], "email", "manual")
    found = closings.reopen(publication.runs.get(), shop.reviewer)
    assert (found.opened, found.kept) == (1, 3)
    assert suppressions.asked_for(keys, "email") == set(keys[:3])
    assert Endpoint.objects.get(recipient_key=keys[3]).status == "active"
    assert Endpoint.objects.filter(recipient_key__in=keys[:3], status="invalid").count() == 3


def test_what_was_closed_before_or_by_another_run_stays_closed(shop):
    shop.people(8)
    before = Endpoint.objects.get(contact__external_id="c7")
    suppressions.suppress(before.recipient_key, "email", "bounced", source="elsewhere")
    one, two = shop.scheduled(), shop.scheduled()
    for publication in (one, two):
        shop.work(publication)
    row = one.deliveries.get(contact__external_id="c0")
    other = two.deliveries.get(contact__external_id="c0")
    for delivery in (row, other):
        told = Event(f"b{delivery.pk}", EventKind.BOUNCED, refs.make(delivery.pk), clock.now(), permanent=True)
        record_events(delivery.publication.account, [told])
        events.read()
    assert Closing.objects.filter(state="closed").count() == 2
    assert closings.reopen(one.runs.get(), shop.reviewer).kept == 1
    assert Endpoint.objects.get(contact__external_id="c0").status == "invalid"
    assert closings.reopen(two.runs.get(), shop.reviewer).opened == 1
    assert Endpoint.objects.get(contact__external_id="c0").status == "active"
    assert Suppression.objects.get().source == "elsewhere"


def test_nobody_who_was_erased_comes_back(shop):
    publication = dead_run(shop, 8, 1)
    contacts.erase(Contact.objects.get(external_id="c0"), shop.reviewer)
    found = closings.reopen(publication.runs.get(), shop.reviewer)
    assert found.opened == 0
    assert not Endpoint.objects.filter(contact__external_id="c0", status="active").exists()


# --- Events ----------------------------------------------------------------------------------------------------------


def told(delivery, kind, **fields):
    record_events(
        delivery.publication.account,
        [Event(f"{kind}{delivery.pk}", kind, refs.make(delivery.pk), clock.now(), **fields)],
    )
    events.read()
    delivery.refresh_from_db()
    return delivery


@pytest.mark.parametrize(("fault", "reason"), [("unsubscribed", "unsubscribed"), ("complained", "complained")])
def test_a_drop_for_what_the_recipient_had_said_is_told_us_too(shop, fault, reason):
    person = shop.people(1)[0]
    publication = shop.sent()
    row = told(publication.deliveries.get(), EventKind.REJECTED, fault=fault)
    assert (row.state, row.reason) == ("rejected", "dropped")
    assert Suppression.objects.get().reason == reason
    assert not person.consents.get(channel="email").granted
    assert person.endpoints.get().status == "active", "the address works; its person said no"


def test_a_bounce_that_blames_the_sender_closes_nobody_and_says_so(shop):
    shop.people(2)
    publication = shop.sent()
    policy, account = publication.deliveries.order_by("pk")
    assert told(policy, EventKind.BOUNCED, fault="policy", reason="554 blocked").reason == "blocked"
    assert told(account, EventKind.BOUNCED, fault="account", reason="550 relay not permitted").reason == "blocked"
    assert closed() == (0, 0)
    publication.account.refresh_from_db()
    assert (publication.account.health, publication.account.last_error) == ("fix_settings", "550 relay not permitted")


def test_the_fuse_speaks_of_a_bad_reputation(shop):
    shop.people(210)
    publication = shop.sent()
    publication.deliveries.filter(seq__lte=20).update(reason="blocked", feedback="bounced")
    publication.runs.update(state="live")
    type(publication).objects.update(state="live")
    assert sweeper.fuse() == 1
    publication.refresh_from_db()
    assert publication.state_reason == "fuse_blocked"
    publications.cancel(publication, shop.author)


# --- Duplicates on X --------------------------------------------------------------------------------------------------

DUPLICATE = answer(Result.REJECTED, code="duplicate_content", detail="duplicate", blame=Blame.JOB)


def test_a_duplicate_of_ones_own_unanswered_try_had_arrived(shop):
    PaperPost.script[""] = SILENT
    publication = shop.sent(channel="social", account=shop.account(PaperPost), audience=False)
    row = publication.deliveries.get()
    assert row.state == "unknown"
    PaperPost.script[""] = DUPLICATE
    doubts.send_again([row], shop.reviewer)
    sweeper.release_resolved()
    publication.refresh_from_db()
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 1}


def test_a_duplicate_proves_an_earlier_post_of_the_same_text_on_the_same_account(shop):
    account, other = shop.account(PaperPost), shop.account(PaperPost)
    PaperPost.script[""] = SILENT
    first = shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    elsewhere = shop.sent(channel="social", account=other, audience=False, message=plain(shop))
    unlike = shop.sent(channel="social", account=account, audience=False, message=plain(shop, "Other words"))
    PaperPost.script[""] = DUPLICATE
    second = shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    assert states(second) == {("rejected", "refused"): 1}
    assert evidence.from_duplicates() == 1
    assert states(first) == {("accepted", "duplicate"): 1}
    assert states(elsewhere) == states(unlike) == {("unknown", "no_answer"): 1}
    assert evidence.from_duplicates() == 0


def test_a_duplicate_proves_nothing_where_another_post_of_ours_says_the_same(shop):
    """The first stands there for sure, so the refusal of the third may be about it and not about the second."""
    account = shop.account(PaperPost)
    accepted = shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    PaperPost.script[""] = SILENT
    lost = shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    PaperPost.script[""] = DUPLICATE
    shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    assert evidence.from_duplicates() == 0
    assert states(accepted) == {("accepted", ""): 1}
    assert states(lost) == {("unknown", "no_answer"): 1}
    # Nor does the refusal of its own second try.
    doubts.send_again([lost.deliveries.get()], shop.reviewer)
    sweeper.release_resolved()
    shop.work(lost)
    assert states(lost) == {("unknown", "no_answer"): 1}


def test_of_two_in_doubt_with_the_same_words_a_duplicate_proves_neither(shop):
    account = shop.account(PaperPost)
    PaperPost.script[""] = SILENT
    two = [shop.sent(channel="social", account=account, audience=False, message=plain(shop)) for _number in range(2)]
    PaperPost.script[""] = DUPLICATE
    shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    assert evidence.from_duplicates() == 0
    assert [states(publication) for publication in two] == [{("unknown", "no_answer"): 1}] * 2


def test_a_duplicate_that_was_refused_before_is_no_evidence(shop):
    account = shop.account(PaperPost)
    PaperPost.script[""] = DUPLICATE
    shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    PaperPost.script[""] = SILENT
    later = shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    assert evidence.from_duplicates() == 0
    assert states(later) == {("unknown", "no_answer"): 1}


@pytest.fixture
def minutes(monkeypatch):
    """Seconds that have passed for who reads back."""
    passed = [0.0]
    monkeypatch.setattr(evidence.time, "monotonic", lambda: passed[0])
    evidence._doubted.clear()
    return passed


def test_a_post_in_doubt_is_read_back_three_times_in_an_hour(shop, minutes, monkeypatch):
    asked = []

    def look_up(self, job, since):
        asked.append(job.part.text)
        return Outcome(job.ref, Result.ACCEPTED, "77", "read_back") if len(asked) == found else None

    monkeypatch.setattr(PaperPost, "look_up", look_up)
    account = shop.account(PaperPost)
    PaperPost.script[""] = SILENT
    publication = shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    found = 3
    for minutes[0] in (0, 29, 31, 60, 299, 301, 3599):
        assert evidence.from_reading_back() == 0
    assert asked == ["The sale is on"] * 2
    minutes[0] = 3601
    assert evidence.from_reading_back() == 1
    row = publication.deliveries.get()
    assert (row.state, row.provider_id) == ("accepted", "77")
    minutes[0] = 90_000
    assert evidence.from_reading_back() == 0
    assert len(asked) == 3


def test_nobody_is_asked_who_cannot_tell_or_could_mean_another_post(shop, minutes, monkeypatch):
    account = shop.account(PaperPost)
    PaperPost.script[""] = SILENT
    shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    assert evidence.from_reading_back() == 0
    minutes[0] = 1e6
    assert evidence.from_reading_back() == 0, "this provider cannot be asked"
    monkeypatch.setattr(PaperPost, "look_up", lambda self, job, since: Outcome(job.ref, Result.ACCEPTED))
    shop.sent(channel="social", account=account, audience=False, message=plain(shop))
    evidence.from_reading_back()
    minutes[0] = 2e6
    assert evidence.from_reading_back() == 0, "it might be the other one"


def plain(shop, text="The sale is on"):
    from cms.services import messages

    return messages.create("Sale", {"social": {"text": text}}, by=shop.author)


def test_consent_is_asked_again_after_an_opening(shop):
    publication = dead_run(shop, 4, 1)
    person = Contact.objects.get(external_id="c0")
    consents.withdraw(person, "email", "test")
    closings.reopen(publication.runs.get(), shop.reviewer)
    Paper.script.clear()
    again = shop.sent()
    assert again.deliveries.get(contact=person).reason == "no_consent"
