"""What the law asks of an e-mail, looked for as its reader would: a link that unsubscribes, and the postal address.

A word in a comment, in a hidden part or inside an ``if`` is none: not everyone can see it.
"""

import re
import unicodedata
from html.parser import HTMLParser

from cms.markup import VOID_TAGS, without_places

_BLOCK = re.compile(r"\{%-?\s*(if\b|endif\b).*?%\}", re.DOTALL)
_WAY_OUT = re.compile(r"\{\{-?\s*unsubscribe_url\s*-?\}\}")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_MARK = "almanac-way-out"


def for_everyone(source: str) -> str:
    """`source` without what stands inside an ``if``."""
    out: list[str] = []
    depth = end = 0
    for match in _BLOCK.finditer(source):
        if depth == 0:
            out.append(source[end : match.start()])
        depth = depth + 1 if match[1] == "if" else max(depth - 1, 0)
        end = match.end()
    return "".join([*out, source[end:] if depth == 0 else ""])


class _Reader(HTMLParser):
    """Reads what is shown: its links, and its words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.words: list[str] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        style = re.sub(r"\s", "", values.get("style", "")).lower()
        if self.hidden or tag in {"style", "title", "head", "script", "template"} or "display:none" in style:
            if tag not in VOID_TAGS:
                self.hidden.append(tag)
            return
        if tag in {"a", "area"}:
            self.links.append(values.get("href", "").strip())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.hidden and tag not in VOID_TAGS and self.hidden[-1] == tag:
            self.hidden.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            while self.hidden.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(data)


def _read(source: str) -> _Reader:
    reader = _Reader()
    reader.feed(without_places(_WAY_OUT.sub(_MARK, for_everyone(_COMMENT.sub("", source)))))
    reader.close()
    return reader


def has_way_out(source: str) -> bool:
    """Whether everyone who reads the HTML `source` finds a link that unsubscribes."""
    return _MARK in _read(source).links


def _bare(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in text if char.isalnum())


def _names(words: str, address: str) -> bool:
    lines = [bare for line in address.splitlines() if (bare := _bare(line))]
    said = _bare(words)
    return all(line in said for line in lines)


def has_address(source: str, address: str) -> bool:
    """Whether the HTML `source` shows every line of the postal `address`; an address of no lines is always there."""
    return _names(" ".join(_read(source).words), address)


def text_has_way_out(source: str) -> bool:
    """As `has_way_out`, for plain text."""
    return bool(_WAY_OUT.search(for_everyone(source)))


def text_has_address(source: str, address: str) -> bool:
    """As `has_address`, for plain text."""
    return _names(for_everyone(source), address)
