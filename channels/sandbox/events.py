"""SendGrid's event webhook: signed events, posted in groups to the address that the login has set, and tried again."""

import json
import logging
import queue
import threading
import time
from typing import Any

from channels.sandbox.keys import Keys
from channels.sandbox.store import Store
from core.errors import AlmanacError
from core.http import Door

log = logging.getLogger(__name__)

TRIES = 8
GROUP = 500


class EventPoster:
    """A thread that posts what it is told. `hold` keeps events back, as a slow provider does."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self.store = store
        self.keys = keys
        self.hold = threading.Event()
        self._queue: queue.SimpleQueue[tuple[str, list[dict[str, Any]]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sandbox-events", daemon=True)
        self._idle = threading.Event()
        self._idle.set()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def stop(self) -> None:
        """Post no more."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(5)

    def tell(self, login: str, events: list[dict[str, Any]]) -> None:
        """Post `events` to the hook of `login`, soon."""
        if events:
            self._idle.clear()
            self._queue.put((login, events))

    def drained(self, seconds: float = 10.0) -> bool:
        """Wait until everything told so far has been posted; False when that takes longer."""
        return self._idle.wait(seconds)

    def _run(self) -> None:
        with Door() as door:
            while not self._stopping.is_set():
                item = self._queue.get()
                if item is None:
                    return
                while self.hold.is_set() and not self._stopping.is_set():
                    time.sleep(0.02)
                login, events = item
                for first in range(0, len(events), GROUP):
                    self._post(door, login, events[first : first + GROUP])
                if self._queue.empty():
                    self._idle.set()

    def _post(self, door: Door, login: str, events: list[dict[str, Any]]) -> None:
        url = self.store.hook(login)
        if not url:
            return
        body = json.dumps(events).encode()
        for attempt in range(TRIES):
            timestamp = str(int(time.time()))
            headers = {
                "Content-Type": "application/json",
                "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
                "X-Twilio-Email-Event-Webhook-Signature": self.keys.sign_events(timestamp, body),
            }
            try:
                if door.request("POST", url, headers=headers, content=body, seconds=10).status < 500:
                    return
            except AlmanacError as error:
                log.info("The event webhook could not be reached: %s", error.message)
            if self._stopping.wait(min(0.2 * 2**attempt, 5)):
                return
        log.warning("Gave up posting %s events to the webhook.", len(events))
