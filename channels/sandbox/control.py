"""How the rest of the house speaks to a running sandbox, and reads what arrived there."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from channels.sandbox import server
from channels.sandbox.store import Store
from core.errors import AlmanacError, Invalid, TryLater
from core.http import Door


def running_ports() -> dict[str, int]:
    """`smtp_port` and `http_port` of the sandbox that runs in this installation; raises `TryLater` when none does."""
    path = server.home(settings.ALMANAC_HOME) / server.PORTS_FILE
    try:
        found: dict[str, int] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TryLater(_not_running()) from error
    return found


def call(http_port: int, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Post to the control address; see `channels.sandbox.server`. Raises `TryLater` when nobody is there."""
    try:
        with Door() as door:
            answer = door.request("POST", f"http://127.0.0.1:{http_port}/_sandbox/{what}", json=body, seconds=10)
    except AlmanacError as error:
        raise TryLater(_not_running()) from error
    if answer.status != 200:
        raise Invalid(str(answer.json().get("error", "")))
    state: dict[str, Any] = answer.json()
    return state


def _not_running() -> str:
    return _("The sandbox is not running. Start it with `manage.py sandbox`, or start the demo again.")


@contextmanager
def opened() -> Iterator[Store | None]:
    """The store of this installation's sandbox, for reading; None while nothing ever ran."""
    path = server.home(settings.ALMANAC_HOME) / server.STORE_FILE
    if not path.exists():
        yield None
        return
    store = Store(path, read_only=True)
    try:
        yield store
    finally:
        store.close()
