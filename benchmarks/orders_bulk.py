"""How many orders a second ``POST orders/bulk`` takes on PostgreSQL, side by side with a bare ``COPY`` of the same rows.

    ALMANAC_TEST_POSTGRES_URL=postgres://… uv run python benchmarks/orders_bulk.py [orders]

Each order has two lines and names a customer whom the shop knows; one in ten has the code of an offer. The body goes through
the whole of Django, the token and the strict reading; the reference copies the finished rows into the same two tables, with
their indexes and foreign keys. Both on one connection, in one run.
"""

import json
import os
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["ALMANAC_TEST_DATABASE"] = "postgres"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
os.environ.setdefault("ALMANAC_HOME", tempfile.mkdtemp())

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_databases, setup_test_environment, teardown_databases  # noqa: E402


def body(count: int, start: int) -> bytes:
    """NDJSON of `count` orders."""
    rows = (
        {
            "external_id": f"o-{number}",
            "contact": f"c-{number % 5000}",
            "currency": "USD",
            "total": "49.90",
            "lines": [{"sku": "MUG-1", "quantity": 2, "amount": "29.90"}, {"sku": "CUP-2", "amount": "20.00"}],
            "occurred_at": "2026-11-27T15:04:05Z",
            **({"code": "SALE"} if number % 10 == 0 else {}),
        }
        for number in range(start, start + count)
    )
    return "\n".join(map(json.dumps, rows)).encode()


def post(client: Client, token: str, path: str, sent: bytes, kind: str = "application/x-ndjson") -> Any:
    """Send it and return the answer's JSON."""
    answer = client.post(f"/api/v1/{path}", sent, content_type=kind, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


def through_the_api(client: Client, token: str, count: int, start: int) -> float:
    """Orders a second."""
    sent = body(count, start)
    begun = time.perf_counter()
    report = post(client, token, "orders/bulk", sent)
    seconds = time.perf_counter() - begun
    assert report["created"] == count, report
    return count / seconds


def by_copy(count: int) -> float:
    """Orders a second when finished rows are copied into the same tables."""
    from campaigns.promotions.models import Order, OrderLine
    from core import clock
    from core.ids import uuid7

    contact = Order.objects.values_list("contact_id", flat=True).first()
    now = clock.now()
    orders = [
        (uuid7(), "copy", f"k-{number}", contact, "USD", 4990, "", "", "0" * 64, now, now, now)
        for number in range(count)
    ]
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        columns = (
            "public_id, source, external_id, contact_id, currency, total_minor, code, click_token, body_hash, occurred_at, "
            "recorded_at, updated_at"
        )
        with cursor.copy(f"COPY {Order._meta.db_table} ({columns}) FROM STDIN") as copy:
            for row in orders:
                copy.write_row(row)
        cursor.execute(f"SELECT id FROM {Order._meta.db_table} WHERE source = 'copy'")
        keys = [key for (key,) in cursor.fetchall()]
        columns = "order_id, number, sku, quantity, amount_minor, discount_minor"
        with cursor.copy(f"COPY {OrderLine._meta.db_table} ({columns}) FROM STDIN") as copy:
            for key in keys:
                copy.write_row((key, 1, "MUG-1", Decimal(2), 2990, 0))
                copy.write_row((key, 2, "CUP-2", Decimal(1), 2000, 0))
    return count / (time.perf_counter() - begun)


def main() -> None:
    """Measure, three times each, and print."""
    from core.models import Market
    from core.services import create_token

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    setup_test_environment()
    databases = setup_databases(0, False)
    try:
        Market.objects.create(
            code="us", name="US", country="US", currency="USD", timezone="UTC", locales=["en"], is_default=True
        )
        client, token = Client(), create_token("shop", ["*"])
        offer = {"name": "Sale", "currency": "USD", "code": "SALE"}
        offer |= {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2100-01-01T00:00:00Z"}
        post(client, token, "offers", json.dumps(offer).encode(), "application/json")
        post(client, token, "contacts/bulk", b"\n".join(b'{"external_id": "c-%d"}' % n for n in range(5000)))
        through_the_api(client, token, 1000, 10**9)  # warm
        for turn in range(3):
            api, copy = through_the_api(client, token, count, turn * count), by_copy(count)
            print(f"POST orders/bulk {api:,.0f}/s   COPY {copy:,.0f}/s   {api / copy:.2f} of COPY")
            with connection.cursor() as cursor:
                copied = "SELECT id FROM promotions_order WHERE source = 'copy'"
                cursor.execute(f"DELETE FROM promotions_orderline WHERE order_id IN ({copied})")
                cursor.execute("DELETE FROM promotions_order WHERE source = 'copy'")
    finally:
        teardown_databases(databases, 0)


if __name__ == "__main__":
    main()
