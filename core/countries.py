"""Countries by their ISO 3166-1 code.

The list is ``iso3166.tab`` of the pinned ``tzdata`` package (the IANA database keeps it for `zone.tab`), so it needs no
package of its own; names in other languages, and what people write instead of a code, come from Unicode CLDR through Babel.
"""

from functools import cache
from importlib.resources import files

from babel import Locale
from babel.core import get_global
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from core.errors import Invalid


def _table(name: str) -> list[list[str]]:
    text = (files("tzdata.zoneinfo") / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@cache
def codes() -> tuple[str, ...]:
    """Every ISO 3166-1 alpha-2 code, in order."""
    return tuple(sorted(row[0] for row in _table("iso3166.tab")))


@cache
def zones(code: str) -> tuple[str, ...]:
    """The IANA zones of a country, the one that the database names first in front; empty where nobody keeps a clock."""
    return tuple(row[2] for row in _table("zone.tab") if row[0] == code)


def name(code: str, language: str | None = None) -> str:
    """What people call the country in `language` (by default the active one)."""
    found = Locale.parse(to_locale(language or get_language() or "en"), sep="_").territories.get(code)
    return str(found or code)


_ELSEWHERE = {"EL": "GR"}
"""Codes that other bodies use: the European Union's for Greece (Interinstitutional Style Guide, annex A5)."""


@cache
def _by_name() -> dict[str, str]:
    """Names in English and in Chinese, lower case, to codes."""
    return {
        str(name).lower(): code
        for language in ("en", "zh_Hans")
        for code, name in Locale.parse(language).territories.items()
        if code in codes()
    }


def meant(text: str) -> str:
    """The code that somebody who wrote `text` most likely meant: “UK”, “us”, “DEU” and “Germany” mean one; else empty."""
    upper = text.strip().upper()
    if upper in codes():
        return upper
    if upper in _ELSEWHERE:
        return _ELSEWHERE[upper]
    aliases = [code for code in get_global("territory_aliases").get(upper, []) if code in codes()]
    return aliases[0] if len(aliases) == 1 else _by_name().get(text.strip().lower(), "")


def check(text: str) -> str:
    """`text`, where it is a code as ISO 3166-1 writes it; raises `Invalid` that says what was meant."""
    if text in codes():
        return text
    if suggested := meant(text):
        raise Invalid(
            _("“%(text)s” is not an ISO 3166 code. For %(country)s write %(code)s.")
            % {"text": text[:40], "country": name(suggested), "code": suggested},
            field="country",
        )
    raise Invalid(
        _("“%(text)s” is not an ISO 3166 code: write the two letters of the country, such as DE.")
        % {"text": text[:40]},
        field="country",
    )
