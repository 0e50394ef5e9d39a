"""Money is an integer of minor units (ISO 4217) and a currency; never a float.

How many decimal digits a currency has is ISO 4217's list one, as SIX publishes it (package ``iso4217``: JPY 0, EUR 2, KWD 3).
Unicode CLDR says something else, how many digits people *write*: none for RSD, ALL or IQD, which have two and three. So CLDR
(through Babel) decides the looks of an amount here and never its size, and no digit that is not zero is left out.
"""

from copy import copy
from decimal import ROUND_HALF_EVEN, Decimal

from babel import Locale
from babel.numbers import get_currency_precision
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from iso4217 import Currency

from core.errors import Invalid

FORMER_DIGITS = dict.fromkeys(
    ("AFN", "ALL", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"), 0
)
"""Digits under which amounts were written down before they were ISO 4217's (docs/decisions/0010-digits-of-money.md)."""

# The precious metals and the like have no minor unit; CLDR writes them with two digits.
_DIGITS: dict[str, int | None] = {currency.code: currency.exponent for currency in Currency}


def codes() -> list[str]:
    """The currencies that amounts can be in, in order: without precious metals and codes for tests."""
    return sorted(code for code, digits in _DIGITS.items() if digits is not None)


def check(currency: str) -> str:
    """`currency`, where amounts can be in it; raises `Invalid` that says what was meant."""
    if _DIGITS.get(currency) is not None:
        return currency
    meant = currency.strip().upper()
    if _DIGITS.get(meant) is not None:
        raise Invalid(
            _("“%(text)s” is not an ISO 4217 code: write %(code)s.") % {"text": currency[:10], "code": meant},
            field="currency",
        )
    raise Invalid(_("“%(text)s” is not an ISO 4217 code, such as EUR.") % {"text": currency[:10]}, field="currency")


def exponent(currency: str) -> int:
    """How many decimal digits amounts of `currency` have; for a currency that is history, what CLDR remembers."""
    digits = _DIGITS.get(currency)
    return get_currency_precision(currency) if digits is None else digits


def to_minor(amount: Decimal | str | int, currency: str) -> int:
    """`amount` in major units as minor units, exactly; raises `ValueError` when it has more digits than the currency."""
    scaled = Decimal(amount).scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more decimal places than {currency} knows.")
    return int(scaled)


def to_major(minor: int, currency: str, digits: int | None = None) -> Decimal:
    """Minor units as a decimal in major units; `digits` for an amount that was written down under other ones."""
    return Decimal(minor).scaleb(-(exponent(currency) if digits is None else digits))


def ratio_minor(numerator_minor: int, denominator: int) -> int | None:
    """`numerator_minor` divided by a count, rounded half to even to a whole minor unit; None for a zero count."""
    if denominator == 0:
        return None
    return int((Decimal(numerator_minor) / denominator).to_integral_value(ROUND_HALF_EVEN))


def display(minor: int, currency: str, locale: str | None = None, *, digits: int | None = None) -> str:
    """`minor` as people of `locale` (by default the active language) write it, with every figure that is not zero."""
    name = to_locale(locale or get_language() or "en").replace("zh_Hans", "zh_Hans_CN")
    amount = to_major(minor, currency, digits)
    shown = written_digits(minor, currency, digits)
    pattern = copy(Locale.parse(name).currency_formats["standard"])
    pattern.frac_prec = (shown, shown)  # Babel itself would round to CLDR's digits
    return str(pattern.apply(amount, name, currency=currency, currency_digits=False))


def written_digits(minor: int, currency: str, digits: int | None = None) -> int:
    """How many decimals `minor` is written with: CLDR's, unless a figure would be lost."""
    usual, known = get_currency_precision(currency), exponent(currency) if digits is None else digits
    if usual >= known:
        return usual
    return usual if minor % 10 ** (known - usual) == 0 else known


def told(name: str, major: Decimal | None, minor: int | None, currency: str) -> int | None:
    """Minor units of an amount that was told in major units, in minor ones, or in both; None when it was not told.

    `name` is the field's. Raises `Invalid` for more decimal places than `currency` has, and when the two disagree.
    """
    if major is None:
        return minor
    try:
        found = to_minor(major, currency)
    except ValueError as error:
        raise Invalid(f"“{name}” has more decimal places than {currency} knows.", field=name) from error
    if minor is not None and minor != found:
        raise Invalid(f"“{name}” and “{name}_minor” name two different amounts. Send one of them.", field=name)
    return found
