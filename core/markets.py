"""Markets: what is checked before one is made or changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from core import clock, countries, hours, money
from core.errors import Conflict, Invalid
from core.models import Market, User

FIELDS = (
    "name",
    "country",
    "currency",
    "timezone",
    "locales",
    "is_default",
    "good_hours",
    "quiet_from",
    "quiet_until",
    "legal_lines",
    "converts",
)
LEGAL_LINE = 500
"""The longest legal line, in characters."""


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of a market's fields, each checked; raises `Invalid` that names the field and says what was meant."""
    found = dict(values)
    if "name" in found:
        found["name"] = _name(found["name"])
    if "country" in found:
        found["country"] = countries.check(found["country"])
    if "currency" in found:
        found["currency"] = money.check(found["currency"])
    if "timezone" in found:
        found["timezone"] = _zone(found["timezone"])
    if "locales" in found:
        found["locales"] = _languages(found["locales"])
    if "good_hours" in found:
        found["good_hours"] = hours.checked_good(found["good_hours"])
    if "legal_lines" in found:
        found["legal_lines"] = _legal_lines(found["legal_lines"])
    return found


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= 80:
        raise Invalid(_("A market needs a name of at most 80 characters."), field="name")
    return name


def _zone(name: str) -> str:
    if name not in clock.known_zones():
        raise Invalid(
            _("“%(name)s” is not a time zone of the IANA database; it is written like Europe/Berlin.")
            % {"name": name[:64]},
            field="timezone",
        )
    return name


def _languages(codes: Sequence[str]) -> list[str]:
    known = [code for code, _language in settings.LANGUAGES]
    wanted = list(dict.fromkeys(codes))
    unknown = [code for code in wanted if code not in known]
    if unknown or not wanted:
        raise Invalid(
            _("Choose languages of this installation (%(known)s); “%(unknown)s” is none of them.")
            % {"known": ", ".join(known), "unknown": ", ".join(unknown)[:80]},
            field="locales",
        )
    return wanted


def _legal_lines(lines: Mapping[str, str]) -> dict[str, str]:
    known = [code for code, _language in settings.LANGUAGES]
    found = {code: " ".join(text.split()) for code, text in lines.items()}
    for code, text in found.items():
        if code not in known:
            raise Invalid(
                _("“%(code)s” is no language of this installation (%(known)s).")
                % {"code": code[:20], "known": ", ".join(known)},
                field="legal_lines",
            )
        if len(text) > LEGAL_LINE:
            raise Invalid(
                _("A legal line has at most %(number)d characters.") % {"number": LEGAL_LINE}, field="legal_lines"
            )
    return {code: text for code, text in found.items() if text}


def legal_line_of_page(locale: str, market: Market | None = None) -> str:
    """What stands at the foot of a page in `locale`: the line of `market` (its offer's), else of the default market where it
    speaks that language, else of the first one that does."""
    if market is not None:
        return market.legal_line(locale)
    speaking = [one for one in Market.objects.all() if locale in one.locales]
    return speaking[0].legal_line(locale) if speaking else ""


def _check_hours(market: Market) -> None:
    """Quiet hours have a beginning and an end, and no good hour lies in them."""
    start, end = market.quiet_from, market.quiet_until
    if (start is None) != (end is None):
        raise Invalid(
            _("Quiet hours have a beginning and an end: say both, or neither."),
            field="quiet_until" if end is None else "quiet_from",
        )
    if start is None or end is None:
        return
    if start == end:
        raise Invalid(_("Quiet hours that last all day would let nothing go."), field="quiet_until")
    for span in hours.good(market.good_hours):
        if hours.overlap(span, (start, end)):
            raise Invalid(
                _("%(good)s is a good hour and a quiet one. Choose.")
                % {"good": hours.words([[f"{one:%H:%M}" for one in span]])},
                field="good_hours",
            )


def is_used(market: Market) -> bool:
    """Whether anything in a room above refers to it."""
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: market}).exists()
        for relation in Market._meta.related_objects
    )


def check_change(market: Market | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values`, checked for `market` (None: a new one); raises `Invalid`."""
    new = checked(values)
    plain = market or Market()
    _check_hours(
        Market(**{name: new.get(name, getattr(plain, name)) for name in ("good_hours", "quiet_from", "quiet_until")})
    )
    if market is None:
        return new
    if market.is_default and new.get("is_default") is False:
        raise Invalid(_("Make another market the default one instead."), field="is_default")
    if "currency" in new and new["currency"] != market.currency and is_used(market):
        raise Invalid(
            _("Something of this market is counted in %(currency)s already: make a new market instead.")
            % {"currency": market.currency},
            field="currency",
        )
    return new


@transaction.atomic
def create(code: str, values: Mapping[str, Any], by: User | None) -> Market:
    """A new market; the first one is the default whatever `values` say. Raises `Invalid`, `Conflict` for a taken code."""
    if not code or slugify(code) != code or len(code) > 20:
        raise Invalid(_("A market's code is short and of small letters, digits and hyphens, such as de."), field="code")
    if Market.objects.filter(code=code).exists():
        raise Conflict(_("There is a market with the code “%(code)s” already.") % {"code": code}, field="code")
    market = Market(code=code, **check_change(None, values))
    market.is_default = market.is_default or not Market.objects.exists()
    _save(market)
    log(market, "almanac.market.create", user=by)
    return market


@transaction.atomic
def change(market: Market, values: Mapping[str, Any], by: User | None) -> Market:
    """Change what `values` name. Raises `Invalid`; the default market ceases to be it when another becomes it."""
    new = check_change(market, values)
    for name, value in new.items():
        setattr(market, name, value)
    _save(market)
    log(market, "almanac.market.change", user=by, data={"fields": sorted(new)})
    return market


def _save(market: Market) -> None:
    if market.is_default:
        Market.objects.exclude(pk=market.pk).filter(is_default=True).update(is_default=False)
    market.save()
