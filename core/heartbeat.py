"""Which processes are alive: each says so every few seconds, and a silent one is noticed."""

import os
import socket
from datetime import timedelta
from functools import cache
from pathlib import Path

from core import clock
from core.models import ProcessHeartbeat

SILENT_AFTER = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=1)


@cache
def host() -> str:
    """This machine's (or container's) name."""
    return socket.gethostname()[:200]


@cache
def boot_id() -> str:
    """Which start of the machine this is: what was in memory or in flight before another boot is gone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:64]
    except OSError:
        return "unknown"


def note(kind: str) -> None:
    """Say that this process of `kind` (web, worker, scheduler) is alive."""
    now = clock.now()
    ProcessHeartbeat.objects.update_or_create(
        kind=kind,
        host=host(),
        pid=os.getpid(),
        defaults={"seen_at": now, "boot_id": boot_id()},
        create_defaults={"seen_at": now, "boot_id": boot_id(), "started_at": now},
    )
    ProcessHeartbeat.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()


def alive(kind: str) -> int:
    """How many processes of `kind` have been heard within a minute."""
    return ProcessHeartbeat.objects.filter(kind=kind, seen_at__gte=clock.now() - SILENT_AFTER).count()
