"""The screen of closed addresses: what a run closed, why, and everything back with one button."""

import pytest
from django.urls import reverse

from campaigns.audiences.models import Endpoint, Suppression
from campaigns.publishing.models import Closing
from campaigns.publishing.services import closings
from tests import ledgers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("built_assets")]


@pytest.fixture
def run(market, marketer):
    publication = ledgers.publication(market, marketer, state="done")
    run = ledgers.run(publication, state="done")
    for number in range(3):
        person = ledgers.contact(number)
        row = ledgers.delivery(run, person, "rejected", "endpoint")
        closings.note(
            run.pk,
            "email",
            [closings.Dead(row.pk, row.recipient_key, Closing.Cause.REFUSED, "5.1.1", "550 5.1.1 …: User unknown")],
        )
    closings.close_due()
    return run


def settle(client, run, **fields):
    return client.post(reverse("publishing_closings:settle", args=[run.public_id]), fields, follow=True)


def test_it_says_what_was_closed_and_why(client, owner, run):
    client.force_login(owner)
    page = client.get(reverse("publishing_closings:index")).content.decode()
    assert "3 closed" in page
    assert "550 5.1.1 …: User unknown" in page
    assert "shop.example" not in page, "no address"


def test_one_button_opens_everything_again_after_asking(client, owner, run):
    client.force_login(owner)
    asked = settle(client, run, verb="reopen").content.decode()
    assert "3 addresses can be written to again" in asked
    assert Suppression.objects.count() == 3, "it only asked"
    done = settle(client, run, verb="reopen", sure="1").content.decode()
    assert "3 addresses are open again" in done
    assert Suppression.objects.count() == 0
    assert set(Endpoint.objects.values_list("status", flat=True)) == {"active"}


def test_what_the_fuse_holds_back_is_counted_in_the_menu_and_closed_by_a_person(client, owner, run):
    Closing.objects.update(state="waiting")
    Suppression.objects.all().delete()
    Endpoint.objects.update(status="active")
    client.force_login(owner)
    page = client.get(reverse("publishing_closings:index")).content.decode()
    assert "3 addresses wait for you" in page
    assert "Closed addresses (1)" in page
    assert "3 addresses are closed" in settle(client, run, verb="close", sure="1").content.decode()
    assert Suppression.objects.count() == 3


def test_strangers_see_nothing(client, stranger, run):
    client.force_login(stranger)
    assert client.get(reverse("publishing_closings:index")).status_code in {302, 403}
    assert client.post(reverse("publishing_closings:settle", args=[run.public_id]), {"verb": "reopen", "sure": "1"})
    assert Suppression.objects.count() == 3


def test_nothing_closed_is_said_too(client, owner):
    client.force_login(owner)
    assert "No address was closed" in client.get(reverse("publishing_closings:index")).content.decode()
