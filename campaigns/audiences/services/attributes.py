"""Attributes of a declared kind: a number is compared as a number, a date as a date."""

from typing import Any

from django.utils.translation import gettext as _

from campaigns.audiences import changes, sql, values
from campaigns.audiences.models import AttributeDefinition, Contact
from campaigns.audiences.rules import ATTRIBUTE_NAME
from core import bulk, clock
from core.errors import Invalid

BATCH = 500


def kinds() -> dict[str, str]:
    """The kind of every attribute that has one."""
    return dict(AttributeDefinition.objects.values_list("name", "kind"))


def declare(name: str, kind: str) -> int:
    """Say that attribute `name` is `kind`; values that are there already and can be read so are rewritten.

    Answers how many contacts have something there that cannot: it stays as it is and matches no comparison.
    """
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise Invalid(
            _("An attribute's name begins with a letter and has at most 64 letters, digits, spaces and . _ -")
        )
    if kind not in values.Kind.values:
        raise Invalid(_("An attribute is one of: %(kinds)s.") % {"kinds": ", ".join(values.Kind.values)})
    known = AttributeDefinition.objects.filter(name=name).values_list("kind", flat=True).first()
    if known == kind:
        return 0
    AttributeDefinition.objects.update_or_create(name=name, defaults={"kind": kind})
    return _rewrite(name, kind)


def _rewrite(name: str, kind: str) -> int:
    """Batch after batch by primary key, so that a large base does not stand still for it."""
    style = values.style_for(kind, _texts(name))
    after, stuck = 0, 0
    while found := list(
        Contact.objects.filter(sql.Exists(name), pk__gt=after).order_by("pk").values_list("pk", "attributes")[:BATCH]
    ):
        changed = []
        for pk, attributes in found:
            value = _as(attributes[name], style)
            stuck += value is None
            if value is not None and (type(value) is not type(attributes[name]) or value != attributes[name]):
                changed.append((clock.now(), {**attributes, name: value}, pk))
        with bulk.turn():
            bulk.change(Contact, ("updated_at", "attributes"), changed)
            changes.note()
        after = found[-1][0]
    return stuck


def _texts(name: str) -> list[str]:
    """Texts that stand there, as a sample that tells the decimal mark."""
    found = Contact.objects.filter(sql.Exists(name)).order_by("pk").values_list("attributes", flat=True)[:5000]
    return [value for attributes in found if isinstance(value := attributes.get(name), str)]


def _as(value: Any, style: values.Style) -> Any:
    exact = values.coerced(value, style.kind)
    return values.read(value, style) if exact is None and isinstance(value, str) else exact
