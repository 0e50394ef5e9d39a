"""A web process: granian's server in one process, `python -m config.web HOST PORT`.

Granian's own command keeps a parent that only waits for its worker; the supervisor does that here. Several of them on one port
share it (SO_REUSEPORT on Linux), each with its own memory.
"""

import sys

from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MTServer

SPARE_THREADS = 4
BACKLOG = 4096
"""Connections that a web process keeps open at once, and as many that wait to be taken: a crowd at midnight."""
HTTP1_BUFFER = 64 * 1024
"""Bytes at most of a connection's buffer; a request's headers have to fit into it."""


class OneProcess(MTServer):
    """Granian's server whose worker is a thread. For WSGI it needs no free-threaded Python, whatever it thinks."""

    def _check_gil(self) -> None:
        pass


def serve(host: str, port: int) -> None:
    """Answer until TERM. Threads are more than what may be inside Django and wait for it (`core.gate`), so that there is always
    one for what needs no Django."""
    from django.conf import settings

    from config.wsgi import application

    server = OneProcess(
        "config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        loop=Loops.asyncio,
        websockets=False,
        blocking_threads=settings.ALMANAC_WEB_THREADS + settings.ALMANAC_WEB_WAITING + SPARE_THREADS,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        http1_settings=HTTP1Settings(max_buffer_size=HTTP1_BUFFER),
        log_level=LogLevels.error,
    )
    server.serve(target_loader=lambda: application, wrap_loader=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
