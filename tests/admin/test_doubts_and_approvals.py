"""What waits for a person: copies in doubt, submitted publications, and the panel that leads there."""

import pytest
from django.urls import reverse

from campaigns.publishing.models import Delivery
from core import roles
from tests import ledgers
from tests.conftest import make_user


@pytest.fixture
def groups(db):
    return roles.ensure_roles()


@pytest.fixture
def mia(groups):
    person = make_user("mia")
    person.groups.add(groups["Marketers"])
    return person


@pytest.fixture
def rea(groups):
    person = make_user("rea")
    person.groups.add(groups["Reviewers"])
    return person


@pytest.fixture
def doubtful(market, mia):
    publication = ledgers.publication(market, mia, state="done")
    run = ledgers.run(publication, state="done")
    return [
        ledgers.delivery(run, ledgers.contact(number), state=state, reason="no_answer")
        for number, state in enumerate(("unknown", "unknown", "unconfirmed"))
    ]


@pytest.fixture
def settle(client, mia, doubtful):
    def act(verb, **data):
        client.force_login(mia)
        address = reverse("publishing_doubts:settle", args=[doubtful[0].publication.public_id])
        return client.post(address, {"verb": verb, **data})

    return act


def states(doubtful):
    return [Delivery.objects.get(pk=row.pk).state for row in doubtful]


def test_doubts_are_listed_with_their_reason(client, mia, doubtful):
    client.force_login(mia)
    page = client.get(reverse("publishing_doubts:index")).content.decode()
    assert "3 copies" in page
    assert "answer was lost" in page.lower()
    assert "@shop.example" not in page


def test_nothing_in_doubt_is_said(client, mia):
    client.force_login(mia)
    assert "Nothing is in doubt" in client.get(reverse("publishing_doubts:index")).content.decode()


@pytest.mark.parametrize(("verb", "after"), [("arrived", "accepted"), ("lost", "rejected")])
def test_a_person_settles_the_chosen(settle, doubtful, verb, after):
    settle(verb, delivery=[doubtful[0].pk])
    assert states(doubtful) == [after, "unknown", "unconfirmed"]


def test_a_person_settles_all_of_a_publication(settle, doubtful):
    settle("arrived", all="1")
    assert states(doubtful) == ["accepted"] * 3


def test_nothing_chosen_changes_nothing(settle, doubtful):
    assert settle("arrived").status_code == 302
    assert states(doubtful) == ["unknown", "unknown", "unconfirmed"]


def test_sending_again_asks_once_more_and_is_logged(settle, doubtful, mia):
    from wagtail.models import ModelLogEntry

    question = settle("again", all="1")
    assert question.status_code == 200
    assert "gets a second one" in question.content.decode()
    assert states(doubtful) == ["unknown", "unknown", "unconfirmed"]
    settle("again", all="1", sure="1")
    assert states(doubtful) == ["pending"] * 3
    assert ModelLogEntry.objects.get(action="almanac.doubt_send_again").user == mia


def test_what_waits_for_approval_is_listed_for_reviewers(client, market, mia, rea):
    publication = ledgers.publication(market, mia, state="submitted", submitted_by=mia, title="Doors open")
    client.force_login(rea)
    page = client.get(reverse("publishing_approvals:index")).content.decode()
    assert "Doors open" in page
    assert reverse("publishing_publication:do", args=[publication.public_id, "approve"]) in page


def test_your_own_is_listed_without_buttons(client, market, groups, rea):
    publication = ledgers.publication(market, rea, state="submitted")
    client.force_login(rea)
    page = client.get(reverse("publishing_approvals:index")).content.decode()
    assert "somebody else approves it" in page
    assert reverse("publishing_publication:do", args=[publication.public_id, "approve"]) not in page


def test_no_approvals_is_said(client, rea):
    client.force_login(rea)
    assert "Nothing waits for approval" in client.get(reverse("publishing_approvals:index")).content.decode()


def test_the_first_page_tells_a_newcomer_where_to_begin(client, mia):
    client.force_login(mia)
    assert "Nothing is planned yet" in client.get("/admin/").content.decode()


def test_the_first_page_shows_what_needs_whom(client, market, mia, rea, doubtful):
    from django.utils import timezone

    today = timezone.localtime().date()
    ledgers.publication(market, mia, state="scheduled", title="Goes today", moment_date=today)
    ledgers.publication(market, mia, state="held", title="Held one", state_reason="overdue")
    ledgers.publication(market, mia, state="submitted", title="Please look")
    client.force_login(mia)
    page = client.get("/admin/").content.decode()
    assert "Goes today" in page
    assert "Held one" in page
    assert "3 copies in doubt" in page
    assert "Waiting for your approval" not in page
    client.force_login(rea)
    page = client.get("/admin/").content.decode()
    assert "Waiting for your approval" in page
    assert "in doubt" not in page


def test_the_first_page_is_not_for_those_without_publications(client, market, mia, groups):
    ledgers.publication(market, mia, state="held", title="Held one")
    person = make_user("only-admin")
    from django.contrib.auth.models import Permission

    person.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(person)
    assert "Held one" not in client.get("/admin/").content.decode()
