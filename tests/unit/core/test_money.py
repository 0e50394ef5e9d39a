"""Minor units are ISO 4217's; what is shown is CLDR's with no figure lost; what was stored under other digits is restated."""

import importlib
import json
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import iso4217
import pytest
from babel.numbers import get_currency_precision
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns.planning.models import Campaign, Target
from campaigns.planning.services import campaigns
from campaigns.promotions.models import Order, OrderLine, Refund
from campaigns.promotions.services import offers, orders, refunds
from campaigns.promotions.services.orders import Line
from config import assets
from core import clock, money

ISSUE = {
    **dict.fromkeys(["AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"], (2, 0)),
    "IQD": (3, 0),
}
"""The thirteen of issue 6: ISO 4217's digits, and CLDR's."""


def test_the_thirteen_differ_from_cldr_and_no_other_does():
    """iso4217 1.16.20260101 carries SIX's list one of 2026-01-01; Babel 2.18.0 carries CLDR 47."""
    differing = {
        currency.code: (currency.exponent, get_currency_precision(currency.code))
        for currency in iso4217.Currency
        if currency.exponent is not None and currency.exponent != get_currency_precision(currency.code)
    }
    assert differing == ISSUE
    assert {code: money.exponent(code) for code in ISSUE} == {code: digits for code, (digits, _cldr) in ISSUE.items()}
    assert set(money.FORMER_DIGITS) == set(ISSUE)


def test_a_second_source_counts_the_same_digits():
    """npm currency-codes 2.2.0, made from SIX's list by other people in other years."""
    listed = json.loads(
        assets.node(
            ["-e", "console.log(JSON.stringify(require('currency-codes/data').map((c) => [c.code, c.digits])))"]
        )
    )
    ours = set(money.codes())
    both = [(code, digits) for code, digits in listed if code in ours]
    assert len(both) > 150
    assert [(code, digits) for code, digits in both if money.exponent(code) != digits] == []


def test_what_is_history_is_still_shown():
    assert money.display(1250, "HRK", "en") == "HRK12.50"
    assert not {"HRK", "rsd"} & set(money.codes())
    assert "RSD" in money.codes()


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1299", "RSD", 129900),
        ("1299.50", "RSD", 129950),
        ("1.234", "IQD", 1234),
        ("9.99", "EUR", 999),
        ("7", "JPY", 7),
    ],
)
def test_there_and_back(amount, currency, minor):
    assert money.to_minor(amount, currency) == minor
    assert money.to_major(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(("amount", "currency"), [("1.005", "RSD"), ("1.2345", "IQD"), ("0.5", "JPY")])
def test_more_digits_than_there_are_are_refused(amount, currency):
    with pytest.raises(ValueError, match=currency):
        money.to_minor(amount, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "shown"),
    [
        (129900, "RSD", "en", "RSD1,299"),
        (129950, "RSD", "en", "RSD1,299.50"),
        (129905, "RSD", "sr", "1.299,05 RSD"),
        (-129950, "RSD", "de", "-1.299,50 RSD"),
        (1234, "IQD", "en", "IQD1.234"),
        (1230, "IQD", "en", "IQD1.230"),
        (1000, "IQD", "en", "IQD1"),
        (16900, "USD", "zh-hans", "US$169.00"),
        (100, "JPY", "ja", "￥100"),
        (1234567, "KWD", "en", "KWD1,234.567"),
    ],
)
def test_shown_as_people_write_it_with_no_figure_lost(minor, currency, locale, shown):
    assert money.display(minor, currency, locale).replace("\xa0", " ") == shown


def test_no_currency_loses_a_figure_in_any_locale():
    for currency in iso4217.Currency:
        minor = 123456789
        for locale in ("en", "de", "sr", "zh-hans", "hi"):
            figures = [char for char in money.display(minor, currency.code, locale) if char.isdigit()]
            assert "".join(figures) == str(minor), (currency, locale)


# --- What was stored before -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_prices_budgets_and_targets_keep_their_worth(market):
    """The migrations' own functions, there and back."""
    campaign = campaigns.create("A", slug="a", market=market, kind=Campaign.Kind.THEME_SALE, by=None)
    market.currency = "RSD"
    market.save()
    campaign.budget_minor = 120_000
    campaign.save()
    goal = Target.objects.create(campaign=campaign, metric="gmv", value=500_000)
    visitors = Target.objects.create(campaign=campaign, metric="uv", value=5_000)
    window = {"starts_at": clock.now(), "ends_at": clock.now() + timedelta(days=1), "timezone": "UTC", "market": market}
    dinar = offers.create("A", slug="a", currency="RSD", price_minor=1299, regular_price_minor=1999, **window)
    iraqi = offers.create("B", slug="b", currency="IQD", price_minor=5, **window)
    dollar = offers.create("C", slug="c", currency="USD", price_minor=1299, **window)

    def stored():
        for row in (campaign, goal, visitors, dinar, iraqi, dollar):
            row.refresh_from_db()
        prices = (dinar.price_minor, dinar.regular_price_minor, iraqi.price_minor, dollar.price_minor)
        return (campaign.budget_minor, goal.value, visitors.value, *prices)

    before = stored()
    steps = [
        importlib.import_module("campaigns.promotions.migrations.0003_prices_by_iso_4217"),
        importlib.import_module("campaigns.planning.migrations.0003_budgets_and_targets_by_iso_4217"),
    ]
    for step in steps:
        step.forward(apps, SimpleNamespace(connection=connection))
    assert stored() == (12_000_000, 50_000_000, 5_000, 129_900, 199_900, 5_000, 1299)
    assert money.display(dinar.price_minor, "RSD", "en") == "RSD1,299"
    for step in steps:
        step.backward(apps, SimpleNamespace(connection=connection))
    assert stored() == before


@pytest.mark.django_db
def test_orders_told_in_major_units_are_restated_by_a_person_and_once(capsys):
    order = orders.take("shop", "7", currency="RSD", lines=[Line("a", Decimal(1), 1299)])
    other = orders.take("till", "8", currency="RSD", lines=[Line("a", Decimal(1), 129900)])
    refunds.record(order, "r", 299)
    before = clock.now().isoformat()
    call_command("restate_orders", "RSD", "--source", "shop", "--before", before)
    assert "1 orders, RSD12.99 as they stand, RSD1,299 restated" in capsys.readouterr().out
    assert Order.objects.get(pk=order.pk).total_minor == 1299
    for _twice in range(2):
        call_command("restate_orders", "RSD", "--source", "shop", "--before", before, "--yes")
    assert Order.objects.get(pk=order.pk).total_minor == 129_900
    assert OrderLine.objects.get(order=order).amount_minor == 129_900
    assert Refund.objects.get().amount_minor == 29_900
    assert Order.objects.get(pk=other.pk).total_minor == 129_900
    with pytest.raises(CommandError, match="have not changed"):
        call_command("restate_orders", "USD", "--before", before)
