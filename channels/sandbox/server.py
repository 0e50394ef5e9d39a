"""The sandbox's one process: SMTP and HTTP on loopback ports, the webhook caller, and the control address.

Run it as ``manage.py sandbox``, or without Django as ``python -m channels.sandbox.server --home FOLDER``. It prints one
line of JSON with its ports when it is ready, and keeps the same in ``ports.json`` in its folder.

Control (JSON over HTTP, loopback only, refused for browsers):

``GET /_sandbox/state``       what arrived, pending events, faults still to come, calls per place
``POST /_sandbox/faults``     one fault or a list (see `channels.sandbox.faults`); ``DELETE`` clears them
``POST /_sandbox/settings``   any of: sendgrid_webhook (URL), sendgrid_events (on, off), durable, smtp_require_auth
``POST /_sandbox/events``     {"arrival": id, "event": "bounce" | "spamreport" | …}: SendGrid says so of this message
``POST /_sandbox/marks``      {"arrival": id, "what": text, "detail": text}: what the recipient did
"""

import argparse
import asyncio
import contextlib
import http.client
import ipaddress
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from channels.sandbox import fcm, keys, sendgrid, x
from channels.sandbox.faults import Fault, Faults
from channels.sandbox.http import LARGEST_HEAD, Request, Response, answer, serve
from channels.sandbox.smtp import SmtpServer
from channels.sandbox.store import Arrival, Store

HOST = "127.0.0.1"
PORTS_FILE = "ports.json"
STORE_FILE = "arrivals.sqlite3"
KEYS_FILE = "keys.json"
EVENTS_IN_ONE_CALL = 500
EVENTS_EVERY = 0.2
WEBHOOK_SECONDS = 10.0


class Sandbox:
    """The servers over one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = keys.kept(folder / KEYS_FILE)
        self.store = Store(folder / STORE_FILE)
        self.faults = Faults()
        self.smtp = SmtpServer(self.store, self.faults, user=self.keys.smtp_user, password=self.keys.smtp_password)
        self._apply_facts()

    def _apply_facts(self) -> None:
        self.store.set_durable(self.store.fact("durable") == "on")
        self.smtp.require_auth = self.store.fact("smtp_require_auth") == "on"

    async def run(self, smtp_port: int, http_port: int) -> None:
        """Serve until TERM or Ctrl-C."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        smtp_server = await loop.create_server(self.smtp.session, HOST, smtp_port, backlog=256)
        http_server = await asyncio.start_server(
            lambda reader, writer: serve(self.handle, reader, writer), HOST, http_port, limit=LARGEST_HEAD, backlog=256
        )
        ports = {
            "smtp_port": smtp_server.sockets[0].getsockname()[1],
            "http_port": http_server.sockets[0].getsockname()[1],
            "pid": os.getpid(),
        }
        scratch = self.folder / f"{PORTS_FILE}.{os.getpid()}"
        scratch.write_text(json.dumps(ports))
        scratch.replace(self.folder / PORTS_FILE)
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        events = asyncio.create_task(self._post_events())
        await stop.wait()
        events.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await events
        smtp_server.close()
        http_server.close()
        (self.folder / PORTS_FILE).unlink(missing_ok=True)
        self.store.close()

    # -- HTTP --

    async def handle(self, request: Request) -> Response:
        """Answer one request; whatever it recorded is committed first."""
        if request.path.startswith("/_sandbox/"):
            response = self._control(request)
            self.store.commit()
            return response
        service = _service(request)
        if not service:
            return answer(404, {"error": "The sandbox plays no such service."})
        fault = self.faults.take(service, request.path, request.body)
        if fault is None:
            response = self._served(service, request)
        elif fault.status:
            response = _harmed(fault)
        else:
            response = self._served(service, request, record=fault.record)
            response.close = fault.close
        self.store.commit()
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        return response

    def _served(self, service: str, request: Request, *, record: bool = True) -> Response:
        match service:
            case "sendgrid":
                return sendgrid.handle(request, self.store, self.keys, record=record)
            case "x":
                return x.handle(request, self.store, self.keys, record=record)
            case _ if request.path == "/token":
                return fcm.give_token(request, self.keys)
            case _:
                return fcm.send(request, self.store, self.keys, record=record)

    # -- control --

    def _control(self, request: Request) -> Response:
        host = request.headers["host"].rpartition(":")[0]
        if "origin" in request.headers or "sec-fetch-site" in request.headers or not _is_loopback(host):
            return answer(403, {"error": "The control address is for programs on this machine."})
        what = (request.method, request.path.removeprefix("/_sandbox/"))
        body = request.json()
        try:
            match what:
                case ("GET", "state"):
                    return answer(200, self._state())
                case ("POST", "faults"):
                    for fault in body if isinstance(body, list) else [body]:
                        self.faults.add(fault)
                case ("DELETE", "faults"):
                    self.faults.clear()
                case ("POST", "settings"):
                    self._set(body)
                case ("POST", "events"):
                    self._say_of(self._arrival(body), str(body["event"]))
                case ("POST", "marks"):
                    self.store.mark(self._arrival(body).id, str(body["what"]), str(body.get("detail", "")))
                case _:
                    return answer(404, {"error": "There is no such control."})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return answer(422, {"error": f"{type(error).__name__}: {error}"})
        return answer(200, self._state())

    def _state(self) -> dict[str, Any]:
        counts = {service: self.store.count(service=service) for service in ("smtp", "sendgrid", "x", "fcm")}
        return {
            "arrived": counts,
            "pending_events": self.store.pending_events(),
            "faults": self.faults.left(),
            "calls": dict(self.faults.calls),
            "sendgrid_webhook": self.store.fact("sendgrid_webhook"),
        }

    def _set(self, wanted: Mapping[str, Any]) -> None:
        for name, value in wanted.items():
            if name == "sendgrid_webhook":
                if value and not _is_loopback(urlsplit(value).hostname or ""):
                    raise ValueError("The sandbox calls this machine only.")
                self.store.set_fact(name, value)
            elif name in {"sendgrid_events", "durable", "smtp_require_auth"}:
                self.store.set_fact(name, "on" if value in {True, "on"} else "off")
            else:
                raise ValueError(f"There is no setting {name}.")
        self.store.commit()
        self._apply_facts()

    def _arrival(self, body: Mapping[str, Any]) -> Arrival:
        arrival = self.store.arrival(int(body["arrival"]))
        if arrival is None:
            raise ValueError("There is no such message.")
        return arrival

    def _say_of(self, arrival: Arrival, kind: str) -> None:
        if arrival.service != "sendgrid":
            raise ValueError("Only SendGrid tells of events.")
        args = arrival.detail.get("args", {})
        about = (arrival.recipient, arrival.provider_id, arrival.id, args)
        event = sendgrid.bounced(*about) if kind == "bounce" else sendgrid.event(kind, *about)
        self.store.queue_events([event])

    # -- SendGrid's webhook --

    async def _post_events(self) -> None:
        while True:
            await asyncio.sleep(EVENTS_EVERY)
            url = self.store.fact("sendgrid_webhook")
            while url and (batch := self.store.due_events(EVENTS_IN_ONE_CALL)):
                numbers = [number for number, _ in batch]
                body = json.dumps([event for _, event in batch]).encode()
                if await asyncio.to_thread(self._call_webhook, url, body):
                    self.store.events_taken(numbers)
                else:
                    self.store.events_refused(numbers)
                self.store.commit()

    def _call_webhook(self, url: str, body: bytes) -> bool:
        parts = urlsplit(url)
        headers = sendgrid.signed(body, self.keys, at=int(time.time()))
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=WEBHOOK_SECONDS)
        try:
            connection.request("POST", parts.path or "/", body, headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _service(request: Request) -> str:
    path = request.path
    if (request.method, path) in {("POST", "/v3/mail/send"), ("GET", "/v3/scopes")}:
        return "sendgrid"
    if path.startswith("/2/"):
        return "x"
    if request.method == "POST" and (path == "/token" or path.startswith("/v1/projects/")):
        return "fcm"
    return ""


def _harmed(fault: Fault) -> Response:
    words = fault.message or "The sandbox was asked to answer this"
    response = answer(fault.status, {"error": {"message": words}, "errors": [{"message": words}], "detail": words})
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def home(almanac_home: Path) -> Path:
    """The sandbox's folder in an installation."""
    return almanac_home / "sandbox"


def run(folder: Path, smtp_port: int, http_port: int) -> None:
    """Serve over `folder` until TERM or Ctrl-C; port 0 means any that is free."""
    asyncio.run(Sandbox(folder).run(smtp_port, http_port))


def main() -> None:
    """Start from the command line, without Django."""
    parser = argparse.ArgumentParser(description="Play SMTP, SendGrid, X and FCM on this machine.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--http-port", type=int, default=0)
    options = parser.parse_args()
    run(options.home, options.smtp_port, options.http_port)


if __name__ == "__main__":
    main()
