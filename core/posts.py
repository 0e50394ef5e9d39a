"""How long a post is as X counts it, and what X takes as a link in it.

Equal to X's published counter, npm ``twitter-text`` 3.1.0 (``parseTweet`` and ``extractUrlsWithIndices``): after NFC, a link
is 23, an emoji sequence 2, a code point of Latin scripts and common punctuation 1, every other 2. A link needs no scheme
(``shop.de``, ``README.md``) but a domain of the counter's own list, which ends in 2019: ``shop.kids`` is text to it.
The lists and classes of characters are in ``data/twitter_text.json``, written by ``data/twitter_text.mjs``, which asks the
package; the rules below are the grammar around them. JavaScript looks at UTF-16 code units and so does this module: inside,
a text is a string of code units. Where *our* links end is another question, answered by `core.links`.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

LONGEST_ADDRESS = 4096
LONGEST_LABEL = 63
LONGEST_SLUG = 40
"""Of a ``t.co`` address; a longer one is none."""


@dataclass(frozen=True, slots=True)
class Address:
    """One link in a text: `start` and `end` in code points, and where it leads."""

    start: int
    end: int
    url: str


def weight(text: str) -> int:
    """How much of a post's `limit()` the text takes."""
    data = _data()
    units = _units(unicodedata.normalize("NFC", text))
    links = {start: start + len(url) for start, _end, url in _links(units)}
    emoji = dict(_emoji(units))
    total = at = 0
    while at < len(units):
        if at in links:
            total += data.link
            at = links[at]
        elif at in emoji:
            total += data.other
            at = emoji[at]
        else:
            # Of a pair it is the second half that is weighed, as the package does.
            at += 1 if _is_pair(units, at) else 0
            total += 1 if data.light.match(units, at) else data.other
            at += 1
    return total


def limit() -> int:
    """The most that a post may weigh: 280."""
    return _data().maximum


def addresses(text: str) -> list[Address]:
    """What X makes a link of, in order. `text` is taken as it stands: to be counted it is normalised before."""
    units = _units(text)
    return [
        Address(len(_text(units[:start])), len(_text(units[:end])), _text(url)) for start, end, url in _links(units)
    ]


def domain_at(host: str) -> int:
    """The length of the longest domain with a known top-level domain that `host` begins with, in code points; or 0."""
    units = _units(host)
    match = _data().domain.match(units)
    return len(_text(match[0])) if match else 0


# --- Links -----------------------------------------------------------------------------------------------------------


def _links(units: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and address of every link, in code units."""
    data = _data()
    if "." not in units or not data.dotted.search(units):
        return  # most texts, and the long ones whose every full stop would else be tried from every letter
    for match in data.address.finditer(units):
        start, end = match.span("url")
        if not _is_possible(match["url"], match["scheme"] or "https://", match["domain"]):
            continue
        if match["scheme"]:
            if short := data.short.match(match["url"]):
                if len(short["slug"]) > LONGEST_SLUG:
                    continue
                end = start + short.end()
            yield start, end, units[start:end]
        elif not match["before"] or match["before"] not in "-_./":
            yield from _bare(match, start, end)


def _bare(match: re.Match[str], start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """The links of a stretch without a scheme: the Latin domains in it, the last one with the path behind."""
    domain, found, at = match["domain"], [], 0
    for one in _data().plain_domain.finditer(domain):
        # The package looks each one up again, and finds the same letters where they stand first.
        first = domain.index(one[0], at)
        at = first + len(one[0])
        found.append((start + first, start + at, one[0]))
    if found and match["path"]:
        # What stands between this domain and the path is no part of the address and yet of the link.
        first, _end, name = found[-1]
        found[-1] = (first, end, match["url"].replace(domain, name, 1))
    yield from found


def _is_possible(url: str, scheme: str, domain: str) -> bool:
    """Whether an address of this length, with these labels, can stand in the domain name system."""
    if domain[:4] == "xn--" and not _data().plain_domain.search(domain):
        return False
    labels = domain.split(".")
    return len(scheme) + len(url) <= LONGEST_ADDRESS and all(0 < _encoded(label) <= LONGEST_LABEL for label in labels)


def _encoded(label: str) -> int:
    """The length of a label in Punycode; the wide full stops part it once more."""
    parts = re.split("[\u3002\uff0e\uff61]", _text(label))
    return sum(map(_punycode, parts)) + len(parts) - 1


def _punycode(part: str) -> int:
    if part.isascii():
        return len(part)
    # One letter is one letter at least, and the encoder is slow: what is too long needs no encoding.
    return 4 + (len(part.encode("punycode")) if len(part) <= LONGEST_LABEL else len(part))


# --- Emoji -----------------------------------------------------------------------------------------------------------


def _emoji(units: str) -> Iterator[tuple[int, int]]:
    """Start and end of every emoji sequence, in code units."""
    data = _data()
    at = 0
    while at < len(units):
        end = next(
            (at + length for length in data.emoji_lengths.get(units[at], ()) if data.is_emoji(units, at, length)), 0
        )
        if end:
            yield at, end
        at = end or at + 1


# --- Code units ------------------------------------------------------------------------------------------------------


def _units(text: str) -> str:
    """`text` as JavaScript sees it: a code point beyond the basic plane is two."""
    if all(char <= "\uffff" for char in text):
        return text
    raw = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, memoryview(raw).cast("H")))


def _text(units: str) -> str:
    """Code units as text again; half a pair stays what it is."""
    if units.isascii():
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _is_pair(units: str, at: int) -> bool:
    return "\ud800" <= units[at] <= "\udbff" and at + 1 < len(units) and "\udc00" <= units[at + 1] <= "\udfff"


# --- The data --------------------------------------------------------------------------------------------------------


@cache
def _data() -> "_Data":
    return _Data(json.loads((Path(__file__).parent / "data" / "twitter_text.json").read_text(encoding="utf-8")))


class _Data:
    """The lists of the package, and the expressions made of them."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.link: int = raw["link"]
        self.maximum: int = raw["maximum"]
        self.other = 2
        self.light = re.compile(f"[{_members(raw['light'])}]")
        self._emoji = frozenset(map(_units, raw["emoji"].split(" ")))
        self._unless_text = frozenset(map(_units, raw["emojiUnlessText"]))
        self.emoji_lengths: dict[str, tuple[int, ...]] = {}
        for first in {sequence[0] for sequence in self._emoji | self._unless_text}:
            lengths = {len(sequence) for sequence in self._emoji | self._unless_text if sequence[0] == first}
            self.emoji_lengths[first] = tuple(sorted(lengths, reverse=True))

    def is_emoji(self, units: str, at: int, length: int) -> bool:
        """Whether the `length` units from `at` on are one; some are text when the sign for text follows."""
        sequence = units[at : at + length]
        if sequence in self._emoji:
            return True
        return sequence in self._unless_text and units[at + length : at + length + 1] != "\ufe0e"

    @cached_property
    def top(self) -> str:
        """A top-level domain; those in Latin letters end where no letter or digit follows."""
        names = self.raw["domains"].split(" ")
        latin = [name for name in names if name.isascii()]
        others = [name for name in names if not name.isascii()]
        # Latin names without Unicode's folding, which takes “ſ” for “s”, and as a tree: there are 1,500 of them. The others
        # in the list's order, since one may begin another.
        known = rf"(?:{_tree(latin)}|(?=\w*[^\x00-\x7f])(?i:{'|'.join(others)}))"
        return rf"(?:{known}(?![0-9A-Za-z@+\-])|[Xx][Nn]--[\-0-9A-Za-z]+)"

    @cached_property
    def dotted(self) -> re.Pattern[str]:
        """A full stop with a top-level domain behind it: without one there is no link."""
        return re.compile(rf"\.{self.top}")

    @cached_property
    def domain(self) -> re.Pattern[str]:
        """Labels, and a top-level domain."""
        label = _members(self.raw["label"])
        # Possessive: a long stretch without a full stop is left at once.
        start = rf"(?=[{label}])"
        sub, own = rf"{start}[{label}_\-]++(?<=[{label}])\.", rf"{start}[{label}\-]++(?<=[{label}])\."
        return re.compile(rf"(?:{sub})*{own}{self.top}")

    @cached_property
    def address(self) -> re.Pattern[str]:
        """A link with what stands before it."""
        path, path_end = (_members(self.raw[name]) for name in ("path", "pathEnd"))
        query, query_end = _members(self.raw["query"]), _members(self.raw["queryEnd"])
        # One level of parentheses in parentheses, as the package allows.
        nested = rf"\((?:[{path}]+|[{path}]*\([{path}]+\)[{path}]*)\)"
        return re.compile(
            rf"(?P<before>[{_members(self.raw['before'])}]|^)"
            r"(?P<url>(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?://)?"
            rf"(?P<domain>{self.domain.pattern})"
            r"(?::[0-9]+)?"
            rf"(?P<path>/(?:(?:[{path}]|{nested})*(?:[{path_end}]|{nested}))?)?"
            rf"(?:\?[{query}]*[{query_end}])?)"
        )

    @cached_property
    def plain_domain(self) -> re.Pattern[str]:
        """A domain in Latin letters, accents too."""
        return re.compile(rf"(?:[{_members(self.raw['plain'])}]+\.)+{self.top}")

    @cached_property
    def short(self) -> re.Pattern[str]:
        """An address of X's own shortener, which has no further path."""
        query, query_end = _members(self.raw["query"]), _members(self.raw["queryEnd"])
        return re.compile(
            rf"[Hh][Tt][Tt][Pp][Ss]?://[Tt]\.[Cc][Oo]/(?P<slug>[A-Za-z0-9]+)(?:\?[{query}]*[{query_end}])?"
        )


def _members(ranges: list[list[int]]) -> str:
    """Pairs of first and last code unit as the inside of a character class."""
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


def _tree(names: list[str]) -> str:
    """An expression for any of these lower-case names in whatever case, by their first letters."""
    branches: dict[str, list[str]] = {}
    for name in filter(None, names):
        branches.setdefault(name[0], []).append(name[1:])
    ways = [f"[{first}{first.upper()}]{_tree(rest)}" for first, rest in branches.items()]
    return f"(?:{'|'.join(ways)}){'?' if '' in names else ''}" if ways else ""
