"""`smtp-source` and `smtp-sink` of Postfix: as fast as mail can go on this machine.

Postfix may be unpacked as well as installed: it cannot be installed beside another mail server.
``apt-get download postfix && dpkg -x postfix_*.deb DIR``, and name the folder in ``ALMANAC_TEST_POSTFIX``.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import tools
from benchmarks.frame import Broken, Missing

SESSIONS = 20
_HOW = "or unpack it (dpkg -x postfix_*.deb DIR) and name the folder in ALMANAC_TEST_POSTFIX"


def _program(name: str) -> str:
    unpacked = Path(os.environ.get("ALMANAC_TEST_POSTFIX", "/nonexistent")) / "usr" / "sbin" / name
    if unpacked.exists():
        return str(unpacked)
    try:
        return tools.program(name, "postfix")
    except Missing:
        raise Missing(name, "postfix", _HOW) from None


def _env() -> dict[str, str]:
    unpacked = os.environ.get("ALMANAC_TEST_POSTFIX")
    libraries = {"LD_LIBRARY_PATH": f"{unpacked}/usr/lib/postfix"} if unpacked else {}
    return {**os.environ, **libraries}


@contextmanager
def sink() -> Iterator[int]:
    """A mail server that takes everything and keeps nothing; gives its port."""
    port = tools.free_port()
    # It will not run as root; any other user will do.
    command = [_program("smtp-sink"), *(["-u", "nobody"] if os.geteuid() == 0 else []), f"127.0.0.1:{port}", "1000"]
    _program("smtp-source")
    with tools.listening(command, port, _env()):
        yield port


def source(port: int, count: int, length: int) -> float:
    """Messages in a second that `smtp-source` hands over: `count` of `length` bytes, connections kept, so many at once."""
    command = [_program("smtp-source"), "-d", "-s", str(SESSIONS), "-l", str(length), "-m", str(count)]
    command += ["-f", "news@shop.example", "-t", "ann@shop.example", f"127.0.0.1:{port}"]
    began = time.monotonic()
    done = subprocess.run(command, env=_env(), capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise Broken(f"smtp-source ended with {done.returncode}. {done.stderr[-500:]}")
    return count / (time.monotonic() - began)
