"""What every request passes through that belongs to no room."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from core.api import problem, wrong_method

API = "/api/"
log = logging.getLogger(__name__)


class LastAnswers:
    """What the views do not answer themselves: 503 and a word to come back while the database restarts, not a trace."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on; a method that an address of the API does not take is a problem like every other there."""
        response = self.get_response(request)
        if response.status_code == 405 and request.path.startswith(API):
            return wrong_method(response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a database that does not."""
        if not isinstance(error, (OperationalError, InterfaceError)):
            return None
        log.error("The database does not answer: %s", type(error).__name__)
        words = "The database is restarting. Please try again in a few seconds."
        response = (
            problem(503, "try_later", words)
            if request.path.startswith(API)
            else HttpResponse(words, status=503, content_type="text/plain; charset=utf-8")
        )
        response.headers["Retry-After"] = "5"
        return response
