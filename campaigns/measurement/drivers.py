"""Why revenue differs from its plan: revenue = visitors × conversion × order value, split into parts that add up exactly.

While every factor is positive the split is the logarithmic mean Divisia index (LMDI-I; Ang, "The LMDI approach to
decomposition analysis", Energy Policy 33, 2005): part of x = L(V1, V0) · ln(x1/x0), with L(a, b) = (a − b) / ln(a/b). It
leaves no remainder and does not depend on the order of the factors. Logarithms end at zero: there (and for negative
amounts) it is the Shapley value, the mean over all orders in which the factors could have changed. Both are rounded to
minor units by largest remainder, so the parts add up to the difference to the cent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import permutations

Number = Fraction | int


@dataclass(frozen=True, slots=True)
class Tree:
    """Visitors, orders and revenue (minor units) of a plan or of what happened. A plan may hold fractions of an order."""

    uv: Number
    orders: Number
    gmv_minor: int

    @property
    def conversion(self) -> Fraction | None:
        """Orders per visitor; None without visitors."""
        return Fraction(self.orders) / Fraction(self.uv) if self.uv else None

    @property
    def order_value_minor(self) -> Fraction | None:
        """Revenue per order; None without orders."""
        return Fraction(self.gmv_minor) / Fraction(self.orders) if self.orders else None


@dataclass(frozen=True, slots=True)
class Parts:
    """The difference, part by part, in minor units; `rest` is revenue that no counted visitor brought."""

    visitors: int
    conversion: int
    order_value: int
    rest: int

    @property
    def total(self) -> int:
        """What the parts add up to: actual minus planned revenue."""
        return self.visitors + self.conversion + self.order_value + self.rest


def explain(plan: Tree, actual: Tree) -> Parts:
    """Split ``actual.gmv_minor - plan.gmv_minor`` into its parts.

    A factor that one side cannot tell (a conversion without visitors) is taken to be as on the other side.
    """
    before, after = _factors(plan, actual), _factors(actual, plan)
    rest = (actual.gmv_minor - _product(after)) - (plan.gmv_minor - _product(before))
    shares = [*split(before, after), rest]
    visitors, conversion, order_value, rest_minor = round_to_sum(shares, actual.gmv_minor - plan.gmv_minor)
    return Parts(visitors, conversion, order_value, rest_minor)


def _factors(tree: Tree, other: Tree) -> list[Fraction]:
    conversion = tree.conversion if tree.conversion is not None else other.conversion
    value = tree.order_value_minor if tree.order_value_minor is not None else other.order_value_minor
    return [Fraction(tree.uv), conversion or Fraction(0), value or Fraction(0)]


def split(before: Sequence[Fraction], after: Sequence[Fraction]) -> list[Fraction]:
    """How much each factor adds to the difference of the two products; the shares add up to it (LMDI: to 40 digits)."""
    if all(x > 0 for x in (*before, *after)):
        return _log_mean(before, after)
    return _shapley(before, after)


def _log_mean(before: Sequence[Fraction], after: Sequence[Fraction]) -> list[Fraction]:
    old, new = _product(before), _product(after)
    # Fifty digits: with doubles a factor that did not change at all would get a cent now and then.
    with localcontext(prec=50):
        logs = [_decimal(b / a).ln() for a, b in zip(before, after, strict=True)]
        weight = _decimal(old) if old == new else _decimal(new - old) / _decimal(new / old).ln()
        return [Fraction(weight * log) for log in logs]


def _product(factors: Sequence[Fraction]) -> Fraction:
    return math.prod(factors, start=Fraction(1))


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def _shapley(before: Sequence[Fraction], after: Sequence[Fraction]) -> list[Fraction]:
    shares = [Fraction(0)] * len(before)
    orders = list(permutations(range(len(before))))
    for order in orders:
        now = list(before)
        for place in order:
            value = _product(now)
            now[place] = after[place]
            shares[place] += _product(now) - value
    return [share / len(orders) for share in shares]


def round_to_sum(shares: Sequence[Fraction], total: int) -> list[int]:
    """`shares` as whole numbers that add up to `total` exactly (largest remainder; of equal ones the first)."""
    whole = [math.floor(share) for share in shares]
    left = total - sum(whole)
    by_remainder = sorted(range(len(shares)), key=lambda place: (whole[place] - shares[place], place))
    if left < 0:  # Rounding of the logarithms can put the sum of the shares a little above the total.
        by_remainder.reverse()
    for step in range(abs(left)):
        whole[by_remainder[step % len(shares)]] += 1 if left > 0 else -1
    return whole


def plan_of(targets: dict[str, int]) -> Tree | None:
    """The plan that targets (by metric, as `planning.Target` stores them) describe; None when they leave it open.

    Visitors, orders and revenue are taken as entered; what is missing follows from the conversion rate and the order
    value. With all five entered, revenue, orders and visitors win.
    """
    rate = Fraction(targets["conversion"], 10_000) if targets.get("conversion") else None
    value = targets.get("order_value") or None
    uv: Number | None = targets.get("uv")
    orders: Number | None = targets.get("orders")
    gmv: Number | None = targets.get("gmv")
    for _ in range(3):
        if orders is None and uv is not None and rate:
            orders = uv * rate
        if orders is None and gmv is not None and value:
            orders = Fraction(gmv) / value
        if uv is None and orders is not None and rate:
            uv = orders / rate
        if gmv is None and orders is not None and value:
            gmv = orders * value
    if uv is None or orders is None or gmv is None:
        return None
    return Tree(uv, orders, round(gmv))
