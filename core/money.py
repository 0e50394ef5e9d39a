"""Money is an integer of minor units (ISO 4217) and a currency; never a float.

The number of minor units a currency has comes from Unicode CLDR through Babel (JPY 0, EUR 2, KWD 3).
"""

from decimal import ROUND_HALF_EVEN, Decimal

from babel.numbers import format_currency, get_currency_precision
from django.utils.translation import get_language, to_locale


def exponent(currency: str) -> int:
    """How many decimal digits amounts of `currency` have."""
    return get_currency_precision(currency)


def to_minor(amount: Decimal | str | int, currency: str) -> int:
    """`amount` in major units as minor units, exactly; raises `ValueError` when it has more digits than the currency."""
    scaled = Decimal(amount).scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more decimal places than {currency} knows.")
    return int(scaled)


def to_major(minor: int, currency: str) -> Decimal:
    """Minor units as a decimal in major units."""
    return Decimal(minor).scaleb(-exponent(currency))


def ratio_minor(numerator_minor: int, denominator: int) -> int | None:
    """`numerator_minor` divided by a count, rounded half to even to a whole minor unit; None for a zero count."""
    if denominator == 0:
        return None
    return int((Decimal(numerator_minor) / denominator).to_integral_value(ROUND_HALF_EVEN))


def display(minor: int, currency: str, locale: str | None = None) -> str:
    """`minor` as people of `locale` (by default the active language) write it."""
    name = to_locale(locale or get_language() or "en").replace("zh_Hans", "zh_Hans_CN")
    return format_currency(to_major(minor, currency), currency, locale=name)
