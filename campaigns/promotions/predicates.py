"""What orders add to the rules of segments: ``{"ordered": {"days": 90, "least": 1}}``."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext as _

from campaigns.audiences import rules
from campaigns.promotions.models import Order
from core import clock
from core.errors import Invalid

MOST_DAYS = 3660


@rules.register("ordered")
def ordered(value: Any) -> Q:
    """At least `least` orders (1 unless said) in the last `days` days, counted from now."""
    if not isinstance(value, Mapping) or not value or not value.keys() <= {"days", "least"}:
        raise Invalid(_("“ordered” is written {“days”: 90, “least”: 1}."))
    days, least = _whole(value.get("days")), _whole(value.get("least", 1))
    orders = Order.objects.filter(occurred_at__gte=clock.now() - timedelta(days=days))
    if least == 1:
        return Q(Exists(orders.filter(contact=OuterRef("pk"))))
    often = orders.filter(contact__isnull=False).values("contact").annotate(times=Count("pk")).filter(times__gte=least)
    return Q(pk__in=often.values("contact"))


def _whole(number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MOST_DAYS:
        raise Invalid(_("“days” and “least” are whole numbers from 1 to %(most)d.") % {"most": MOST_DAYS})
    return number
