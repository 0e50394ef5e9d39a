"""What every request passes through that belongs to no room."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

log = logging.getLogger(__name__)


class DatabaseGone:
    """While the database restarts, people and clients get 503 and are told to come back, not a trace."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a database that does not."""
        if not isinstance(error, (OperationalError, InterfaceError)):
            return None
        log.error("The database does not answer: %s", type(error).__name__)
        return HttpResponse(
            "The database is restarting. Please try again in a few seconds.",
            status=503,
            content_type="text/plain; charset=utf-8",
            headers={"Retry-After": "5"},
        )
