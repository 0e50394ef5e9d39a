"""Where a link begins and ends in running text: one answer for every place that looks for links.

What leads somewhere begins with ``http://`` or ``https://``. Chinese, Japanese and Thai put no space around it, so a link
ends where no address can go on: before a wide comma, bracket or quotation mark, before a letter of a script that stands in
addresses only percent-encoded (as X ends it too: ``https://example.com/販売`` leads to ``https://example.com/``), and before
punctuation that closes the sentence. Latin letters with accents and Cyrillic ones go on. The host may be written in any
script, and any host will do (``shop.example``, ``localhost:8000``): which of them a network makes a link of, and counts as
one, is `core.posts`.
"""

import re
from dataclasses import dataclass

from core import posts

_LATIN = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u036f\u1e00-\u1eff"
_CYRILLIC = "\u0400-\u04ff"
_WORD = rf"A-Za-z0-9{_LATIN}{_CYRILLIC}"
# RFC 3986's characters, an apostrophe inside a word only, brackets in pairs; what may not stand last closes the sentence.
_ONE = rf"(?:(?![,;][Hh][Tt][Tt][Pp][Ss]?://)(?:[{_WORD}!$%&*+,\-./:;=@_~\u2013#?]|(?<=[{_WORD}])'(?=[{_WORD}])))"
_LAST = rf"[{_WORD}+\-=_#/&]"
_PAIR = rf"(?:\((?:{_ONE}|\({_ONE}*\))*\)|\[{_ONE}*\])"
_TAIL = rf"(?:{_ONE}|{_PAIR})*(?:{_LAST}|{_PAIR})"
_LETTER = r"[^\W_]"
_LABELS = rf"(?:{_LETTER}|[\-_]|[\u0300-\u036f\u0900-\u0e7f])+"
_LINK = re.compile(
    r"(?<![A-Za-z0-9])[Hh][Tt][Tt][Pp][Ss]?://"
    r"(?:[A-Za-z0-9._~%+=:\-]+@)?"
    rf"(?:(?P<host>{_LABELS}(?:\.{_LABELS})*)|\[[0-9A-Fa-f:.]+\])"
)
_PORT_AND_REST = re.compile(rf"(?::[0-9]{{1,5}})?(?:/(?:{_TAIL})?|[?#]{_TAIL})?")
_PLAIN_HOST = re.compile(rf"[A-Za-z0-9{_LATIN}_\-]+(?:\.[A-Za-z0-9{_LATIN}_\-]+)*")


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a text: the code points from `start` to before `end`, and what stands there."""

    start: int
    end: int
    url: str


def find(text: str) -> list[Link]:
    """The links in `text`, in order."""
    found: list[Link] = []
    for match in _LINK.finditer(text):
        if found and match.start() < found[-1].end:
            continue  # an address that carries another one
        if match["host"] is None:
            end = match.end()
        elif (end := _end_of_host(text, match)) == match.start("host"):
            continue
        rest = _PORT_AND_REST.match(text, end)
        end = rest.end() if rest else end
        found.append(Link(match.start(), end, text[match.start() : end]))
    return found


def _end_of_host(text: str, match: re.Match[str]) -> int:
    """Where the host ends: a name in another script goes on until its own top-level domain, not into the sentence."""
    start, host = match.start("host"), match["host"]
    if host.isascii():
        return start + len(host.rstrip(".-_"))
    if known := posts.domain_at(host):
        return start + known
    if plain := _PLAIN_HOST.match(host):
        return start + len(plain[0].rstrip("-_"))
    return start + len(host)
