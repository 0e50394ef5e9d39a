"""Sentences that every page of the admin shows for as long as they are true: a full disk, a clock that jumped.

A room registers a function that returns its sentence, or an empty string. They stand where Wagtail shows its messages, and
are never stored: the next page asks again.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.messages import get_messages
from django.contrib.messages.constants import ERROR
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest

from core import clock, disk

ADMIN = "/admin/"
_notices: list[Callable[[], str]] = [disk.sentence, clock.jump_sentence]


def register(notice: Callable[[], str]) -> None:
    """Show what `notice` returns, whenever it returns something. It is asked for every page: it must be cheap."""
    if notice not in _notices:
        _notices.append(notice)


def current() -> list[str]:
    """What is to be said now."""
    return [sentence for notice in _notices if (sentence := notice())]


class _WithNotices:
    """Django's messages with the notices in front; reading them marks Django's as read, as ever."""

    def __init__(self, messages: Any, sentences: list[str]) -> None:
        self._messages = messages
        self._sentences = sentences

    def __len__(self) -> int:
        return len(self._messages) + len(self._sentences)

    def __iter__(self) -> Iterator[Any]:
        yield from (Message(ERROR, sentence, extra_tags="notice") for sentence in self._sentences)
        yield from self._messages


def messages(request: HttpRequest) -> dict[str, Any]:
    """Context processor behind Django's own: in the admin, `messages` begins with the notices."""
    user = getattr(request, "user", None)
    if not request.path.startswith(ADMIN) or user is None or not user.is_authenticated:
        return {}
    sentences = current()
    return {"messages": _WithNotices(get_messages(request), sentences)} if sentences else {}
