"""What every request passes through that belongs to no room."""

import logging
import re
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core import db, disk
from core.api import MOST_BODY, problem, too_large, wrong_method

API = "/api/"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
STOPS = re.compile(r"/(pause|cancel|hold|withdraw|reject)/?$")
"""Verbs that stop something: they are tried on a disk that is nearly full too."""
OWN_WORD = frozenset({"Cache-Control", "ETag", "Last-Modified"})
"""Who says one of these has thought of who may keep the answer; every other answer is one person's own."""
FOR_EVER = frozenset({301, 308, 410})
log = logging.getLogger(__name__)


class LastAnswers:
    """What the views do not answer themselves: a sentence and a word to come back, not a trace.

    507 while there is no room on a disk, 503 while the database restarts or is held by somebody else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, unless a write over the API would take what is left of the disk.

        A method that an address of the API does not take is a problem like every other there.
        """
        response = self._answered(request)
        if not any(name in response.headers for name in OWN_WORD) and response.status_code not in FOR_EVER:
            response.headers["Cache-Control"] = "private, no-store"
        return response

    def _answered(self, request: HttpRequest) -> HttpResponse:
        if _brings_more(request) and disk.short():
            return _answer(request, 507, "disk_full", disk.sentence(), 60)
        if _is_too_large(request):
            return too_large(request)
        response = self.get_response(request)
        if response.status_code == 405 and request.path.startswith(API):
            return wrong_method(response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a disk without room, and for a database that does not."""
        disk.note(error)
        if disk.is_full(error):
            log.error("There is no room on the disk: %s", type(error).__name__)
            words = disk.sentence() or _("The disk is full. Nothing can be changed until there is room again.")
            return _answer(request, 507, "disk_full", words, 60)
        if db.is_busy(error):
            log.warning("The database was busy for too long: %s", type(error).__name__)
            return _answer(request, 503, "try_later", _("The database is busy. Please try again in a few seconds."), 5)
        if not isinstance(error, (OperationalError, InterfaceError)):
            return None
        log.error("The database does not answer: %s", type(error).__name__)
        words = _("The database is restarting. Please try again in a few seconds.")
        return _answer(request, 503, "try_later", words, 5)


def _brings_more(request: HttpRequest) -> bool:
    if not request.path.startswith(API) or request.method in READS or request.method == "DELETE":
        return False
    return not STOPS.search(request.path)


def _is_too_large(request: HttpRequest) -> bool:
    """Whether the body is more than the API reads as a whole. What comes line by line may be of any length."""
    if not request.path.startswith(API) or request.content_type == "application/x-ndjson":
        return False
    length = request.headers.get("Content-Length", "")
    return length.isdigit() and int(length) > MOST_BODY


def _answer(request: HttpRequest, status: int, code: str, words: str, again_after: int) -> HttpResponse:
    response = (
        problem(status, code, words)
        if request.path.startswith(API)
        else HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
    )
    response.headers["Retry-After"] = str(again_after)
    return response
