"""What approval will do to a message, done when it is saved: nothing that was saved may fail only later.

The compiler stands in a room above; it registers itself here.
"""

from collections.abc import Callable

from cms.renditions import Rendition

Check = Callable[[str, str], None]
"""Given a source and a locale, raises `Invalid` with line and element for what approval would refuse."""

_html: list[Check] = []
_text: list[Check] = []
_rendition: list[Callable[[Rendition, str], None]] = []


def register(html: Check, text: Check, rendition: Callable[[Rendition, str], None]) -> None:
    """Take up the checks of the compiler; once, when the apps are ready."""
    _html.append(html)
    _text.append(text)
    _rendition.append(rendition)


def prove_html(source: str, locale: str, first_line: int = 1) -> None:
    """Raise `Invalid` for a tag of the author's own `source` that could not be compiled; lines count from `first_line`."""
    for check in _html:
        check("\n" * (first_line - 1) + source, locale)


def prove_text(source: str, locale: str) -> None:
    """Raise `Invalid` for a link of the author's plain text that could not be tracked."""
    for check in _text:
        check(source, locale)


def prove(rendition: Rendition, locale: str) -> None:
    """Raise `Invalid` for an e-mail, post or notification that could not be compiled."""
    for check in _rendition:
        check(rendition, locale)
