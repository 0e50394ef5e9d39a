"""From approval to the last row: everyone of the audience is accounted for, once."""

import pytest

from campaigns.audiences.models import Contact, Endpoint
from campaigns.audiences.services import consents, contacts, endpoints, suppressions
from campaigns.links import tokens
from campaigns.publishing import selectors
from campaigns.publishing.models import Attempt, Delivery
from campaigns.publishing.services import freeze
from tests.integration.publishing.conftest import (
    BUSY,
    DEAD,
    LATER,
    LOCKED_OUT,
    REFUSED,
    SILENT,
    Paper,
    PaperPost,
    PaperPush,
    ReplaySafe,
    states,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]


def test_everyone_gets_their_own_copy_once(shop):
    shop.people(30)
    publication = shop.sent()
    assert publication.state == "done"
    assert sorted(job.address for job in Paper.calls) == sorted(f"c{n}@shop.example" for n in range(30))
    counts = selectors.ledger(publication)
    assert counts["targeted"] == counts["accepted"] == 30
    job = next(job for job in Paper.calls if job.address == "c7@shop.example")
    assert job.part.subject.fill(job.values) == "Hello Name7"
    html = job.part.html.fill(job.values)
    assert "Dear Name7," in html
    assert "https://shop.example/sale" not in html
    delivery = Delivery.objects.get(contact__external_id="c7")
    token = tokens.make("click", delivery.pk, delivery.part.link_set_id)
    assert f"/c/{token}/" in html
    assert f"/o/{token}.gif" in html
    headers = {name: value.fill(job.values) for name, value in job.part.headers}
    way_out = tokens.make("unsubscribe", delivery.pk, delivery.part.link_set_id)
    assert headers["List-Unsubscribe"].endswith(f"/u/{way_out}>")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"/u/{way_out}" in html
    assert f"/u/{way_out}" in job.part.text.fill(job.values)


def test_whoever_is_left_out_has_a_row_that_says_why(shop):
    people = shop.people(8)
    shop.people(1, prefix="quiet", consents=())
    twin = Contact.objects.create(external_id="twin")
    endpoints.register(twin, "email", "c0@shop.example")
    consents.grant(twin, "email", "test")
    Contact.objects.create(external_id="nowhere")
    Endpoint.objects.filter(contact=people[1]).update(status="invalid")
    suppressions.suppress(people[2].endpoints.get().recipient_key, "email", "unsubscribed")
    publication = shop.sent()
    assert states(publication) == {
        ("accepted", ""): 6,
        ("skipped", "no_consent"): 1,
        ("skipped", "same_address"): 1,
        ("skipped", "no_address"): 1,
        ("skipped", "invalid_address"): 1,
        ("skipped", "suppressed"): 1,
    }
    assert publication.runs.get().snapshot.left_out["no_address"] == 1
    assert len({job.address for job in Paper.calls}) == len(Paper.calls) == 6


def test_of_two_with_one_address_the_one_who_agreed_gets_it(shop):
    quiet = shop.people(1, prefix="quiet", consents=())[0]
    keen = Contact.objects.create(external_id="keen")
    endpoints.register(keen, "email", "quiet0@shop.example")
    consents.grant(keen, "email", "test")
    publication = shop.sent()
    assert publication.deliveries.get(contact=keen).state == "accepted"
    assert publication.deliveries.get(contact=quiet).reason == "same_address"


def test_an_empty_audience_is_done_at_once(shop):
    publication = shop.sent()
    assert publication.state == "done"
    assert selectors.ledger(publication)["targeted"] == 0


def test_push_goes_to_every_device(shop):
    person = shop.people(1, consents=("email", "push"))[0]
    for number in range(3):
        endpoints.register(person, "push", f"token-{number}")
    shop.people(1, prefix="without", consents=("push",))
    publication = shop.sent(channel="push", account=shop.account(PaperPush))
    assert states(publication) == {("accepted", ""): 3, ("skipped", "no_address"): 1}
    job = PaperPush.calls[0]
    assert job.part.body.fill(job.values) == "Now, Name0"
    assert "/c/" in job.part.url.fill(job.values)


def test_a_post_is_one_delivery_with_a_tracked_link(shop):
    shop.people(3)
    publication = shop.sent(channel="social", account=shop.account(PaperPost), audience=False)
    assert states(publication) == {("accepted", ""): 1}
    (job,) = PaperPost.calls
    assert job.part.text.startswith("The sale is on http")
    assert "/c/" in job.part.text
    assert job.part.text.endswith("/0")


def test_refusals_are_stored_one_by_one(shop):
    shop.people(20)
    for number in (3, 5, 7):
        Paper.script[f"c{number}@shop.example"] = REFUSED
    publication = shop.sent()
    assert states(publication) == {("accepted", ""): 17, ("rejected", "refused"): 3}
    assert publication.state == "done"


def test_a_dead_address_is_closed_for_good(shop):
    person = shop.people(1)[0]
    Paper.script["c0@shop.example"] = DEAD
    publication = shop.sent()
    assert states(publication) == {("rejected", "endpoint"): 1}
    assert person.endpoints.get().status == "invalid"
    again = shop.sent()
    assert states(again) == {("skipped", "invalid_address"): 1}


def test_a_lost_answer_is_unknown_and_never_sent_again(shop):
    shop.people(3)
    Paper.script["c1@shop.example"] = SILENT
    publication = shop.work(shop.sent(), turns=3)
    assert states(publication) == {("accepted", ""): 2, ("unknown", "no_answer"): 1}
    assert len(Paper.calls) == 3
    assert publication.state == "done"


def test_a_provider_that_breaks_leaves_a_doubt_and_nothing_more(shop):
    shop.people(5)
    Paper.script["c2@shop.example"] = RuntimeError("a bug")
    publication = shop.sent()
    assert states(publication) == {("accepted", ""): 4, ("unknown", "no_answer"): 1}
    assert len(Paper.calls) == 5


def test_what_is_put_off_comes_again_later(shop, time_machine):
    from core import clock

    shop.people(3)
    Paper.script["c1@shop.example"] = LATER
    publication = shop.sent()
    assert states(publication) == {("accepted", ""): 2, ("pending", "later"): 1}
    assert publication.state == "live"
    Paper.script.clear()
    shop.work(publication)
    assert selectors.ledger(publication)["pending"] == 1
    time_machine.move_to(clock.now() + (publication.deliveries.get(state="pending").next_at - clock.now()) * 1.1)
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 3}
    assert publication.state == "done"
    assert Attempt.objects.filter(delivery__contact__external_id="c1").count() == 2


def test_a_wrong_password_stops_the_account_and_loses_nobody(shop, time_machine):
    from core import clock

    shop.people(40)
    for number in range(40):
        Paper.script[f"c{number}@shop.example"] = LOCKED_OUT
    publication = shop.sent()
    account = publication.account
    account.refresh_from_db()
    assert account.health == "fix_settings"
    assert account.last_error == "Bad password."
    assert selectors.ledger(publication)["pending"] == 40
    tries = Attempt.objects.count()
    shop.work(publication, turns=3)
    assert Attempt.objects.count() == tries, "it is not tried again before a minute has passed"
    time_machine.move_to(clock.now().timestamp() + 61)
    shop.work(publication)
    assert Attempt.objects.count() == tries + 1, "then with one message"
    Paper.script.clear()
    time_machine.move_to(clock.now().timestamp() + 61)
    shop.work(publication, turns=3)
    account.refresh_from_db()
    assert account.health == "ok"
    assert states(publication) == {("accepted", ""): 40}


def test_a_throttling_provider_makes_the_account_wait(shop, time_machine):
    from core import clock

    shop.people(10)
    Paper.script["c4@shop.example"] = BUSY
    publication = shop.sent()
    publication.account.refresh_from_db()
    assert publication.account.health == "waiting"
    Paper.script.clear()
    time_machine.move_to(clock.now().timestamp() + 60)
    shop.work(publication, turns=2)
    assert states(publication) == {("accepted", ""): 10}


def test_where_a_replay_has_no_second_effect_it_is_made(shop, time_machine):
    from core import clock

    shop.people(2)
    ReplaySafe.script["c0@shop.example"] = SILENT
    publication = shop.sent(account=shop.account(ReplaySafe))
    assert selectors.ledger(publication)["pending"] == 1
    ReplaySafe.script.clear()
    time_machine.move_to(clock.now().timestamp() + 40)
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 2}
    refs = [job.ref for job in ReplaySafe.calls if job.address == "c0@shop.example"]
    assert len(refs) == 2
    assert len(set(refs)) == 1, "the same key both times"


def test_a_field_that_cannot_be_put_in_stops_one_message_only(shop):
    people = shop.people(3)
    Contact.objects.filter(pk=people[1].pk).update(attributes={"tier": "x" * 20_000})
    message = shop.message(html="<p>{{ attributes.tier }}</p>", text="{{ attributes.tier|default('none') }}")
    publication = shop.sent(message=message)
    assert states(publication) == {("accepted", ""): 2, ("rejected", "render"): 1}


def test_many_chunks(shop, monkeypatch):
    monkeypatch.setattr(freeze, "CHUNK_SIZE", 7)
    shop.people(50)
    publication = shop.sent()
    assert publication.runs.get().chunks.filter(is_retry=False).count() == 8
    assert states(publication) == {("accepted", ""): 50}


def test_an_erased_contact_is_not_written_to(shop, reviewer):
    people = shop.people(3)
    publication = shop.scheduled()
    from campaigns.publishing.services import runs

    runs.start(publication.runs.get().pk)
    contacts.erase(people[1], reviewer)
    shop.work(publication)
    assert states(publication)[("skipped", "erased")] + states(publication)[("skipped", "suppressed")] == 1
    assert len(Paper.calls) == 2
