"""Money is an integer of minor units (ISO 4217) and a currency; never a float.

The number of minor units a currency has comes from Unicode CLDR through Babel (JPY 0, EUR 2, KWD 3).
"""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache

from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision, get_territory_currencies
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from core.errors import Invalid


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


@cache
def codes() -> tuple[str, ...]:
    """The codes of the currencies that are legal tender somewhere today, in order."""
    return tuple(
        sorted(
            {code for territory in get_global("territory_currencies") for code in get_territory_currencies(territory)}
        )
    )


def check(currency: str) -> str:
    """`currency`, where it is a code of ISO 4217; raises `Invalid` that says what was meant."""
    if currency in codes():
        return currency
    meant = currency.strip().upper()
    if meant in codes():
        raise Invalid(
            _("“%(text)s” is not an ISO 4217 code: write %(code)s.") % {"text": currency[:10], "code": meant},
            field="currency",
        )
    raise Invalid(
        _("“%(text)s” is not an ISO 4217 code, such as EUR.") % {"text": currency[:10]},
        field="currency",
    )
