"""The page of a publication: what it says in each state, what it offers to whom, and that it does it."""

import pytest
from django.urls import reverse

from campaigns.planning.models import Publication
from core import roles
from core.models import User
from tests import ledgers
from tests.conftest import make_user


@pytest.fixture
def groups(db):
    return roles.ensure_roles()


@pytest.fixture
def mia(groups):
    person = make_user("mia", first_name="Mia", last_name="Keller")
    person.groups.add(groups["Marketers"])
    return person


@pytest.fixture
def rea(groups):
    person = make_user("rea", first_name="Rea", last_name="Okafor")
    person.groups.add(groups["Reviewers"])
    return person


@pytest.fixture
def made(market, mia):
    def make(state="planned", **fields):
        return ledgers.publication(market, mia, state=state, **fields)

    return make


@pytest.fixture
def look(client):
    def at(publication, person, query=""):
        client.force_login(person)
        return client.get(reverse("publishing_publication:detail", args=[publication.public_id]) + query)

    return at


@pytest.fixture
def do(client):
    def act(publication, verb, person, **data):
        client.force_login(person)
        address = reverse("publishing_publication:do", args=[publication.public_id, verb])
        return client.post(address, data, follow=True)

    return act


def verbs(answer):
    return {item.verb.name for item in answer.context["offered"] if item.allowed}


@pytest.mark.parametrize(
    ("state", "marketer", "reviewer"),
    [
        ("planned", {"submit", "cancel"}, set()),
        ("submitted", {"withdraw", "cancel"}, {"approve", "reject"}),
        ("approved", {"schedule", "withdraw", "cancel"}, set()),
        ("scheduled", {"pause", "withdraw", "cancel"}, set()),
        ("live", {"pause", "cancel"}, set()),
        ("paused", {"resume", "cancel"}, set()),
        ("held", {"release", "cancel"}, set()),
        ("done", set(), set()),
        ("cancelled", set(), set()),
        ("failed", set(), set()),
    ],
)
def test_exactly_the_verbs_that_are_possible_and_allowed(look, made, mia, rea, state, marketer, reviewer):
    publication = made(state)
    assert verbs(look(publication, mia)) == marketer
    assert verbs(look(publication, rea)) == reviewer


def test_the_author_is_told_who_approves(look, made, mia, rea):
    page = look(made("submitted"), mia).content.decode()
    assert "somebody else approves it: Rea Okafor" in page


def test_without_another_reviewer_it_says_what_to_do(look, made, mia):
    assert "give a colleague the Reviewers role" in look(made("submitted"), mia).content.decode()


def test_a_bare_plan_says_what_is_missing_and_cannot_be_submitted(look, made, mia):
    answer = look(made("bare"), mia)
    assert "Choose a channel account." in answer.content.decode()
    assert "submit" not in verbs(answer)


def test_a_text_that_cannot_be_compiled_is_said(look, made, mia):
    from cms.models import Message

    publication = made()
    Message.objects.filter(translation_key=publication.content_key).update(
        email_html="<p>{{ owner.password }}</p>", latest_revision=None
    )
    page = look(publication, mia).content.decode()
    assert "It cannot be sent like this" in page
    assert "owner" in page


def test_reach_counts_those_who_will_be_left_out(look, made, mia):
    ledgers.contact(1)
    ledgers.contact(2, agrees=False)
    ledgers.contact(3, channel="push")
    reach = look(made(), mia).context["reach"]
    assert (reach.people, reach.reachable, reach.without_consent, reach.without_address) == (3, 1, 1, 1)


def test_submit_approve_schedule_pause_resume(look, do, made, mia, rea):
    ledgers.contact(1)
    publication = made()
    for verb, person, state in (
        ("submit", mia, "submitted"),
        ("approve", rea, "approved"),
        ("schedule", mia, "scheduled"),
        ("pause", mia, "paused"),
        ("resume", mia, "scheduled"),
        ("cancel", mia, "cancelled"),
    ):
        do(publication, verb, person)
        assert Publication.objects.get(pk=publication.pk).state == state
    page = look(publication, mia).content.decode()
    for words in ("Approved", "Rea Okafor", "Paused", "Cancelled"):
        assert words in page


def test_the_seal_is_shown_with_who_and_the_sealed_words(look, do, made, mia, rea, client):
    from cms.models import Message

    publication = made()
    do(publication, "submit", mia)
    do(publication, "approve", rea)
    Message.objects.filter(translation_key=publication.content_key).update(email_html="<p>Later edit</p>")
    answer = look(publication, mia)
    assert "Rea Okafor approved it" in answer.content.decode()
    seen = client.get(reverse("publishing_publication:preview", args=[publication.public_id, "en"]))
    assert "Hello Maya" in seen.content.decode()
    assert "Later edit" not in seen.content.decode()


def test_the_author_cannot_approve_by_a_post(do, made, mia, groups):
    mia.groups.add(groups["Reviewers"])
    publication = made("submitted")
    answer = do(publication, "approve", User.objects.get(pk=mia.pk))
    assert Publication.objects.get(pk=publication.pk).state == "submitted"
    assert "Somebody else has to approve this" in answer.content.decode()


def test_sending_back_needs_a_reason_and_shows_it(do, look, made, mia, rea):
    publication = made("submitted")
    assert do(publication, "reject", rea, reason=" ").status_code == 422
    assert Publication.objects.get(pk=publication.pk).state == "submitted"
    do(publication, "reject", rea, reason="The price is wrong.")
    assert "The price is wrong." in look(publication, mia).content.decode()


def test_many_recipients_have_to_be_typed(do, client, made, mia, rea, settings):
    settings.ALMANAC_CONFIRM_ABOVE = 2
    for number in range(3):
        ledgers.contact(number)
    publication = made()
    do(publication, "submit", mia)
    do(publication, "approve", rea)
    for typed in ("", "2", "lots"):
        assert do(publication, "schedule", mia, typed=typed).status_code == 422
        assert Publication.objects.get(pk=publication.pk).state == "approved"
    do(publication, "schedule", mia, typed="3")
    assert Publication.objects.get(pk=publication.pk).state == "scheduled"


def test_who_comes_too_late_is_told_and_nothing_happens(client, made, mia):
    publication = made("done")
    client.force_login(mia)
    address = reverse("publishing_publication:do", args=[publication.public_id, "pause"])
    assert "is done now" in client.get(address, follow=True).content.decode()
    client.post(address)
    assert Publication.objects.get(pk=publication.pk).state == "done"


def test_a_held_publication_says_why(look, made, mia):
    assert "missed its moment" in look(made("held", state_reason="overdue"), mia).content.decode()


def test_the_ledger_is_a_table_that_adds_up(look, made, mia):
    publication = made("live")
    run = ledgers.run(publication)
    for state in ("accepted", "accepted", "pending", "skipped", "unknown"):
        ledgers.delivery(run, state=state)
    context = look(publication, mia).context
    counts = {segment.state: segment.count for segment in context["segments"]}
    assert sum(counts.values()) == context["ledger"]["targeted"] == 5
    assert (counts["accepted"], counts["unknown"], context["percent"]) == (2, 1, 80)


def test_the_script_gets_only_the_parts_that_change(look, made, mia):
    page = look(made("live"), mia, "?live=1").content.decode()
    assert 'data-part="state"' in page
    assert "<html" not in page


def test_looking_again_costs_few_queries(look, made, mia, django_assert_max_num_queries):
    publication = made("live")
    run = ledgers.run(publication)
    for number in range(5):
        ledgers.delivery(run, ledgers.contact(number))
    look(publication, mia)
    with django_assert_max_num_queries(30):
        look(publication, mia, "?live=1")


@pytest.mark.parametrize("channel", ["email", "social", "push"])
def test_every_channel_has_a_preview_in_which_no_script_runs(client, made, mia, market, channel):
    publication = ledgers.publication(market, mia, channel=channel)
    client.force_login(mia)
    answer = client.get(reverse("publishing_publication:preview", args=[publication.public_id, "en"]))
    assert answer.status_code == 200
    assert "Black Friday" in answer.content.decode()
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_recipients_are_searched_and_filtered(client, made, mia):
    publication = made("live")
    run = ledgers.run(publication)
    ledgers.delivery(run, ledgers.contact(1), state="accepted")
    ledgers.delivery(run, ledgers.contact(2), state="skipped", reason="no_consent")
    client.force_login(mia)
    address = reverse("publishing_publication:deliveries", args=[publication.public_id])
    assert [row.contact.external_id for row in client.get(address + "?q=c-2").context["object_list"]] == ["c-2"]
    page = client.get(address + "?state=skipped")
    assert [row.state for row in page.context["object_list"]] == ["skipped"]
    assert "did not agree to marketing" in page.content.decode()


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("accepted", "", "It was sent"),
        ("skipped", "suppressed", "the address is closed"),
        ("rejected", "endpoint", "this address does not exist"),
        ("pending", "", "waits for its turn"),
        ("unknown", "worker_lost", "Nobody knows"),
        ("unconfirmed", "no_answer", "A person has to decide"),
    ],
)
def test_why_did_or_did_not_she_get_it(client, made, mia, state, reason, words):
    delivery = ledgers.delivery(ledgers.run(made("live")), ledgers.contact(1), state=state, reason=reason)
    client.force_login(mia)
    address = reverse("publishing_publication:delivery", args=[delivery.publication.public_id, delivery.pk])
    page = client.get(address).content.decode()
    assert words in page
    assert "@shop.example" not in page
