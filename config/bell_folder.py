"""A broker that is a folder: the bell of the embedded profile, for Celery through kombu's virtual transport.

kombu's own filesystem transport opens a message's file and then writes it, so a worker may take it half-written, and dies of
what it cannot decode. Here a message gets its name by a rename when it is whole, and is taken by a rename too: one taker, and
never half a message. What cannot be read all the same (a machine that lost its power) is dropped, because a bell may be lost:
the database is the queue (docs/decisions/0001).

Nothing but the folder is shared: exchanges and bindings stay in each process's memory, which is enough for direct ones.
"""

import itertools
import json
import logging
import os
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, virtual

log = logging.getLogger(__name__)

SCHEME = "folder"
MOST_WAITING = 1_000
"""Bells in the folder; more say nothing new, and nobody seems to listen."""
_DROPPINGS_KEPT = 60.0
"""Seconds after which a file that was being written or read belongs to a process that is gone."""
_number = itertools.count()


class Channel(virtual.Channel):
    """Messages are files ``<time>-<pid>-<number>.<queue>``; those with a dot in front are in somebody's hands."""

    do_restore = False

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self.folder = Path(connection.client.transport_options["folder"])
        self._listed: dict[str, deque[str]] = {}
        self._sweep()

    # --- what kombu asks of a channel

    def _put(self, queue: str, message: Any, **_options: Any) -> None:
        if len(self._names(queue)) >= MOST_WAITING:
            log.warning("%d bells were not heard: is a worker running?", MOST_WAITING)
            return
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_number)}.{queue}"
        scratch = self.folder / f".{name}"
        try:
            scratch.write_bytes(json.dumps(message).encode())
            scratch.rename(self.folder / name)
        except OSError as error:
            with suppress(OSError):
                scratch.unlink()
            raise ChannelError(f"The bell could not be written: {error.strerror}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The oldest message; the folder is listed again only when those seen last are through."""
        waiting = self._listed.setdefault(queue, deque())
        if not waiting:
            waiting.extend(self._names(queue))
        while waiting:
            message = self._take(waiting.popleft())
            if message is not None:
                return message
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        return sum(self._remove(self.folder / name) for name in self._names(queue))

    # --- files

    def _names(self, queue: str) -> list[str]:
        end = f".{queue}"
        return sorted(name for name in self._files() if name[0] != "." and name.endswith(end))

    def _files(self) -> list[str]:
        try:
            return [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            return []

    def _take(self, name: str) -> Any:
        """The message of this name; None when somebody else was faster, or when it says nothing."""
        taken = self.folder / f".{os.getpid()}-{next(_number)}.{name}"
        try:
            (self.folder / name).rename(taken)
        except OSError:
            return None
        try:
            message = json.loads(taken.read_bytes())
            return message if isinstance(message, dict) else None
        except (OSError, ValueError):
            log.warning("A bell that could not be read was dropped.")
            return None
        finally:
            self._remove(taken)

    @staticmethod
    def _remove(path: Path) -> int:
        try:
            path.unlink()
        except OSError:
            return 0
        return 1

    def _sweep(self) -> None:
        """Remove what a process that was killed had in its hands."""
        for name in self._files():
            path = self.folder / name
            with suppress(OSError):
                if name[0] == "." and time.time() - path.stat().st_mtime > _DROPPINGS_KEPT:
                    path.unlink()


class Transport(virtual.Transport):
    """Looks into the folder every `polling_interval` seconds while there is nothing."""

    Channel = Channel
    global_state = virtual.BrokerState()
    implements = virtual.Transport.implements.extend(asynchronous=False, exchange_type=frozenset(["direct"]))
    driver_type = "filesystem"
    driver_name = SCHEME

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        # What was declared once is known to every connection of the process, also to one that was made anew.
        self.state = self.global_state

    def driver_version(self) -> str:
        """For `celery report`."""
        return "1"


def register() -> None:
    """Let ``folder://`` name this transport."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
