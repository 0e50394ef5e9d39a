"""How many people two audiences share: counted once per pair of rules, and kept until a segment or the contacts change."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache import cache

from campaigns.audiences import changes
from campaigns.audiences.models import Audience, Contact
from campaigns.audiences.selectors import condition_of
from core import db

Pair = frozenset[int]
"""The primary keys of two audiences, or of one."""


def counts(audiences: Mapping[int, Audience], pairs: Iterable[Pair]) -> dict[Pair, int]:
    """How many contacts are in both audiences of each pair. `audiences` bring their segments along (`prefetch_related`)."""
    rules = {pk: _rule(audience) for pk, audience in audiences.items()}
    names = {pair: _name(rules[pk] for pk in pair) for pair in pairs}
    if not names:
        return {}
    word = changes.word()
    prefix = f"almanac.overlap.{word}."
    known: dict[str, int] = cache.get_many([prefix + name for name in set(names.values())]) if word else {}
    found = {key.removeprefix(prefix): count for key, count in known.items()}
    missing = {name: pair for pair, name in names.items() if name not in found}
    for name, pair in missing.items():
        found[name] = _count([audiences[pk] for pk in pair])
    if word and missing:
        cache.set_many({prefix + name: found[name] for name in missing}, changes.KEPT_SECONDS)
    return {pair: found[name] for pair, name in names.items()}


def _rule(audience: Audience) -> str:
    """What an audience says, so that two rows that say the same are one."""

    def said(segments: Any) -> list[str]:
        return sorted({json.dumps(segment.rule, sort_keys=True) for segment in segments.all()})

    return json.dumps([said(audience.include), said(audience.exclude)])


def _name(rules: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(set(rules))).encode()).hexdigest()


def _count(audiences: Iterable[Audience]) -> int:
    people = Contact.objects.filter(erased_at__isnull=True)
    for audience in audiences:
        people = people.filter(condition_of(audience))
    with db.without_jit():
        return people.count()
