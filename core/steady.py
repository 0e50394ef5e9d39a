"""A clock that no setting of the machine's clock moves, for every process of one machine.

It was once set by the wall clock, and since then it is the machine's uptime: it never goes back and never leaps. Where it was
set stands in a small file that all processes of the installation read, so they agree to the microsecond, also one that is
started after somebody has set the clock.

When the wall clock is set (NTP that steps it, a person, a virtual machine that was paused):

- by less than `BELIEVED` it was probably wrong before: schedules follow at once (`believed`), and the steady clock runs
  a quarter faster or slower until it is there. Leases and pauses shrink or stretch by that quarter at most.
- by more than that nobody knows which of the two is right. Neither is followed; `jump` says how far they are apart until the
  wall clock comes back or a person says that it is right (`believe`).

What NTP corrects slowly (by running the clock up to 0.05 % faster or slower, `adjtime(3)`) moves the uptime too: the two stay
together and schedules are as exact as the wall clock is.
"""

import contextlib
import fcntl
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core import machine

BELIEVED = 3600.0
"""Seconds by which the wall clock may be set without a person's word."""
NOTICED = 0.5
RATE = 0.25


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the clock was set. `up` is the uptime then, `time` the steady clock and `owed` how far the wall clock was ahead
    (seconds); `seen` is a time that it has surely reached."""

    boot: str
    up: float
    time: float
    owed: float
    seen: float

    def at(self, up: float) -> float:
        """The steady clock."""
        gone = max(up - self.up, 0.0)
        return self.time + gone + max(-RATE * gone, min(RATE * gone, self.owed))

    def wall(self, up: float) -> float:
        """What the wall clock shows if nobody has set it since."""
        return self.time + max(up - self.up, 0.0) + self.owed


@dataclass(frozen=True, slots=True)
class Reading:
    """Seconds since 1970: the steady clock, the wall clock as far as it is believed, and how far it jumped beyond that."""

    time: float
    believed: float
    jump: float


class SteadyClock:
    """The clock whose file is `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: Anchor | None = None
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def read(self, wall: float) -> Reading:
        """Now, while the wall clock shows `wall`."""
        with self._lock:
            anchor = self._load()
            up = machine.uptime()
            off = wall - anchor.wall(up) if _is_of_this_boot(anchor, up) else 0.0
            if anchor.boot == "" or not _is_of_this_boot(anchor, up) or NOTICED < abs(off) <= BELIEVED:
                anchor = self._follow(wall, up)
                off = wall - anchor.wall(up)
            jump = off if abs(off) > BELIEVED else 0.0
            return Reading(anchor.at(up), anchor.wall(up), jump)

    def believe(self, wall: float) -> None:
        """A person says that the wall clock is right. The steady clock goes forward to it, but never back: it waits."""
        with self._lock, self._alone():
            anchor = self._load()
            up = machine.uptime()
            here = anchor.at(up) if _is_of_this_boot(anchor, up) else wall
            time = max(here, wall)
            self._keep(Anchor(machine.boot_id(), up, time, wall - time, time))

    def note(self) -> None:
        """Keep how far it has come: after the next start of the machine it does not begin before."""
        with self._lock, self._alone():
            anchor = self._load()
            up = machine.uptime()
            if _is_of_this_boot(anchor, up):
                self._keep(replace(anchor, seen=anchor.at(up)))

    # --- the file ---

    def _follow(self, wall: float, up: float) -> Anchor:
        """Set the clock: at the first start, at the first after the machine's, or after a small step of the wall clock."""
        with self._alone():
            anchor = self._load()  # another process may have done it
            if not _is_of_this_boot(anchor, up):
                time = max(wall, anchor.seen)
                owed = wall - time if time - wall <= BELIEVED else 0.0
                return self._keep(Anchor(machine.boot_id(), up, time, owed, time))
            if NOTICED < abs(wall - anchor.wall(up)) <= BELIEVED:
                time = anchor.at(up)
                return self._keep(Anchor(anchor.boot, up, time, wall - time, time))
            return anchor

    def _load(self) -> Anchor:
        try:
            status = self.path.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
            if self._known is None or stamp != self._stamp:
                self._known, self._stamp = Anchor(**json.loads(self.path.read_text())), stamp
        except (OSError, ValueError, TypeError):
            # Not there yet, or a disk that takes nothing: what this process knows is good enough for it.
            self._known = self._known or Anchor("", 0.0, 0.0, 0.0, 0.0)
        return self._known

    def _keep(self, anchor: Anchor) -> Anchor:
        self._known = anchor
        scratch = self.path.with_suffix(f".{machine.boot_id()[:8]}-{threading.get_native_id()}")
        with contextlib.suppress(OSError):
            scratch.write_text(json.dumps(asdict(anchor)))
            scratch.replace(self.path)
            status = self.path.stat()
            self._stamp = (status.st_ino, status.st_mtime_ns)
        return anchor

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            lock = self.path.with_suffix(".lock").open("w")
        except OSError:
            yield
            return
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_of_this_boot(anchor: Anchor, up: float) -> bool:
    return anchor.boot == machine.boot_id() and up >= anchor.up
