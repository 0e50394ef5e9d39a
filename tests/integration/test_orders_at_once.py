"""Many tell of the same orders at once: each is taken once."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from campaigns.audiences.models import Contact
from campaigns.audiences.services import contacts
from campaigns.promotions.models import Order, OrderLine, Redemption
from campaigns.promotions.services import orders

pytestmark = pytest.mark.django_db(transaction=True)

TELLERS = 6


def at_once(work):
    """Run `work(number)` in threads that start together; raise what any of them raised."""
    start = threading.Barrier(TELLERS)
    failures = []

    def teller(number):
        try:
            start.wait()
            work(number)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=teller, args=(number,)) for number in range(TELLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_the_same_orders_from_all_sides_are_taken_once():
    told = [(f"N{n}", [orders.Line("LAMP", Decimal(1), 100 + n), orders.Line("RUG", Decimal(2), 7)]) for n in range(40)]

    def tell(number):
        for external_id, lines in told if number % 2 else reversed(told):
            orders.take("shop", external_id, currency="USD", lines=lines)

    at_once(tell)
    assert Order.objects.count() == 40
    assert OrderLine.objects.count() == 80
    assert sum(Order.objects.values_list("total_minor", flat=True)) == sum(100 + n + 7 for n in range(40))
    assert not Redemption.objects.exists()


def test_the_same_contacts_from_all_sides_are_there_once():
    rows = [{"external_id": f"c{n}", "email": f"c{n}@example.com", "consents": ["email"]} for n in range(300)]

    def tell(number):
        contacts.upsert(rows if number % 2 else rows[::-1])

    at_once(tell)
    assert Contact.objects.count() == 300
    assert all(contact.endpoints.count() == contact.consents.count() == 1 for contact in Contact.objects.all()[:50])
