"""Segments: rules that are saved."""

from typing import Any

from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.audiences import rules
from campaigns.audiences.models import Segment
from core.errors import Invalid
from core.models import User


def create(name: str, rule: Any, by: User | None = None) -> Segment:
    """Save `rule` under `name`; raises `Invalid` for a rule that does not compile."""
    segment = Segment(name=_named(name), rule=_checked(rule), created_by=by)
    segment.save()
    log(segment, "wagtail.create", user=by)
    return segment


def change(segment: Segment, name: str, rule: Any, by: User | None = None) -> Segment:
    """Give the segment another name or rule. Publications that were approved with it count it anew when they start."""
    segment.name = _named(name)
    segment.rule = _checked(rule)
    segment.save(update_fields=["name", "rule"])
    log(segment, "wagtail.edit", user=by)
    return segment


def _named(name: str) -> str:
    text = " ".join(str(name).split())
    if not text or len(text) > 200:
        raise Invalid(_("A segment needs a name of at most 200 characters."))
    return text


def _checked(rule: Any) -> Any:
    rules.compile(rule)
    return rule
