"""``manage.py restate_orders RSD``: orders that a shop told in major units before ISO 4217's digits were taken.

Only for the thirteen currencies of `core.money.FORMER_DIGITS`, and only for who sent ``total`` and ``amount``: who sent
``total_minor`` had meant ISO 4217's minor units and was right all along. An order does not say which it was, so a person does.
Nothing is changed without ``--yes``, and no order twice.
"""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import F, Sum, Value
from django.db.models.functions import Concat, Substr

from campaigns.measurement.models import Credit
from campaigns.promotions.models import Order, OrderLine, Refund
from core import clock, money

RESTATED = "r"


class Command(BaseCommand):
    """Multiply what one source told in one currency."""

    help = "Restate orders told in major units of a currency whose digits have changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which orders."""
        parser.add_argument("currency")
        parser.add_argument("--source", default="", help="Only orders of this source.")
        parser.add_argument(
            "--before", required=True, help="Only orders received before this instant: when 0.2 was installed."
        )
        parser.add_argument("--yes", action="store_true", help="Do it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell what would change, or change it."""
        currency = options["currency"].upper()
        if currency not in money.FORMER_DIGITS:
            raise CommandError(f"The digits of {currency} have not changed: there is nothing to restate.")
        factor = 10 ** (money.exponent(currency) - money.FORMER_DIGITS[currency])
        try:
            before = datetime.fromisoformat(options["before"])
        except ValueError as error:
            raise CommandError("Write --before as 2026-12-01T08:00:00+01:00.") from error
        if before.tzinfo is None or before > clock.now():
            raise CommandError("--before needs a time zone, and cannot lie in the future.")
        # An import told minor units. A restated order is marked in its hash, which is hexadecimal otherwise.
        orders = Order.objects.filter(currency=currency, recorded_at__lt=before)
        orders = orders.exclude(body_hash="").exclude(body_hash__startswith=RESTATED)
        if options["source"]:
            orders = orders.filter(source=options["source"])
        total = orders.aggregate(sum=Sum("total_minor"))["sum"] or 0
        self.stdout.write(
            f"{orders.count()} orders, {money.display(total, currency, 'en')} as they stand, "
            f"{money.display(total * factor, currency, 'en')} restated."
        )
        if not options["yes"]:
            self.stdout.write("Nothing was changed. Say --yes to do it.")
            return
        with transaction.atomic():
            chosen = list(orders.values_list("pk", flat=True))
            for start in range(0, len(chosen), 500):
                _restate(chosen[start : start + 500], factor)


def _restate(orders: list[int], factor: int) -> None:
    Refund.objects.filter(order__in=orders).update(amount_minor=F("amount_minor") * factor)
    OrderLine.objects.filter(order__in=orders).update(
        amount_minor=F("amount_minor") * factor, discount_minor=F("discount_minor") * factor
    )
    Credit.objects.filter(order__in=orders).update(amount_minor=F("amount_minor") * factor)
    Order.objects.filter(pk__in=orders).update(
        total_minor=F("total_minor") * factor, body_hash=Concat(Value(RESTATED), Substr("body_hash", 2))
    )
