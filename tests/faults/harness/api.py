"""SendGrid's Mail Send as a fake that counts, and the signed events it tells afterwards."""

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as Asked
from urllib.request import urlopen

from channels.sandbox import keys, sendgrid
from channels.sandbox.http import Request, Response, serve
from tests.faults.harness import record
from tests.faults.harness.loop import Served
from tests.faults.harness.record import Record, Taken


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API: when it came, for how many, and what was answered (0: nothing)."""

    number: int
    at: float
    addresses: tuple[str, ...]
    status: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes instead of 202. `taken`: the provider has the messages whatever it answers."""

    status: int = 202
    taken: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    words: str = "The fake was asked to answer this."
    field: str = ""
    delay: float = 0.0
    hang: bool = False
    close: bool = False


Rule = Callable[[int, Sequence[str]], Reply | None]
"""Asked with the number of the call, from 1, and its addresses."""


class ApiServer(Served):
    """Takes everything, each call after `delay` seconds and `delay_each` for every recipient."""

    def __init__(self, folder: Path, delay: float = 0.05, delay_each: float = 0.0, rule: Rule | None = None) -> None:
        super().__init__()
        self.delay, self.delay_each, self.rule = delay, delay_each, rule
        self.keys = keys.kept(folder / "api.keys")
        self.record = Record(folder / "api.record")
        self.calls: list[Call] = []
        self.events: list[dict[str, Any]] = []
        """Told by nobody yet: `processed` and `delivered` of everything that was taken."""
        self._number = 0

    @property
    def total(self) -> int:
        """How many messages were taken."""
        return len(self.record)

    @property
    def settings(self) -> dict[str, object]:
        """For a channel account of the provider `sendgrid`."""
        return self.keys.account_settings("sendgrid", smtp_port=0, http_port=self.port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak HTTP/1.1."""
        await serve(self._handle, reader, writer)

    async def _handle(self, request: Request) -> Response:
        if request.path != "/v3/mail/send":
            return Response(200, b'{"scopes": ["mail.send"]}', {"Content-Type": "application/json"})
        mail = request.json()
        people = mail["personalizations"]
        addresses = tuple(person["to"][0]["email"] for person in people)
        self._number += 1
        number, came = self._number, record.now()
        reply = self.rule(number, addresses) if self.rule else None
        await asyncio.sleep(self.delay + self.delay_each * len(people) + (reply.delay if reply else 0))
        message_id = secrets.token_urlsafe(16)
        if reply is None or reply.taken:
            self._take(mail, people, message_id, number)
        status = 202 if reply is None else 0 if reply.hang or reply.close else reply.status
        self.calls.append(Call(number, came, addresses, status))
        if reply is None:
            return Response(202, b"", {"X-Message-Id": message_id})
        if reply.hang:
            await asyncio.sleep(3600)
        if reply.close:
            return Response(close=True)
        errors = {"errors": [{"message": reply.words, "field": reply.field, "help": None}]}
        body = b"" if reply.status == 202 else json.dumps(errors).encode()
        return Response(reply.status, body, {"Content-Type": "application/json", **reply.headers})

    def _take(self, mail: Mapping[str, Any], people: Sequence[Mapping[str, Any]], message_id: str, call: int) -> None:
        taken = []
        for number, person in enumerate(people):
            args, address = person["custom_args"], person["to"][0]["email"]
            subject = sendgrid.substituted(mail["subject"], person, mail)
            taken.append(Taken(args["almanac_ref"], address, subject, record.now(), call))
            for kind in ("processed", "delivered"):
                self.events.append(sendgrid.event(kind, address, message_id, number, args))
        self.record.take(*taken)

    # --- events

    def event(self, one: Taken, kind: str, **more: str) -> dict[str, Any]:
        """An event about something that was taken."""
        return sendgrid.event(kind, one.address, f"id-{one.call}", one.call, {"almanac_ref": one.ref}, **more)

    def signed(self, events: Sequence[Mapping[str, Any]], *, at: float | None = None) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one call of the webhook."""
        body = json.dumps(list(events)).encode()
        return body, sendgrid.signed(body, self.keys, at=int(at or time.time()))


class Teller:
    """Posts the API's events to a webhook as SendGrid does: in batches, again until they are taken, each now and then twice."""

    def __init__(self, api: ApiServer, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.api, self.url, self.headers = api, url, dict(headers or {})
        self.told = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Tell from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Tell what is left, then nothing more."""
        self._stop.set()
        self._thread.join(120)
        assert self.told == len(self.api.events), f"{len(self.api.events) - self.told} events could not be told"

    def _run(self) -> None:
        last = False
        until = 0.0
        while True:
            ready = len(self.api.events)
            if self.told < ready:
                batch = self.api.events[self.told : min(ready, self.told + 200)]
                if self._post(batch):
                    self.told += len(batch)
                    if self.told % 3 == 0:
                        self._post(batch)  # told twice: it must not matter
                    continue
            elif last:
                return
            if self._stop.wait(0.2):
                last, until = True, until or time.monotonic() + 90
                time.sleep(0.2)
                if time.monotonic() > until:
                    return

    def _post(self, events: Sequence[Mapping[str, Any]]) -> bool:
        body, headers = self.api.signed(events)
        try:
            with urlopen(Asked(self.url, body, {**headers, **self.headers}), timeout=10) as response:
                return response.status == 200
        except (HTTPError, OSError, HTTPException):
            return False
