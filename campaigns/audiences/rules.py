"""Rules that pick contacts: plain data in, one SQL condition out.

========================================================  ===========================================================
``{"all": true}``                                         everyone
``{"list": "<id>"}``                                      on that contact list
``{"and": [rule, …]}``, ``{"or": [rule, …]}``             all, or at least one
``{"not": rule}``                                         everybody else: always the exact complement
``{"field": name, "op": op, "value": value}``             a column of the contact, see `FIELDS`
``{"attribute": name, "op": op, "value": value}``         an attribute; another type than the value's is no match. One of a
                                                          declared kind is compared as that kind, also with a text that
                                                          spells a number (``"100"``) or day (``"2026-11-27"``)
``{"consent": "email"}``                                  agrees to marketing on that channel
========================================================  ===========================================================

Operators: ``eq``, ``ne``, ``in``, ``contains``, ``gt``, ``lt``, ``exists`` (value true, or false for "has none"). Rooms
above add predicates of their own with `register`; promotions adds ``{"ordered": {"days": 90, "least": 1}}``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from campaigns.audiences import keys, sql, values
from campaigns.audiences.models import MARKETING, AttributeDefinition, Consent, ContactList, ContactListMember
from core.errors import Invalid

Rule = Mapping[str, Any]
Predicate = Callable[[Any], Q]

MOST_DEPTH = 12
MOST_PARTS = 200
MOST_VALUES = 500
ATTRIBUTE_NAME = re.compile(r"[^\W\d_][\w .-]{0,63}")
TEXT_OPS = ("eq", "ne", "in", "contains", "exists")
FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "locale": ("locale", TEXT_OPS),
    "timezone": ("timezone", TEXT_OPS),
    "market": ("market__code", TEXT_OPS),
    "first_name": ("first_name", TEXT_OPS),
    "last_name": ("last_name", TEXT_OPS),
    "external_id": ("external_id", TEXT_OPS),
    "created_at": ("created_at", ("gt", "lt")),
}
ATTRIBUTE_OPS = ("eq", "ne", "in", "contains", "gt", "lt", "exists")

_predicates: dict[str, Predicate] = {}


def register(name: str) -> Callable[[Predicate], Predicate]:
    """Teach rules the key `name`. The function gets the key's value and answers a condition over contacts (use `Exists`,
    never a join: a join would list a contact twice), or raises `Invalid`."""

    def add(predicate: Predicate) -> Predicate:
        if name in _predicates:
            raise ValueError(f"There is already a predicate called {name}.")
        _predicates[name] = predicate
        return predicate

    return add


def names() -> list[str]:
    """Every key a rule may have."""
    return [*_predicates, "attribute", "field"]


def compile(rule: Any) -> Q:
    """The condition `rule` means; raises `Invalid` with a sentence that names the part that is wrong."""
    return _Compiler().condition(rule, 1)


class _Compiler:
    """One walk over one rule, with limits: a rule is input like any other."""

    def __init__(self) -> None:
        self.parts = 0

    def condition(self, rule: Any, depth: int) -> Q:
        self.parts += 1
        if depth > MOST_DEPTH or self.parts > MOST_PARTS:
            raise Invalid(
                _(
                    "The rule is too large: at most %(parts)d parts, %(depth)d deep. Use a contact list for single people."
                )
                % {"parts": MOST_PARTS, "depth": MOST_DEPTH}
            )
        if not isinstance(rule, Mapping) or not rule:
            raise Invalid(_("A rule is an object such as {“all”: true}."))
        if "field" in rule:
            return _field(rule)
        if "attribute" in rule:
            return _attribute(rule)
        if len(rule) != 1:
            raise Invalid(_("Each part of a rule has one key. Combine several with “and” or “or”."))
        [(name, value)] = rule.items()
        match name:
            case "and" | "or":
                return self._several(name, value, depth)
            case "not":
                return ~self.condition(value, depth + 1)
        if name not in _predicates:
            known = ", ".join(sorted([*names(), "and", "or", "not"]))
            raise Invalid(_("“%(name)s” is no rule. There are: %(known)s.") % {"name": str(name)[:60], "known": known})
        return _predicates[name](value)

    def _several(self, name: str, rules: Any, depth: int) -> Q:
        if not isinstance(rules, list) or not rules:
            raise Invalid(_("“%(name)s” takes a list of at least one rule.") % {"name": name})
        conditions = [self.condition(part, depth + 1) for part in rules]
        combined = conditions[0]
        for condition in conditions[1:]:
            combined = combined & condition if name == "and" else combined | condition
        return combined


def nobody() -> Q:
    """The condition that nobody meets."""
    return Q(pk__in=[])


@register("all")
def _all(value: Any) -> Q:
    if value is not True:
        raise Invalid(_("“all” is written {“all”: true}."))
    return Q(pk__isnull=False)


@register("list")
def _list(value: Any) -> Q:
    try:
        found = ContactList.objects.filter(public_id=UUID(str(value))).values_list("pk", flat=True).first()
    except ValueError as error:
        raise Invalid(_("“list” takes the id of a contact list.")) from error
    if found is None:
        raise Invalid(_("The contact list that the rule names does not exist. Choose another list."))
    return Q(Exists(ContactListMember.objects.filter(contact_list=found, contact=OuterRef("pk"))))


@register("consent")
def _consent(value: Any) -> Q:
    if value not in keys.CHANNELS:
        raise Invalid(_("“consent” takes a channel: %(channels)s.") % {"channels": ", ".join(keys.CHANNELS)})
    granted = Consent.objects.filter(contact=OuterRef("pk"), channel=value, purpose=MARKETING, brand="", granted=True)
    return Q(Exists(granted))


def _operator(rule: Rule, allowed: tuple[str, ...]) -> str:
    strange = set(rule) - {"field", "attribute", "op", "value"}
    if strange or ("field" in rule and "attribute" in rule):
        raise Invalid(_("A comparison has “field” or “attribute”, “op” and “value”, and nothing else."))
    op = rule.get("op", "eq")
    if op not in allowed:
        raise Invalid(_("“op” must be one of %(ops)s here.") % {"ops": ", ".join(allowed)})
    return str(op)


def _field(rule: Rule) -> Q:
    name = rule["field"]
    if not isinstance(name, str) or name not in FIELDS:
        raise Invalid(
            _("“%(name)s” is no field of a contact. There are: %(known)s.")
            % {"name": str(name)[:60], "known": ", ".join(FIELDS)}
        )
    column, ops = FIELDS[name]
    op = _operator(rule, ops)
    value = rule.get("value", True if op == "exists" else None)
    if name == "created_at":
        return Q(**{f"{column}__{op}": _instant(value)})
    known = _known(name)
    if op == "exists":
        has = known & Q(**{f"{column}__gt": ""})
        return has if _truth(value) else ~has
    if op == "in":
        return known & Q(**{f"{column}__in": [_field_text(name, one) for one in _values(value)]})
    text = _field_text(name, value)
    if op == "contains":
        return known & Q(**{f"{column}__icontains": text})
    same = known & Q(**{column: text})
    return same if op == "eq" else ~same


def _known(name: str) -> Q:
    """Stands beside a comparison with a column that may be NULL, so that the whole is true or false and "not" works."""
    match name:
        case "market":
            return Q(market__isnull=False)
        case "external_id":
            return Q(external_id__isnull=False)
    return Q()


def _field_text(name: str, value: Any) -> str:
    text = _text(value)
    return text.lower().replace("_", "-") if name == "locale" else text


def _attribute(rule: Rule) -> Q:
    name = rule["attribute"]
    if not isinstance(name, str) or not ATTRIBUTE_NAME.fullmatch(name):
        raise Invalid(
            _("An attribute's name begins with a letter and has at most 64 letters, digits, spaces and . _ -")
        )
    op = _operator(rule, ATTRIBUTE_OPS)
    value = rule.get("value", True if op == "exists" else None)
    kind = AttributeDefinition.objects.filter(name=name).values_list("kind", flat=True).first() or ""
    if op == "exists":
        has = Q(sql.Exists(name))
        return has if _truth(value) else ~has
    if op == "contains":
        return Q(sql.Holds(name, _text(value)))
    if op == "in":
        conditions = [_attribute_is(name, one, "=", kind) for one in _values(value)]
        combined = nobody()
        for condition in conditions:
            combined |= condition
        return combined
    if op in ("gt", "lt"):
        if isinstance(value, bool):
            raise Invalid(_("“gt” and “lt” compare numbers or texts."))
        return _attribute_is(name, value, ">" if op == "gt" else "<", kind)
    same = _attribute_is(name, value, "=", kind)
    return same if op == "eq" else ~same


def _attribute_is(name: str, value: Any, sign: str, kind: str) -> Q:
    if kind and kind != values.Kind.TEXT:
        value = _of_kind(name, value, kind)
        if kind == values.Kind.DATE:
            return Q(sql.Day(name, value[:10], sign=sign))
    if isinstance(value, bool):
        return Q(sql.Truth(name, "true" if value else "false", sign=sign))
    if isinstance(value, int | float):
        if not abs(value) < 1e300:
            raise Invalid(_("The number in the rule is too large."))
        return Q(sql.Number(name, value if abs(value) < 2**53 else float(value), sign=sign))
    return Q(sql.Text(name, _text(value), sign=sign))


def _of_kind(name: str, value: Any, kind: str) -> Any:
    found = values.coerced(value, kind)
    if found is None:
        raise Invalid(
            _("“%(name)s” is declared as %(kind)s; “value” must be one too.")
            % {"name": name, "kind": values.Kind(kind).label}
        )
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        raise Invalid(_("“value” must be a text of at most 1,000 characters here."))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Invalid(_("“value” has half a character in it.")) from error
    return value


def _values(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value or len(value) > MOST_VALUES:
        raise Invalid(_("“in” takes a list of 1 to %(most)d values.") % {"most": MOST_VALUES})
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(_("“exists” takes true or false."))
    return value


def _instant(value: Any) -> datetime:
    """A date (its first moment, UTC) or a date and time (UTC when it names no zone)."""
    text = _text(value)
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if moment is None:
        raise Invalid(_("“value” must be a date such as 2026-11-27 here."))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
