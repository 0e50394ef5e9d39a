"""The parts of a difference add up to it, to the cent, for every tree."""

import math
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.measurement.drivers import Parts, Tree, explain, plan_of, round_to_sum, split

counts = st.integers(0, 10**7)
money = st.integers(-(10**11), 10**12)
trees = st.builds(Tree, counts, counts, money)


@settings(max_examples=2000, deadline=None)
@given(trees, trees)
@example(Tree(0, 0, 0), Tree(0, 0, 0))
@example(Tree(0, 3, 500), Tree(7, 0, 0))
@example(Tree(10, 1, 10**12), Tree(10, 1, 10**12 + 1))
def test_the_parts_add_up_to_the_cent(plan, actual):
    assert explain(plan, actual).total == actual.gmv_minor - plan.gmv_minor


@settings(max_examples=500, deadline=None)
@given(trees)
def test_nothing_changed_is_nothing_explained(tree):
    assert explain(tree, tree) == Parts(0, 0, 0, 0)


positive = st.builds(Tree, st.integers(1, 10**6), st.integers(1, 10**5), st.integers(1, 10**10))


@settings(max_examples=500, deadline=None)
@given(positive, positive)
def test_turned_round_it_is_the_same_with_the_other_sign(plan, actual):
    there, back = explain(plan, actual), explain(actual, plan)
    for one, other in zip(there.__slots__, back.__slots__, strict=True):
        assert abs(getattr(there, one) + getattr(back, other)) <= 1


@pytest.mark.parametrize(
    ("before", "after"),
    [([2, 3, 5], [4, 1, 7]), ([2, 3, 5], [0, 1, 7]), ([0, 3, 5], [2, 3, 0]), ([1, 1, 1], [1, 1, 2])],
)
def test_the_order_of_the_factors_does_not_matter(before, after):
    straight = split([Fraction(x) for x in before], [Fraction(x) for x in after])
    for order in permutations(range(3)):
        turned = split([Fraction(before[i]) for i in order], [Fraction(after[i]) for i in order])
        assert [float(x) for x in turned] == pytest.approx([float(straight[i]) for i in order])


def test_log_mean_weights_near_the_shapley_value_for_small_changes():
    plan, actual = Tree(10_000, 200, 2_000_000), Tree(11_000, 231, 2_195_000)
    parts = explain(plan, actual)
    # Worked out by hand: L = 195000 / ln(1.0975), times the logarithms of 1.1, 1.05 and 0.95021645.
    weight = 195_000 / math.log(1.0975)
    assert parts.visitors == pytest.approx(weight * math.log(1.1), abs=1)
    assert parts.conversion == pytest.approx(weight * math.log(1.05), abs=1)
    assert parts.order_value == pytest.approx(weight * math.log(2_195_000 / 231 / 10_000), abs=1)
    assert parts.rest == 0


def test_no_visitors_explain_it_all():
    assert explain(Tree(1_000, 20, 100_000), Tree(0, 0, 0)) == Parts(-100_000, 0, 0, 0)


def test_visitors_who_buy_nothing_are_a_matter_of_conversion():
    assert explain(Tree(1_000, 20, 100_000), Tree(1_000, 0, 0)) == Parts(0, -100_000, 0, 0)


def test_orders_without_a_counted_visitor_stand_apart():
    parts = explain(Tree(1_000, 20, 100_000), Tree(0, 2, 9_000))
    assert parts.rest == 9_000
    assert parts.total == -91_000


@settings(max_examples=500, deadline=None)
@given(st.lists(st.fractions(-(10**6), 10**6), min_size=1, max_size=6))
def test_rounding_keeps_the_sum_and_moves_nothing_by_a_whole_unit(shares):
    total = round(sum(shares))
    rounded = round_to_sum(shares, total)
    assert sum(rounded) == total
    assert all(abs(one - share) <= 1 for one, share in zip(rounded, shares, strict=True))


@pytest.mark.parametrize(
    ("targets", "plan"),
    [
        ({"uv": 1_000, "conversion": 250, "order_value": 4_000}, Tree(1_000, Fraction(25), 100_000)),
        ({"uv": 1_000, "orders": 25, "gmv": 100_000}, Tree(1_000, 25, 100_000)),
        ({"gmv": 100_000, "order_value": 4_000, "conversion": 250}, Tree(Fraction(1_000), Fraction(25), 100_000)),
        ({"gmv": 100_000, "conversion": 250, "uv": 1_000}, Tree(1_000, Fraction(25), 100_000)),
        ({"gmv": 100_000}, None),
        ({"gmv": 100_000, "uv": 10}, None),
        ({}, None),
    ],
)
def test_a_plan_follows_from_enough_targets(targets, plan):
    assert plan_of(targets) == plan
