"""``python -m benchmarks.api_sink PORT``: an HTTP API that takes every call with 202 and keeps nothing; as cheap as can be."""

import asyncio
import sys

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nX-Message-Id: taken\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection that is kept: counts bytes, answers at the end of each body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport, self.data, self.left = transport, bytearray(), 0

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        if self.left:
            self.left -= len(data)
            if self.left <= 0:
                self.left = 0
                self.transport.write(ANSWER)  # type: ignore[attr-defined]
            return
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.data[:end]).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        self.left = length - (len(self.data) - end - 4)
        self.data.clear()
        if self.left <= 0:
            self.left = 0
            self.transport.write(ANSWER)  # type: ignore[attr-defined]


async def main(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
