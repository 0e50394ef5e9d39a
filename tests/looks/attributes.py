"""Every attribute of every MJML tag, rendered by npm ``mjml`` and by us: what does it change in the result of each?

``uv run python -m tests.looks.attributes`` prints each that changes another thing with us, without a word, and fails when there
is one. ``tests/unit/cms/test_mjml_attributes.py`` asks the same.
"""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup

HERE = Path(__file__).resolve().parent

UNIT = {"px": "17px", "%": "37%", "em": "0.3em", "auto": "auto", "": "1.7"}
SIDES = "3px 5px 7px 9px"
STRINGS = {
    "alt": "Words",
    "background-position": "left 11px",
    "background-position-x": "12%",
    "background-position-y": "13%",
    "background-size": "cover",
    "font-family": "Verdana",
    "font-style": "italic",
    "font-weight": "700",
    "mode": "fixed-height",
    "rel": "nofollow",
    "role": "none",
    "sizes": "50vw",
    "srcset": "https://a.example/2.png 2x",
    "target": "_self",
    "text-decoration": "underline",
    "text-transform": "uppercase",
    "usemap": "#map",
    "hamburger": "hamburger",
    "name": "twitter",
    "title": "Said",
    "border-style": "dotted",
    "inline": "inline",
    "id": "here",
}
BG = "background-url='https://a.example/bg.png'"
IMAGE = "<mj-image src='https://a.example/1.png'/>"
TEXT = "<mj-text>Hi</mj-text>"
COLUMN = f"<mj-column>{TEXT}</mj-column>"
SECTION = f"<mj-section>{COLUMN}</mj-section>"


def _column(inside: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"


def _body(inside: str) -> str:
    return f"<mjml><mj-body>{inside}</mj-body></mjml>"


def _headed(head: str, inside: str) -> str:
    return _column(inside).replace("<mjml>", f"<mjml><mj-head>{head}</mj-head>")


_ELEMENT = "<mj-accordion-title>Q</mj-accordion-title><mj-accordion-text>A</mj-accordion-text>"
_SOCIAL = "<mj-social-element name='facebook' href='https://a.example'>F</mj-social-element>"
_PICTURES = "<mj-carousel-image src='https://a.example/1.png'/><mj-carousel-image src='https://a.example/2.png'/>"

PLACES: dict[str, list[str]] = {
    "mj-body": [f"<mjml><mj-body @>{SECTION}</mj-body></mjml>"],
    "mj-wrapper": [
        _body(f"<mj-wrapper{more} @>{SECTION}{SECTION}</mj-wrapper>")
        for more in ("", f" {BG}", " full-width='full-width'", f" full-width='full-width' {BG}")
    ],
    "mj-section": [
        _body(f"<mj-section{more} @>{COLUMN}{COLUMN}</mj-section>")
        for more in (
            "",
            f" {BG}",
            " full-width='full-width'",
            f" full-width='full-width' {BG}",
            f" {BG} background-size='auto'",
        )
    ],
    "mj-hero": [
        _body(f"<mj-hero{more} @>{TEXT}</mj-hero>")
        for more in (
            "",
            f" {BG} background-width='600px' background-height='300px'",
            f" mode='fixed-height' height='400px' {BG} background-width='600px' background-height='300px'",
        )
    ],
    "mj-group": [_body(f"<mj-section><mj-group @>{COLUMN}{COLUMN}</mj-group></mj-section>")],
    "mj-column": [
        _body(f"<mj-section><mj-column{more} @>{TEXT}</mj-column>{COLUMN}</mj-section>")
        for more in ("", " padding='1px'")
    ]
    + [
        _body(f"<mj-section><mj-group><mj-column @>{TEXT}</mj-column>{COLUMN}</mj-group></mj-section>"),
        _body(f"<mj-section padding='0 40px'><mj-column @>{TEXT}</mj-column>{COLUMN}</mj-section>"),
        _body(f"<mj-wrapper padding='0 40px'><mj-section><mj-column @>{TEXT}</mj-column></mj-section></mj-wrapper>"),
    ],
    "mj-text": [_column("<mj-text @>Hi</mj-text>")],
    "mj-button": [
        _column("<mj-button href='https://a.example' @>Hi</mj-button>"),
        _column("<mj-button @>Hi</mj-button>"),
    ],
    "mj-image": [
        _column("<mj-image src='https://a.example/1.png' @/>"),
        _column("<mj-image src='https://a.example/1.png' href='https://a.example' @/>"),
    ],
    "mj-divider": [_column("<mj-divider @/>")],
    "mj-spacer": [_column("<mj-spacer @/>")],
    "mj-table": [_column("<mj-table @><tr><td>1</td></tr></mj-table>")],
    "mj-social": [_column(f"<mj-social{more} @>{_SOCIAL}{_SOCIAL}</mj-social>") for more in ("", " mode='vertical'")],
    "mj-social-element": [
        _column(f"<mj-social{mode}><mj-social-element{more} @>F</mj-social-element></mj-social>")
        for mode in ("", " mode='vertical'")
        for more in (
            " name='facebook' href='https://a.example'",
            " src='https://a.example/1.png' href='https://a.example'",
        )
    ],
    "mj-navbar": [
        _column(f"<mj-navbar{more} @><mj-navbar-link href='/x'>N</mj-navbar-link></mj-navbar>")
        for more in ("", " hamburger='hamburger'")
    ],
    "mj-navbar-link": [_column("<mj-navbar><mj-navbar-link href='/x' @>N</mj-navbar-link></mj-navbar>")],
    "mj-accordion": [
        _column(f"<mj-accordion @><mj-accordion-element>{_ELEMENT}</mj-accordion-element></mj-accordion>")
    ],
    "mj-accordion-element": [
        _column(f"<mj-accordion><mj-accordion-element @>{_ELEMENT}</mj-accordion-element></mj-accordion>")
    ],
    "mj-accordion-title": [
        _column(
            "<mj-accordion><mj-accordion-element><mj-accordion-title @>Q</mj-accordion-title>"
            "<mj-accordion-text>A</mj-accordion-text></mj-accordion-element></mj-accordion>"
        )
    ],
    "mj-accordion-text": [
        _column(
            "<mj-accordion><mj-accordion-element><mj-accordion-title>Q</mj-accordion-title>"
            "<mj-accordion-text @>A</mj-accordion-text></mj-accordion-element></mj-accordion>"
        )
    ],
    "mj-carousel": [
        _column(f"<mj-carousel{more} @>{_PICTURES}</mj-carousel>") for more in ("", " thumbnails='supported'")
    ],
    "mj-carousel-image": [
        _column(f"<mj-carousel><mj-carousel-image src='https://a.example/1.png'{more} @/>{_PICTURES}</mj-carousel>")
        for more in ("", " href='https://a.example'")
    ],
    "mj-font": [
        _headed("<mj-font name='A' href='https://a.example/f.css' @/>", "<mj-text font-family='A'>Hi</mj-text>"),
    ],
    "mj-breakpoint": [_headed("<mj-breakpoint @/>", TEXT)],
    "mj-raw": [_body(f"<mj-raw @><p>x</p></mj-raw>{SECTION}")],
    "mj-style": [_headed("<mj-style @>.a div{color:red}</mj-style>", "<mj-text css-class='a'>Hi</mj-text>")],
}
"""Where each tag is tried: ``@`` stands for the attribute."""


def values(name: str, kind: str) -> list[str]:
    """Valid values of an attribute, that no tag has by itself."""
    if kind.startswith("enum("):
        return [value for value in kind[5:-1].split(",") if value]
    if kind.startswith("unit"):
        units = re.search(r"\((.*?)\)", kind)
        found = [UNIT[unit] for unit in (units[1] if units else "px").split(",")]
        return [*found, SIDES] if "{1,4}" in kind else found
    if kind == "color":
        return ["#0a0b0c"]
    if kind == "boolean":
        return ["true", "false"]
    if kind == "integer":
        return ["4"]
    if name in STRINGS:
        return [STRINGS[name]]
    if name.endswith("radius"):
        return ["19px"]
    if "border" in name:
        return ["3px dashed #0a0b0c"]
    if name.endswith("alt"):
        return ["Words"]
    if name.endswith(("src", "url", "href", "icon")):
        return ["https://a.example/other.png"]
    return ["&#9776;"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One attribute with one value, in one place."""

    tag: str
    name: str
    value: str
    place: int

    @property
    def bare(self) -> str:
        """The source without it."""
        return PLACES[self.tag][self.place].replace(" @", "")

    @property
    def source(self) -> str:
        """The source with it; it wins over what the place says of the same attribute."""
        place = PLACES[self.tag][self.place]
        head, tail = place.split(" @")
        at = head.rindex(f"<{self.tag}")
        opened = re.sub(rf" {self.name}='[^']*'", "", head[at:])
        return f'{head[:at]}{opened} {self.name}="{self.value}"{tail}'

    def __str__(self) -> str:
        return f"{self.tag} {self.name}={self.value} ({self.place})"


@cache
def allowed() -> dict[str, dict[str, str]]:
    """By tag and attribute, what kind of value npm ``mjml`` takes."""
    from config import assets

    return json.loads(assets.node([str(HERE / "allowed.mjs")]))


def trials() -> Iterator[Trial]:
    """Every attribute of every tag, with every kind of value, in every place."""
    for tag, attributes in allowed().items():
        for name, kind in {**attributes, **({"css-class": "string"} if tag.startswith("mj-") else {})}.items():
            for place in range(len(PLACES.get(tag, ()))):
                for value in ["ours"] if name == "css-class" else values(name, kind):
                    yield Trial(tag, name, value, place)


_RANDOM = re.compile(r"(?<=mj-carousel-)[0-9a-f]{8,16}|(?<=-)[0-9a-f]{16}|[0-9a-f]{16}|(?<=radio-)[0-9a-f]{8}|menu-1")
_CONDITION = re.compile(
    r"<!--\[if [^\]]*\]><!-->|<!--<!\[endif\]-->|<!--\[if [^\]]*\]>(?:<!-->)?|<!\[endif\]-->|<!-- -->"
)


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    # mjml rounds where mrml does not.
    text = re.sub(r"\d+\.\d+", lambda found: str(int(float(found[0]) + 0.5)), text)
    return re.sub(r" ?([:;,{}]) ?", r"\1", text).strip("; ").replace('"', "'")


@cache
def read(html: str) -> Counter[str]:
    """What `html` consists of: a line per attribute, declaration and text; what only Outlook reads too."""
    soup = BeautifulSoup(_CONDITION.sub("", _RANDOM.sub("#", html)), "html.parser")
    found: Counter[str] = Counter()
    for tag in soup.find_all(["style", "script"]):
        sheet = re.sub(r"/\*.*?\*/", "", tag.get_text(), flags=re.DOTALL)
        for selector, declarations in re.findall(r"([^{}]*)\{([^{}]*)\}", sheet):
            at, _brace, own = selector.rpartition("{")
            for one in filter(None, map(_tidy, declarations.split(";"))):
                found[f"{_tidy(at + own)} {{{one}}}"] += 1
        for query in re.findall(r"@media [^{]*", sheet):
            found[_tidy(query)] += 1
        tag.decompose()
    for tag in soup.find_all(True):
        for attribute, value in tag.attrs.items():
            words = value if isinstance(value, list) else [value]
            if attribute == "style":
                words = str(value).split(";")
            for word in filter(None, map(_tidy, words)):
                found[f"<{tag.name} {attribute}> {word}"] += 1
    for text in soup.find_all(string=True):
        if words := text.strip():
            found[_tidy(words)] += 1
    return found


NOTHING_TO_SEE = re.compile(
    r"[+-] <(?:td vertical-align> .*"  # is no attribute of HTML
    r"|(?:td|div) style> background-color:transparent"
    r"|img style> border:0)"  # what the head says of every picture
)
"""What may stand in one result and not in the other."""

ELSEWHERE = {
    ("mj-style", "inline", 0): "every sheet is moved by cms.inlining, and stays",
    ("mj-raw", "position", 0): "refused",
    # Without a padding a column has no table inside that could be round.
    ("mj-column", "inner-border-radius", 0): "mjml writes a declaration that shows nothing",
    ("mj-column", "inner-border-radius", 2): "mjml writes a declaration that shows nothing",
    ("mj-column", "inner-border-radius", 3): "mjml writes a declaration that shows nothing",
    ("mj-column", "inner-border-radius", 4): "mjml writes a declaration that shows nothing",
}
"""Attributes whose change is another at a place, and why."""


def added(bare: str, html: str) -> frozenset[str]:
    """What is in `html` beyond `bare`, and how much less."""
    if bare == html:
        return frozenset()
    before, after = read(bare), read(html)
    lines = [*(f"+ {line}" for line in after - before), *(f"- {line}" for line in before - after)]
    return frozenset(re.sub(r"( width> \d+)px", r"\1", line) for line in lines if not NOTHING_TO_SEE.fullmatch(line))


def ours(source: str) -> tuple[str, tuple[str, ...]]:
    """Our HTML, and what was told; a refusal is told too."""
    from cms import mjml
    from core.errors import Invalid

    try:
        made = mjml.render(source)
    except Invalid as error:
        return "", (error.message,)
    return made.html, made.notes


def differences(every: Sequence[Trial]) -> Iterator[tuple[Trial, frozenset[str], frozenset[str]]]:
    """Each trial that changes another thing with us than in mjml, without a word: what mjml's has more, and what ours."""
    from tests import looks

    sources = sorted({one.source for one in every} | {one.bare for one in every})
    theirs = looks.by_mjml({source: source for source in sources})
    made = {source: ours(source) for source in sources}
    for one in every:
        html, notes = made[one.source]
        if any(one.name in note and f"<{one.tag}>" in note for note in notes):
            continue
        their = added(theirs[one.bare]["html"], theirs[one.source]["html"])
        our = added(made[one.bare][0], html)
        if their != our and (one.tag, one.name, one.place) not in ELSEWHERE:
            yield one, their - our, our - their


def main() -> int:
    """Print what differs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    import django

    django.setup()
    every = list(trials())
    found = list(differences(every))
    for one, their, our in found:
        print(one)
        for line in sorted(their):
            print("    mjml", line[:150])
        for line in sorted(our):
            print("    ours", line[:150])
    print(f"{len(every)} trials, {len(found)} otherwise")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
