"""Where a demo runs: its ports and addresses, kept in ``ALMANAC_HOME/demo.json`` so that it finds them again."""

import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from core.errors import FixSettings

LOOPBACK = "127.0.0.1"
USUAL_PORT = 8000


@dataclass(frozen=True)
class Place:
    """The ports of a demo, all on loopback."""

    port: int
    smtp_port: int
    http_port: int

    @property
    def base_url(self) -> str:
        """The address people open."""
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self) -> Mapping[str, str]:
        """What the demo's processes need to be told."""
        return {
            "ALMANAC_BASE_URL": self.base_url,
            "ALMANAC_ALLOWED_PRIVATE_HOSTS": f"{LOOPBACK},localhost",
            "ALMANAC_DEMO": "1",
        }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _free_from(port: int) -> int:
    """The first free port from `port` on."""
    return next(candidate for candidate in range(port, port + 200) if _is_free(candidate))


def find(home: Path, wanted: int | None) -> Place:
    """The demo's place: the one it had, where its ports are still free; raises `FixSettings` when `wanted` is taken."""
    kept = home / "demo.json"
    before = Place(**json.loads(kept.read_text())) if kept.exists() else None
    if wanted is not None and not _is_free(wanted):
        raise FixSettings(f"Port {wanted} is taken by another program. Choose another with --port.")
    port = wanted or _free_from(before.port if before else USUAL_PORT)
    smtp_port = before.smtp_port if before and _is_free(before.smtp_port) else _free_from(port + 100)
    http_port = before.http_port if before and _is_free(before.http_port) else _free_from(smtp_port + 1)
    place = Place(port, smtp_port, http_port)
    kept.write_text(json.dumps(asdict(place)))
    return place


def enter(place: Place) -> None:
    """Start this very command again with the demo's environment, unless that is where we are.

    The settings are read once, at the start, and the base URL is one of them.
    """
    environment = {**place.environment(), "ALMANAC_DEMO_PLACE": json.dumps(asdict(place))}
    if os.environ.get("ALMANAC_DEMO_PLACE") != environment["ALMANAC_DEMO_PLACE"]:
        _again({**os.environ, **environment})


def _again(environment: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.argv], dict(environment))  # noqa: S606


def entered() -> Place | None:
    """The place that `enter` chose, after the restart."""
    text = os.environ.get("ALMANAC_DEMO_PLACE")
    return Place(**json.loads(text)) if text else None
