"""A proxy between a client and a server that can do what networks do: wait, crawl, swallow, cut, refuse.

>>> with ChaosProxy(server.port) as proxy:
...     proxy.latency = 0.2          # seconds before each piece is passed on, each way
...     proxy.rate = 1               # bytes a second towards the client
...     proxy.blackhole()            # connections are taken, nothing passes, nothing is said
...     proxy.cut_after = 100        # a reset after so many bytes of the server's answer
...     proxy.reset()                # cut every connection now
...     proxy.shut(); proxy.open()   # refuse connections; take them again, on the same port
...     proxy.heal()
"""

import asyncio
from contextlib import suppress

from tests.faults.harness.loop import Served, reset

PIECE = 65_536


class ChaosProxy(Served):
    """Passes everything on to `target` on loopback until it is told otherwise. Faults may change at any moment."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        super().__init__()
        self.target, self.host = target, host
        self.latency = 0.0
        self.rate = 0.0
        self.cut_after = 0
        self.connections = 0
        self.bytes_back = 0
        self._open_road: asyncio.Event | None = None

    def heal(self) -> None:
        """Everything passes again, also what was held back."""
        self.latency = self.rate = 0.0
        self.cut_after = 0
        self._road(True)

    def blackhole(self) -> None:
        """Take what comes and pass nothing on; connections stay open (a partition)."""
        self._road(False)

    def reset(self) -> None:
        """A TCP reset for every connection there is."""

        async def cut() -> None:
            self.reset_all()

        self.run(cut())

    def _road(self, is_open: bool) -> None:
        async def switch() -> None:
            road = self._the_road()
            if is_open:
                road.set()
            else:
                road.clear()

        self.run(switch())

    def _the_road(self) -> asyncio.Event:
        if self._open_road is None:
            self._open_road = asyncio.Event()
            self._open_road.set()
        return self._open_road

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection and its twin to the target."""
        self.connections += 1
        await self._the_road().wait()
        far_reader, far_writer = await asyncio.open_connection(self.host, self.target)
        self._writers.add(far_writer)
        ways = [
            asyncio.create_task(self._pass(reader, far_writer, back=False)),
            asyncio.create_task(self._pass(far_reader, writer, back=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, back: bool) -> None:
        with suppress(ConnectionError):
            passed = 0
            while piece := await source.read(PIECE):
                await self._the_road().wait()
                if self.latency:
                    await asyncio.sleep(self.latency)
                if back and self.cut_after and passed + len(piece) > self.cut_after:
                    sink.write(piece[: self.cut_after - passed])
                    await sink.drain()
                    reset(sink)
                    return
                passed += len(piece)
                if back:
                    self.bytes_back += len(piece)
                if back and self.rate:
                    await self._crawl(piece, sink)
                else:
                    sink.write(piece)
                    await sink.drain()

    async def _crawl(self, piece: bytes, sink: asyncio.StreamWriter) -> None:
        for number in range(len(piece)):
            if self.rate:
                await asyncio.sleep(1 / self.rate)
            sink.write(piece[number : number + 1])
            await sink.drain()
