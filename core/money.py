"""Money is an integer of minor units (ISO 4217) and a currency; never a float.

The number of minor units a currency has comes from Unicode CLDR through Babel (JPY 0, EUR 2, KWD 3).
"""

from decimal import ROUND_HALF_EVEN, Decimal

from babel.numbers import format_currency, get_currency_precision
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from core.errors import Invalid

# ISO 4217, list one (current currency and funds codes), amendment 179 of 2025. Bulgaria's lev left on 2026-01-01 and is
# kept: a shop there still tells of last year's orders. Metals, test codes and "no currency" are left out.
_NAMES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU
UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
_CODES = frozenset(_NAMES.split())


def check(currency: str) -> str:
    """`currency`, when ISO 4217 knows it; raises `Invalid` with a sentence otherwise."""
    if currency not in _CODES:
        raise Invalid(_("“%(code)s” is no currency of ISO 4217. Use a code such as EUR.") % {"code": currency[:10]})
    return currency


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
