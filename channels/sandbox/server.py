"""The sandbox's servers: a mail server and the HTTP APIs, in one event loop."""

import asyncio
import threading
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from channels.sandbox.events import EventPoster
from channels.sandbox.faults import Faults
from channels.sandbox.http import HttpServer
from channels.sandbox.keys import Keys
from channels.sandbox.smtp import SmtpServer
from channels.sandbox.store import Store

SMTP_PORT = 8025
HTTP_PORT = 8026


def folder() -> Path:
    """Where the sandbox keeps what arrived."""
    return Path(settings.ALMANAC_HOME) / "sandbox"


class Sandbox:
    """Both servers on loopback. Port 0 takes a free one; `smtp_port` and `http_port` say which."""

    def __init__(self, home: Path | None = None, *, smtp_port: int = SMTP_PORT, http_port: int = HTTP_PORT) -> None:
        home = home or folder()
        self.store = Store(home)
        self.keys = Keys(home)
        self.faults = Faults()
        self.events = EventPoster(self.store, self.keys)
        self.smtp_port = smtp_port
        self.http_port = http_port
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._servers: list[asyncio.Server] = []
        self._http = HttpServer(self.store, self.faults, self.events)

    @property
    def base_url(self) -> str:
        """Where the APIs answer."""
        return f"http://127.0.0.1:{self.http_port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    async def _open(self) -> None:
        smtp = SmtpServer(self.store, self.faults, self._loop)
        mail = await self._loop.create_server(smtp.connection, "127.0.0.1", self.smtp_port, backlog=512)
        web = await asyncio.start_server(self._http.serve, "127.0.0.1", self.http_port, backlog=512, limit=256 * 1024)
        self._servers = [mail, web]
        self.smtp_port = mail.sockets[0].getsockname()[1]
        self.http_port = web.sockets[0].getsockname()[1]

    def start(self) -> None:
        """Serve in a thread; the ports are open on return."""
        self._loop.run_until_complete(self._open())
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        self.events.start()

    def stop(self) -> None:
        """Close both servers and the store."""
        self.events.stop()
        if self._thread is not None:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        self._loop.close()
        self.store.close()

    async def _close(self) -> None:
        self._http.close_all()
        for server in self._servers:
            server.close()
        rest: list[asyncio.Task[Any]] = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
