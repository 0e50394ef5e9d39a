"""An asyncio loop in a thread: what every fake and the proxy serve on."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection with a TCP reset: closing without lingering is what makes the kernel send one."""
    wire = writer.get_extra_info("socket")
    with suppress(OSError, AttributeError):  # it may be closed already
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Served:
    """Something that listens on a loopback port while the block runs; the port stays the same over `shut` and `open`."""

    def __init__(self) -> None:
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run it on the loop and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def open(self) -> None:
        """Listen."""

        async def listen() -> None:
            self._server = await asyncio.start_server(self._met, "127.0.0.1", self.port, backlog=512)
            self.port = self._server.sockets[0].getsockname()[1]

        self.run(listen())

    def shut(self) -> None:
        """Refuse connections, and reset those there are."""

        async def close() -> None:
            if self._server is not None:
                self._server.close()
                self._server = None
            self.reset_all()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.05)

        self.run(close())

    def reset_all(self) -> None:
        """Cut every connection with a TCP reset; to be called on the loop."""
        for writer in list(self._writers):
            reset(writer)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, TimeoutError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        raise NotImplementedError
