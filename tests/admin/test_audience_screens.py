"""The sections Audience and Promotions, as a marketer meets them."""

import io
import json
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from campaigns.audiences.models import Contact, ContactList, Segment, Suppression
from campaigns.audiences.services import contacts, segments
from campaigns.promotions.models import Offer
from campaigns.promotions.services import offers, orders

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(market):
    contacts.upsert(
        [
            {"external_id": "42", "first_name": "Ann", "last_name": "<b>Lee</b>", "email": "ann.lee@example.com", "locale": "en",
             "consents": ["email"], "attributes": {"tier": "gold", "interests": ["table"]}, "push_token": "t" * 20},
            {"external_id": "43", "first_name": "伟", "last_name": "王", "locale": "zh-hans"},
        ]
    )  # fmt: skip
    return Contact.objects.get(external_id="42"), Contact.objects.get(external_id="43")


@pytest.fixture
def admin(client, owner):
    client.force_login(owner)
    return client


def test_contacts_are_listed_and_found_by_name_id_and_whole_address(admin, people):
    url = reverse("audiences_contact:index")
    page = admin.get(url).content.decode()
    assert "&lt;b&gt;Lee" in page
    assert "ann.lee" not in page
    for query, found in {"ann": "42", "王": "43", "43": "43", "ANN.LEE@example.com": "42"}.items():
        answer = admin.get(url, {"q": query})
        assert [contact.external_id for contact in answer.context["object_list"]] == [found], query
    assert not admin.get(url, {"q": "ann.lee@"}).context["object_list"]
    assert [c.external_id for c in admin.get(url, {"consent": "email"}).context["object_list"]] == ["42"]


def test_a_contact_is_shown_with_masked_addresses_and_the_proof(admin, people):
    page = admin.get(reverse("audiences_contact:inspect", args=[people[0].pk])).content.decode()
    assert "a…e@example.com" in page
    assert "ann.lee" not in page
    assert "agreed" in page
    assert "gold" in page


def test_erasing_asks_and_then_forgets(admin, people):
    url = reverse("audiences_contact:erase", args=[people[0].pk])
    assert "cannot be undone" in admin.get(url).content.decode()
    assert Contact.objects.filter(external_id="42").exists()
    admin.post(url)
    assert not Contact.objects.filter(external_id="42").exists()
    assert admin.get(reverse("audiences_contact:inspect", args=[people[0].pk])).status_code == 404


def upload(admin, name, content):
    file = io.BytesIO(content)
    file.name = name
    return admin.post(reverse("audiences_contact:import"), {"file": file})


def test_a_file_comes_in_and_its_broken_lines_are_told(admin, people):
    answer = upload(
        admin,
        "people.csv",
        b"external_id;email;first_name;timezone;consents;tier\n"
        b"50;bo@example.com;Bo;Europe/Berlin;email push;silver\n"
        b"51;broken;;;;\n"
        b";x@example.com;;;;\n"
        b"52;;Cy;Mars/Base;;\n"
        b"53;;a;;;;too;many\n",
    )
    report = answer.context["report"]
    assert (report.created, report.refused) == (2, 3)
    assert [error.line for error in report.errors] == [3, 4, 6]
    assert [warning.line for warning in report.warnings] == [5]  # the bad time zone costs its row that field alone
    assert (report.with_address, report.with_consent) == (1, 1)
    bo = Contact.objects.get(external_id="50")
    assert (bo.attributes, bo.consents.count()) == ({"tier": "silver"}, 2)
    assert b"Europe/Berlin" in answer.content
    assert upload(admin, "people.ndjson", b'{"external_id": "60"}\n').context["report"].created == 1


@pytest.mark.parametrize(
    ("content", "word"),
    [("external_id\nü".encode("latin-1"), "UTF-8"), (b"", "empty")],
)
def test_what_is_no_such_file_gets_a_sentence(admin, content, word):
    assert word in upload(admin, "people.csv", content).content.decode()


def test_a_segment_counts_while_it_is_written_and_is_saved(admin, people):
    def preview(rule):
        return admin.post(reverse("audiences_segment:preview"), {"rule": rule}).json()

    assert preview('{"attribute": "tier", "op": "eq", "value": "gold"}')["count"] == 1
    assert preview('{"all": true}')["people"][1]["name"] == "伟 王"
    assert "JSON" in preview("{")["error"]
    assert "password" in preview('{"field": "password"}')["error"]

    form = {"name": "Gold", "rule": '{"attribute": "tier", "op": "eq", "value": "gold"}'}
    assert admin.post(reverse("audiences_segment:add"), form).status_code == 302
    gold = Segment.objects.get(name="Gold")
    assert gold.rule["value"] == "gold"
    refused = admin.post(reverse("audiences_segment:edit", args=[gold.pk]), {"name": "Gold", "rule": '{"nonsense": 1}'})
    assert "is no rule" in refused.content.decode()
    admin.post(reverse("audiences_segment:edit", args=[gold.pk]), {"name": "Gold!", "rule": '{"all": true}'})
    gold.refresh_from_db()
    assert (gold.name, gold.rule) == ("Gold!", {"all": True})
    assert "Gold!" in admin.get(reverse("audiences_segment:index")).content.decode()


def test_a_list_takes_people_by_their_ids_and_stays_while_a_segment_needs_it(admin, people):
    admin.post(reverse("audiences_list:add"), {"name": "Guests", "add_ids": "42\n43\n42\nnobody"})
    guests = ContactList.objects.get()
    assert guests.members.count() == 2
    segments.create("Guests", {"list": str(guests.public_id)})
    answer = admin.post(reverse("audiences_list:delete", args=[guests.pk]), follow=True)
    assert ContactList.objects.exists()
    assert "Change them first" in answer.content.decode()
    Segment.objects.all().delete()
    admin.post(reverse("audiences_list:delete", args=[guests.pk]))
    assert not ContactList.objects.exists()


def test_an_address_is_closed_and_opened_by_hand(admin):
    url = reverse("audiences_suppression:add")
    assert "not valid" in admin.post(url, {"channel": "email", "address": "nonsense"}).content.decode()
    admin.post(url, {"channel": "email", "address": "Ann@Example.com"})
    closed = Suppression.objects.get()
    assert closed.reason == "manual"
    assert "closed already" in admin.post(url, {"channel": "email", "address": "ann@example.com"}).content.decode()
    admin.post(reverse("audiences_suppression:delete", args=[closed.pk]))
    assert not Suppression.objects.exists()


OFFER = {
    "name": "Black Friday",
    "currency": "usd",
    "regular_price": "249.00",
    "price": "169",
    "code": "HEARTH26",
    "starts": "2026-11-27 00:00",
    "ends": "2026-12-01 00:00",
    "timezone": "America/New_York",
    "legal_line": "While stock lasts.",
}


def test_an_offer_is_entered_in_major_units_and_wall_clock_time(admin):
    assert admin.post(reverse("promotions_offer:add"), OFFER).status_code == 302
    offer = Offer.objects.get()
    assert (offer.slug, offer.price_minor, offer.regular_price_minor, offer.currency) == (
        "black-friday",
        16900,
        24900,
        "USD",
    )
    assert offer.starts_at == datetime(2026, 11, 27, 5, tzinfo=UTC)
    page = admin.get(reverse("promotions_offer:edit", args=[offer.pk])).content.decode()
    for text in ("2026-11-27 00:00", "$169.00", "30 November 2026, 23:59 EST", "2026年11月27日"):
        assert text in page, text
    assert admin.post(reverse("promotions_offer:edit", args=[offer.pk]), {**OFFER, "price": "99.90"}).status_code == 302
    offer.refresh_from_db()
    assert (offer.price_minor, offer.slug) == (9990, "black-friday")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"price": "300"}, "higher than the regular"),
        ({"ends": "2026-11-26 00:00"}, "end after it starts"),
        ({"price": "1.999"}, "fewer decimal"),
        ({"currency": "XXL"}, "ISO 4217"),
        ({"code": "two words"}, "one word"),
        ({"percent_off": "120"}, "at most 100"),
    ],
)
def test_facts_that_contradict_one_another_get_a_sentence(admin, change, word):
    answer = admin.post(reverse("promotions_offer:add"), {**OFFER, **change})
    assert answer.status_code == 200
    assert word in answer.content.decode()
    assert not Offer.objects.exists()


def test_orders_are_looked_at(admin, people):
    from decimal import Decimal

    order = orders.take("shop", "A1", currency="USD", lines=[orders.Line("LAMP", Decimal(2), 9990)], contact=people[0])
    assert "A1" in admin.get(reverse("promotions_order:index")).content.decode()
    assert "A1" in admin.get(reverse("promotions_order:index"), {"q": "42"}).content.decode()
    page = admin.get(reverse("promotions_order:inspect", args=[order.pk])).content.decode()
    assert "$99.90" in page
    assert "LAMP" in page


SCREENS = [
    "audiences_contact:index", "audiences_contact:import", "audiences_segment:index", "audiences_segment:add",
    "audiences_list:index", "audiences_list:add", "audiences_suppression:index", "audiences_suppression:add",
    "audiences_suppression:import",
    "promotions_offer:index", "promotions_offer:add", "promotions_product:index", "promotions_product:add",
    "promotions_order:index",
]  # fmt: skip


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_opens_empty_for_the_owner_and_for_nobody_without_rights(admin, client, stranger, name):
    assert admin.get(reverse(name)).status_code == 200
    stranger.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(stranger)
    assert client.get(reverse(name)).status_code in (302, 403)


def test_nobody_without_rights_counts_imports_or_erases(client, stranger, people):
    stranger.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(stranger)
    assert client.post(reverse("audiences_segment:preview"), {"rule": json.dumps({"all": True})}).status_code in (
        302,
        403,
    )
    client.post(reverse("audiences_contact:erase", args=[people[0].pk]))
    upload(client, "a.csv", b"external_id\n99\n")
    assert Contact.objects.filter(external_id="42").exists()
    assert not Contact.objects.filter(external_id="99").exists()


def test_an_offer_changes_its_price_by_the_clock(market):
    from campaigns.promotions import selectors

    offer = offers.create(
        "Sale", currency="USD", regular_price_minor=1000, percent_off=25,
        starts_at=datetime(2026, 11, 27, tzinfo=UTC), ends_at=datetime(2026, 11, 28, tzinfo=UTC),
    )  # fmt: skip
    states = [
        selectors.offer_at(offer, datetime(2026, 11, day, hour, tzinfo=UTC))
        for day, hour in ((26, 23), (27, 0), (27, 23), (28, 0))
    ]
    assert [(state.phase.value, state.price_minor) for state in states] == [
        ("before", 1000), ("open", 750), ("open", 750), ("over", 1000),
    ]  # fmt: skip
    assert [state.next_change for state in states] == [offer.starts_at, offer.ends_at, offer.ends_at, None]
