"""Orders find the click that brought them; whatever order the facts come in, the credit is the same."""

import random
from datetime import timedelta

import pytest

from campaigns.audiences.models import Contact
from campaigns.measurement import attribution, rebuild
from campaigns.measurement.drain import OrderReader, drain
from campaigns.measurement.models import Credit, Rollup, Touch, Visit
from campaigns.promotions.models import Order
from core import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return clock.now()


def test_the_contacts_last_human_click_is_credited(world, door, write, now):
    ann = world.contact()
    first, (one,) = world.publish([ann], sent_at=now - timedelta(days=5))
    second, (other,) = world.publish([ann], sent_at=now - timedelta(days=4))
    write("click", other, n=0, at=now - timedelta(days=2))
    write("click", one, n=0, at=now - timedelta(days=3))
    write("click", one, n=1, a="curl/8", at=now - timedelta(days=1))
    drain(door.folder)
    world.order(4_200, contact=ann)
    OrderReader().read()
    credit = Credit.objects.get()
    assert (credit.publication, credit.via, credit.amount_minor) == (second, "contact", 4_200)
    assert first != second


def test_the_token_an_order_carries_is_credited_without_a_contact(world, door, write):
    publication, (post,) = world.publish([None], channel="social")
    write("click", post, n=0)
    drain(door.folder)
    world.order(1_000, token=world.token(post))
    world.order(1_000, token="forged")
    world.order(1_000)
    OrderReader().read()
    credit = Credit.objects.get()
    assert (credit.publication, credit.via) == (publication, "token")


def test_a_token_counts_without_a_noted_click_from_the_sending_on(world, now):
    old, (one,) = world.publish([world.contact()], sent_at=now - timedelta(days=8))
    recent, (other,) = world.publish([world.contact()], sent_at=now - timedelta(days=6))
    world.order(1_000, token=world.token(one))
    world.order(1_000, token=world.token(other))
    OrderReader().read()
    assert Credit.objects.get().publication == recent
    assert old


@pytest.mark.parametrize(("age", "credited"), [(timedelta(days=7), True), (timedelta(days=7, seconds=1), False)])
def test_a_click_earns_credit_for_seven_days(world, door, write, now, age, credited):
    ann = world.contact()
    _publication, (copy,) = world.publish([ann], sent_at=now - timedelta(days=20))
    write("click", copy, n=0, at=now - age)
    drain(door.folder)
    world.order(1_000, contact=ann, at=now)
    OrderReader().read()
    assert Credit.objects.exists() is credited


def test_the_window_is_a_setting(world, door, write, now, settings):
    settings.ALMANAC_ATTRIBUTION_DAYS = 1
    ann = world.contact()
    _publication, (copy,) = world.publish([ann], sent_at=now - timedelta(days=20))
    write("click", copy, n=0, at=now - timedelta(days=2))
    drain(door.folder)
    world.order(1_000, contact=ann, at=now)
    OrderReader().read()
    assert not Credit.objects.exists()


def test_a_click_after_the_order_earns_nothing(world, door, write, now):
    ann = world.contact()
    _publication, (copy,) = world.publish([ann])
    write("click", copy, n=0, at=now)
    drain(door.folder)
    world.order(1_000, contact=ann, at=now - timedelta(minutes=1))
    OrderReader().read()
    assert not Credit.objects.exists()


def test_a_click_that_is_drained_after_its_order_is_credited_all_the_same(world, door, write, now):
    ann = world.contact()
    publication, (copy,) = world.publish([ann])
    world.order(1_000, contact=ann, at=now)
    OrderReader().read()
    assert not Credit.objects.exists()
    write("click", copy, n=0, at=now - timedelta(minutes=5))
    drain(door.folder)
    assert Credit.objects.get().publication == publication


def test_a_click_that_turns_out_to_be_a_machines_gives_its_credit_back(world, door, write, now):
    ann = world.contact()
    earlier, (one,) = world.publish([ann], sent_at=now - timedelta(days=2))
    _later, (other,) = world.publish([ann], sent_at=now - timedelta(days=1))
    write("click", one, n=0, at=now - timedelta(hours=3))
    write("click", other, n=0, at=now - timedelta(hours=2))
    drain(door.folder)
    world.order(1_000, contact=ann, at=now)
    OrderReader().read()
    for number in (1, 2, 3):
        write("click", other, n=number, at=now - timedelta(hours=2) + timedelta(seconds=1))
    drain(door.folder)
    assert Credit.objects.get().publication == earlier


def test_the_reader_goes_on_where_it_stopped_and_sees_late_rows(world, now):
    reader = OrderReader()
    world.order(1_000)
    assert reader.read() == 1
    assert reader.read() == 0
    Order.objects.update(recorded_at=now - timedelta(minutes=5))
    world.order(2_000)
    assert reader.read() == 1
    assert OrderReader().read() == 1, "only the row that may not be settled yet is looked at again"


def everything():
    return (
        sorted(Rollup.objects.exclude(count=0).values_list("key", "count")),
        sorted(Visit.objects.values_list("key", "first_at", "delivery_id")),
        sorted(Touch.objects.values_list("hit__spool_key", "delivery_id", "publication_id")),
        sorted(Credit.objects.values_list("order__external_id", "publication_id", "via", "touch__hit__spool_key")),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_numbers_kept_up_to_date_are_the_numbers_made_anew(world, door, write, now, seed):
    """Hits, orders and retries in a random order, in random batches; then everything from the rows."""
    chance = random.Random(seed)
    contacts = [world.contact(f"c{n}", opens=n % 2 == 0) for n in range(6)]
    copies = []
    for days in (9, 4, 1):
        copies += world.publish(contacts, sent_at=now - timedelta(days=days))[1]
    copies += world.publish([None], channel="social", sent_at=now - timedelta(days=3))[1]
    reader = OrderReader()
    for _batch in range(12):
        for _ in range(chance.randrange(12)):
            kind, copy = chance.choice(["click", "click", "page", "open"]), chance.choice(copies)
            at = now - timedelta(seconds=chance.randrange(20) + 86_400 * chance.randrange(8))
            extra = {"n": chance.randrange(4)} if kind == "click" else {}
            if kind == "page":
                extra = {"p": "/", "v": f"visitor-{chance.randrange(9):020}"}
            if chance.random() < 0.15:
                extra["g"] = 1
            if chance.random() < 0.1:
                extra["a"] = "curl/8"
            write(kind, copy, at=at, **extra)
        for _ in range(chance.randrange(4)):
            token = world.token(chance.choice(copies)) if chance.random() < 0.4 else ""
            at = now - timedelta(seconds=chance.randrange(5 * 86_400))
            world.order(chance.randrange(100, 9_999), contact=chance.choice([*contacts, None]), token=token, at=at)
        for step in chance.sample([lambda: drain(door.folder), reader.read], 2):
            step()
    kept = everything()
    assert kept[3], "the story credits something"
    rebuild.rebuild()
    assert everything() == kept
    attribution.credit(Order.objects.all())
    assert everything() == kept


def test_an_order_that_finds_its_customer_later_is_credited_then(world, door, write, now):
    from campaigns.audiences.services import contacts
    from campaigns.promotions.services import orders

    contacts.upsert([{"external_id": "42"}])
    ann = Contact.objects.get(external_id="42")
    publication, (copy,) = world.publish([ann], sent_at=now - timedelta(days=1))
    write("click", copy, n=0, at=now - timedelta(hours=1))
    drain(door.folder)
    reader = OrderReader()
    orders.take("api", "A-1", currency="USD", total_minor=700, customer="ann@example.com")
    assert reader.read() == 1
    assert not Credit.objects.exists()
    contacts.upsert([{"external_id": "42", "email": "ann@example.com"}])
    assert reader.read() == 1
    assert (Credit.objects.get().publication, Credit.objects.get().amount_minor) == (publication, 700)
    assert reader.read() == 0
    assert OrderReader().read() == 2  # forgotten, looked at again, and nothing changes
    assert Credit.objects.count() == 1
