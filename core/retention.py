"""What is forgotten after a while, and when: a registry of policies, carried out by the scheduler.

A policy names rows that were needed for a time and are kept for nobody any more. What the shop has to account for is never
among them: `register` refuses the rooms of plans, links, the ledger and its numbers.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise

from core import clock

log = logging.getLogger(__name__)

NEVER = frozenset({"planning", "links", "publishing", "measurement", "promotions"})
"""Apps whose rows no policy may name: what was planned, approved, sent and earned stays accounted for."""
EVERY = 3600.0
"""Seconds between two rounds of a scheduler."""
BATCH = 1000
MOST_BATCHES = 20
"""A round takes no more of one kind: nobody waits for it, and the next round goes on."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Rows of `model` (a label) whose `moment` lies more than `days` back, and that fit `where`. `setting` names the days in
    the settings; 0 there keeps them for ever. `words` says what they are."""

    name: str
    model: str
    moment: str
    setting: str
    words: str | Promise
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """After how many days; 0: never."""
        days: int = getattr(settings, self.setting)
        return days

    def rows(self, now: datetime) -> "QuerySet[Any]":
        """What is due to be forgotten."""
        rows = apps.get_model(self.model)._default_manager.order_by(self.moment)
        if not self.days:
            return rows.none()
        return rows.filter(**{f"{self.moment}__lt": now - timedelta(days=self.days)}, **self.where)


_policies: dict[str, Policy] = {}
_last = -EVERY


def register(policy: Policy) -> None:
    """Let the scheduler carry it out. Raises `ValueError` for what is never forgotten."""
    if policy.model.partition(".")[0] in NEVER:
        raise ValueError(f"{policy.model} is part of what the shop accounts for: it is never pruned.")
    _policies[policy.name] = policy


def policies() -> list[Policy]:
    """All of them, by name."""
    return [_policies[name] for name in sorted(_policies)]


def prune(policy: Policy) -> int:
    """Forget what is due, in batches that hold no lock for long; how many rows."""
    now, total = clock.now(), 0
    for _number in range(MOST_BATCHES):
        with transaction.atomic():
            keys = list(policy.rows(now).values_list("pk", flat=True)[:BATCH])
            if not keys:
                break
            apps.get_model(policy.model)._default_manager.filter(pk__in=keys).delete()
        total += len(keys)
    if total:
        log.info("%d rows were forgotten: %s.", total, policy.name)
    return total


def tick() -> dict[str, int]:
    """A round, if the last one of this process is an hour old. Harmless beside another scheduler."""
    global _last
    if time.monotonic() - _last < EVERY:
        return {}
    _last = time.monotonic()
    return {policy.name: prune(policy) for policy in policies()}
