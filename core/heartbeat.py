"""Which processes are alive: each says so every few seconds, and a silent one is noticed."""

import os
from datetime import timedelta

from django.db.models import Max

from core import clock
from core.machine import boot_id, host, numbering
from core.models import ProcessHeartbeat

__all__ = ["BEAT_EVERY", "alive", "boot_id", "delay", "host", "note"]

BEAT_EVERY = 5.0
"""Seconds between two beats of one process."""

SILENT_AFTER = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=1)


def note(kind: str) -> None:
    """Say that this process of `kind` (web, worker, scheduler) is alive."""
    now = clock.now()
    ProcessHeartbeat.objects.update_or_create(
        kind=kind,
        host=f"{host()[:180]}{numbering()}",  # containers of one name each have a process 1
        pid=os.getpid(),
        defaults={"seen_at": now, "boot_id": boot_id()},
        create_defaults={"seen_at": now, "boot_id": boot_id(), "started_at": now},
    )
    ProcessHeartbeat.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()


def alive(kind: str) -> int:
    """How many processes of `kind` have been heard within a minute."""
    return ProcessHeartbeat.objects.filter(kind=kind, seen_at__gte=clock.now() - SILENT_AFTER).count()


def delay(kind: str) -> float | None:
    """By how many seconds the latest beat of all processes of `kind` is overdue; None when there never was one.

    A beat is due every `BEAT_EVERY` seconds: this is how long the quickest of them is held up by something.
    """
    last = ProcessHeartbeat.objects.filter(kind=kind).aggregate(last=Max("seen_at"))["last"]
    return None if last is None else max(0.0, (clock.now() - last).total_seconds() - BEAT_EVERY)
