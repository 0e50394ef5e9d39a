"""This machine, and how long it has been up: what no setting of a clock changes."""

import socket
import time
from functools import cache
from pathlib import Path


@cache
def host() -> str:
    """This machine's (or container's) name."""
    return socket.gethostname()[:200]


_FIRST_NAMESPACE = 4026531836
"""The machine's own process ids (Linux, include/linux/proc_ns.h: PROC_PID_INIT_INO)."""


@cache
def numbering() -> str:
    """Whose process ids they are: empty for the machine's own, else another word for each container that counts from one."""
    try:
        number = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return ""
    return "" if number == _FIRST_NAMESPACE else f"#{number}"


@cache
def boot_id() -> str:
    """Which start of the machine this is: what was in memory or in flight before another boot is gone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:64]
    except OSError:
        return "unknown"


def uptime() -> float:
    """Seconds since the machine started, also those it slept; the same for every process. Nobody can set it."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
