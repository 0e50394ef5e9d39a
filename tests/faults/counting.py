"""A mail server that counts: what it has answered 250 for is the ground truth."""

import asyncio
import threading
from collections import Counter


class CountingServer:
    """Accepts everything; `taken` counts messages by recipient, noted before the answer goes out."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.taken: Counter[str] = Counter()
        self.total = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512), self._loop
        ).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_error):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader, writer):
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader, writer):
        def say(line):
            writer.write(line + b"\r\n")

        say(b"220 counting ESMTP")
        recipients: list[str] = []
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-counting\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"RCPT":
                recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                say(b"250 2.1.5 OK")
            elif verb == b"DATA":
                say(b"354 go on")
                await writer.drain()
                while (piece := await reader.readline()) != b".\r\n":
                    if not piece:
                        return  # cut off in the middle: nothing was taken
                if self.delay:
                    await asyncio.sleep(self.delay)
                self.taken.update(recipients)
                self.total += len(recipients)
                recipients = []
                say(b"250 2.0.0 taken")
            elif verb == b"QUIT":
                say(b"221 bye")
                break
            else:
                say(b"250 2.0.0 OK")
            await writer.drain()
