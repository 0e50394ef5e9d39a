"""What the processes say: lines for people, or JSON with the request's id for machines (``ALMANAC_LOG_FORMAT``)."""

import json
import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

REQUEST_ID: ContextVar[str] = ContextVar("almanac_request_id", default="")
"""Of the request that is being answered; empty outside of one."""
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id(given: str) -> str:
    """The id that a proxy has given a request, if it is one; else a new one."""
    return given if _GIVEN.fullmatch(given) else uuid.uuid4().hex


class WithRequest(logging.Filter):
    """Puts the request's id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Nothing is left out."""
        record.request_id = REQUEST_ID.get()
        return True


def configuration(style: str, level: str) -> dict[str, Any]:
    """Django's LOGGING; `style` is ``line`` or ``json``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": WithRequest}},
        "formatters": {
            "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": ["levelname", "name", "message", "process", "request_id"],
                "rename_fields": {"levelname": "level", "name": "logger", "process": "pid", "exc_info": "trace"},
                "timestamp": "time",
                "json_ensure_ascii": False,
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style, "filters": ["request"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level},
            # The development server's own; our web server writes no lines of its own, and `almanac.request` has them.
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # It warns of every quorum queue behind a direct exchange that tasks with an ETA would block; bells have none.
            "kombu.transport.native_delayed_delivery": {"handlers": [], "level": "ERROR"},
        },
    }


def relay(say: Callable[[str], object], style: str) -> Callable[[str], None]:
    """For the supervisor, whose lines begin with the child's name: in JSON, records stay records and lines become some."""

    def line(text: str) -> None:
        child, colon, rest = text.partition(": ")
        if style != "json":
            say(text)
        elif colon and _is_record(rest):
            say(rest)
        elif colon and " " not in child:
            say(json.dumps({"level": "WARNING", "logger": f"almanac.{child}", "message": rest}, ensure_ascii=False))
        else:
            say(json.dumps({"level": "WARNING", "logger": "almanac.supervisor", "message": text}, ensure_ascii=False))

    return line


def _is_record(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
