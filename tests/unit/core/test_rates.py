"""Exchange rates: exact conversion by minor units, looking up, and files."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from core import money, rates
from core.errors import Invalid
from core.models import ExchangeRate

DAY = date(2026, 11, 26)
CURRENCIES = ("EUR", "USD", "JPY", "KWD", "CLF", "RSD")

amounts = st.integers(-(10**15), 10**15)
figures = st.decimals(Decimal("0.000000000001"), Decimal("999999999"), places=12)
currencies = st.sampled_from(CURRENCIES)


@given(minor=amounts, source=currencies, target=currencies, rate=figures)
def test_a_conversion_is_off_by_half_a_minor_unit_at_most(minor, source, target, rate):
    found = rates.convert(minor, source, target, Fraction(rate))
    exact = Fraction(money.to_major(minor, source)) * Fraction(rate)
    assert abs(Fraction(money.to_major(found, target)) - exact) * 2 <= Fraction(1, 10 ** money.exponent(target))


@given(minor=amounts, source=currencies, target=currencies, rate=figures)
def test_a_conversion_knows_its_sign_and_its_own_currency(minor, source, target, rate):
    assert rates.convert(-minor, source, target, Fraction(rate)) == -rates.convert(
        minor, source, target, Fraction(rate)
    )
    assert rates.convert(minor, source, source, Fraction(1)) == minor


@given(one=amounts, other=amounts, source=currencies, target=currencies, rate=figures)
def test_more_is_never_worth_less(one, other, source, target, rate):
    low, high = sorted((one, other))
    value = Fraction(rate)
    assert rates.convert(low, source, target, value) <= rates.convert(high, source, target, value)


def test_minor_units_are_those_of_iso_4217():
    assert rates.convert(1_000, "EUR", "JPY", Fraction(170)) == 1_700  # 10.00 euro
    assert rates.convert(1_700, "JPY", "EUR", Fraction(1, 170)) == 1_000
    assert rates.convert(1_234, "KWD", "USD", Fraction(13, 4)) == 401  # 1.234 dinars: 4.0105 dollars
    assert rates.convert(5, "EUR", "USD", Fraction(1, 2)) == 2  # half to even
    assert rates.convert(15, "EUR", "USD", Fraction(1, 2)) == 8


def put(base, quote, rate, day=DAY, source="ECB"):
    ExchangeRate.objects.create(day=day, base=base, quote=quote, rate=Decimal(rate), source=source)


def test_a_rate_is_found_directly_turned_around_or_over_a_third_currency(db):
    put("EUR", "USD", "1.25")
    put("EUR", "GBP", "0.5")
    put("JPY", "CHF", "0.005", source="our bank")
    assert rates.Table("USD", {"EUR"}, DAY, DAY).on("EUR", DAY) == rates.Rate(Fraction(5, 4), DAY, "ECB")
    assert rates.Table("EUR", {"USD"}, DAY, DAY).on("USD", DAY).value == Fraction(4, 5)
    assert rates.Table("USD", {"GBP"}, DAY, DAY).on("GBP", DAY).value == Fraction(5, 2)
    assert rates.Table("USD", {"JPY"}, DAY, DAY).on("JPY", DAY) is None


def test_the_last_rate_holds_over_a_weekend_and_not_for_ever(db):
    put("EUR", "USD", "1.25")
    put("EUR", "USD", "1.5", day=DAY + timedelta(days=4))
    table = rates.Table("USD", {"EUR"}, DAY, DAY + timedelta(days=30))
    assert table.on("EUR", DAY - timedelta(days=1)) is None
    assert table.on("EUR", DAY + timedelta(days=3)).day == DAY
    assert table.on("EUR", DAY + timedelta(days=4)).value == Fraction(3, 2)
    assert table.on("EUR", DAY + timedelta(days=11)).value == Fraction(3, 2)
    assert table.on("EUR", DAY + timedelta(days=12)) is None


def test_files_of_both_layouts_are_read(db, tmp_path):
    out = StringIO()
    file = tmp_path / "rates.csv"
    file.write_text("day,base,quote,rate,source\n2026-11-26,EUR,USD,1.0834,our bank\n2026-11-26,EUR,GBP,0.83,\n")
    call_command("rates", "import", str(file), "--source", "Reuters", stdout=out)
    file.write_text("Date,USD,CYP,JPY,\n2026-11-26,1.09,0.58,N/A,\n2026-11-25,1.08,N/A,168.1,\n")
    call_command("rates", "import", str(file), stdout=out)
    assert out.getvalue().split("\n")[:2] == ["2 new, 0 corrected.", "2 new, 1 corrected."]
    call_command("rates", "add", "2026-11-26", "CHF", "USD", "1.13", "--source", "SNB", stdout=out)
    call_command("rates", "list", stdout=out)
    assert "2026-11-26: 1 EUR = 1.09 USD (ECB)" in out.getvalue()
    assert "2026-11-26: 1 CHF = 1.13 USD (SNB)" in out.getvalue()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n", "first line"),
        ("day,base,quote,rate\n2026-11-26,EUR,USD,1.08\n", "Line|who published"),
        ("day,base,quote,rate,source\n26.11.2026,EUR,USD,1.08,x\n", "Line 2"),
        ("day,base,quote,rate,source\n2026-11-26,EUR,USD,x,x\n", "Line 2"),
        ("day,base,quote,rate,source\n2026-11-26,EUR\n", "Line 2"),
    ],
)
def test_a_file_with_a_mistake_stores_nothing(db, tmp_path, text, says):
    file = tmp_path / "rates.csv"
    file.write_text(text)
    with pytest.raises(CommandError, match=says) as refused:
        call_command("rates", "import", str(file))
    assert refused.value.returncode == 2
    assert not ExchangeRate.objects.exists()


def test_a_figure_too_large_or_too_fine_is_refused():
    for text in ("1" + "0" * 12, "0.0000000000001", "Infinity", ""):
        with pytest.raises(Invalid):
            rates.figure(text)
    assert rates.figure("0.000000000001") == Decimal("1e-12")
