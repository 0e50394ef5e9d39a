"""HTML that people hand in: what is allowed in an e-mail, and its plain text.

Sources are refused, never silently changed: the author is told which tag or attribute is not allowed. A place
``{{ … }}`` or ``{% … %}`` passes through every step as it was written.
"""

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import nh3
from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from django.utils.translation import gettext as _

from core.errors import Invalid

PLACE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
MAX_SOURCE = 500_000
"""Characters of one source. Gmail clips at 102 KB; half a megabyte leaves room and keeps parsers quick."""


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


HTML_TAGS = _names(
    """
    html head body meta title style link xml noscript a abbr address article aside b big blockquote br caption
    center cite code col colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5
    h6 header hr i img ins kbd label li main mark nav ol p picture pre q s samp section small source span strike
    strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr
    """
)
VOID_TAGS = _names("area base br col embed hr img input link meta source track wbr")
URL_ATTRIBUTES = frozenset({"href", "src", "background", "action", "cite", "poster"})
SAFE_URL = re.compile(r"\s*(https?:|mailto:|tel:|sms:|cid:|#|/|\{\{|data:image/(png|gif|jpe?g|webp);)", re.IGNORECASE)
RICH_TAGS = set(_names("a b blockquote br code em h2 h3 h4 hr i li ol p s strong sub sup u ul"))


def _outside_quotes(source: str, start: int) -> bool:
    """Whether `start` stands between tags rather than inside one."""
    return source.rfind("<", 0, start) <= source.rfind(">", 0, start)


class Places:
    """A source with every place hidden in it: `hidden` may be taken apart and put together by tools that know none."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._places: list[str] = []
        self.hidden = PLACE.sub(self._hide, source)

    def _hide(self, match: re.Match[str]) -> str:
        self._places.append(html.unescape(match.group()))
        name = f"almanac-place-{len(self._places) - 1}x"
        if match.group().startswith("{%") and _outside_quotes(self._source, match.start()):
            return f"<!--{name}-->"  # a comment may stand anywhere, even between the rows of a table
        return name

    def _shown(self, match: re.Match[str]) -> str:
        number = int(match[1])
        return self._places[number] if number < len(self._places) else match.group()

    def restore(self, text: str) -> str:
        """`text` with the places back in it."""
        text = re.sub(r"<!--almanac-place-(\d{1,6})x-->", self._shown, text)
        return re.sub(r"almanac-place-(\d{1,6})x", self._shown, text)


def through(source: str, step: Callable[[str], str]) -> str:
    """Apply `step` to `source` with every place hidden from it, and put the places back."""
    places = Places(source)
    return places.restore(step(places.hidden))


def without_places(source: str) -> str:
    """`source` with nothing readable in its places, every character where it was: for checks that name lines."""
    return PLACE.sub(lambda match: match[0][:2] + re.sub(r"[^\n]", "x", match[0][2:-2]) + match[0][-2:], source)


def literal(text: str) -> str:
    """`text` for a template source, saying just what it says: braces that would open a place are set apart."""
    return re.sub(r"\{(?=[{%#])", "{\u200b", text)


def without_comments(source: str) -> str:
    """HTML in which a style rule such as ``@media print{#a{…}}`` does not open a comment of the template language."""
    return source.replace("{#", "{ #")


TAG = re.compile(
    r"""<!--.*?(?:-->|\Z)|<(?P<raw>style|title|textarea|xmp)\b(?P<rest>(?:[^>"']|"[^"]*"|'[^']*')*+)>(?P<inside>.*?)</(?P=raw)\s*>"""
    r"""|<(?P<name>[a-zA-Z][^\s/>]*+)(?P<attributes>(?:[^>"']|"[^"]*"|'[^']*')*+)>""",
    re.DOTALL | re.IGNORECASE,
)
"""A comment, an element that holds no tags, or a start tag: what is rewritten is found by this."""


class _HtmlWalker(HTMLParser):
    """Walks HTML tags and refuses what has no business in an e-mail. `first_line` is where the source begins."""

    def __init__(self, source: str, first_line: int) -> None:
        super().__init__(convert_charrefs=True)
        self.first_line = first_line
        self.starts = [0, *(match.end() for match in re.finditer("\n", source))]
        self.rewritten = {match.start(): match for match in TAG.finditer(source)}

    def line(self) -> int:
        return self.getpos()[0] + self.first_line - 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        where = {"line": self.line(), "tag": tag}
        if tag not in HTML_TAGS and not re.fullmatch(r"[ovw]:[a-z]+", tag):
            raise Invalid(_("Line %(line)s: <%(tag)s> is not allowed in an e-mail. Take it out.") % where)
        found = self.rewritten.get(self.starts[line - 1] + column)
        if found is None or len(found.group()) < len(self.get_starttag_text() or ""):
            raise Invalid(_("Line %(line)s: <%(tag)s> cannot be read: a quotation mark or a > is missing.") % where)
        for name, value in attrs:
            self.check_attribute(tag, name, value or "", where)
        if tag == "meta" and any(name == "http-equiv" and (value or "").lower() == "refresh" for name, value in attrs):
            raise Invalid(_("Line %(line)s: <%(tag)s> must not send the reader elsewhere. Take it out.") % where)
        if found["inside"] and PLACE.search(found["inside"]) and tag == "style":
            raise Invalid(_("Line %(line)s: a field stands inside <%(tag)s>. Move it into the text.") % where)

    def check_attribute(self, tag: str, name: str, value: str, where: dict[str, Any]) -> None:
        if name.startswith("on") or name in {"srcdoc", "formaction"}:
            raise Invalid(
                _("Line %(line)s: <%(tag)s> has “%(name)s”, which would run a script. Take it out.")
                % {**where, "name": name}
            )
        if name in URL_ATTRIBUTES:
            check_address(value, tag, name, where["line"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def check_address(value: str, tag: str, name: str, line: int) -> None:
    """Raise `Invalid` when `value`, of attribute `name`, is an address that could run something."""
    if value and not SAFE_URL.match(value) and ":" in value.split("/")[0]:
        raise Invalid(
            _("Line %(line)s: the address in “%(name)s” of <%(tag)s> must begin with https://.")
            % {"line": line, "name": name, "tag": tag}
        )


def check_html(source: str, first_line: int = 1) -> None:
    """Raise `Invalid`, naming line and tag, when `source` holds scripts, forms, frames or unsafe addresses."""
    check_size(source)
    source = without_places(source)
    rest = TAG.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)
    if unclosed := re.search(r"<([a-zA-Z][^\s/>]*)", rest):
        line = source.count("\n", 0, unclosed.start()) + first_line
        raise Invalid(
            _("Line %(line)s: <%(tag)s> cannot be read: a quotation mark or a > is missing.")
            % {"line": line, "tag": unclosed[1][:20]}
        )
    walker = _HtmlWalker(source, first_line)
    walker.feed(source)
    walker.close()


def check_size(source: str) -> None:
    """Raise `Invalid` when `source` is larger than `MAX_SOURCE`."""
    if len(source) > MAX_SOURCE:
        raise Invalid(
            _("The source has %(size)s characters; at most %(limit)s are taken.")
            % {"size": len(source), "limit": MAX_SOURCE}
        )


def unix_lines(source: str) -> str:
    """`source` with the line ends of Unix: a browser's form sends others, which mrml does not read everywhere."""
    return source.replace("\r\n", "\n").replace("\r", "\n")


def clean_rich_text(source: str) -> str:
    """What an editor wrote in a rich text field, as the few tags a mail program shows alike everywhere."""
    return through(source, lambda hidden: nh3.clean(hidden, tags=RICH_TAGS, attributes={"a": {"href"}}, link_rel=None))


_BLOCKS = frozenset({"p", "div", "table", "tr", "h1", "h2", "h3", "h4", "ul", "ol", "blockquote", "section", "article"})


def html_to_text(source: str) -> str:
    """The plain-text alternative of an e-mail: paragraphs, list marks, and each link's address after its words."""
    return through(source, _to_text)


def _to_text(source: str) -> str:
    soup = BeautifulSoup(source, "html.parser")
    for tag in soup.find_all(["style", "title", "head", "noscript"]):
        tag.decompose()
    for hidden in soup.find_all(_is_hidden):
        hidden.decompose()
    lines = re.sub(r"[ \t\xa0]+", " ", _text_of(soup.body or soup)).split("\n")
    text = "\n".join(line.strip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _is_hidden(tag: Tag) -> bool:
    style = str(tag.get("style", "")).replace(" ", "").lower()
    return "display:none" in style or tag.get("aria-hidden") == "true"


def _text_of(node: Tag) -> str:
    pieces: list[str] = []
    for child in node.children:
        if isinstance(child, Comment):
            pieces.append(f"<!--{child}-->" if str(child).startswith("almanac-place-") else "")
        elif isinstance(child, NavigableString):
            pieces.append(re.sub(r"\s+", " ", str(child)))
        elif isinstance(child, Tag):
            pieces.append(_text_of_tag(child))
    return "".join(pieces)


def _described(tag: Tag) -> str:
    return re.sub(r"\s+", " ", str(tag.get("alt", ""))).strip()


def _text_of_tag(tag: Tag) -> str:
    inner = _text_of(tag)
    match tag.name:
        case "br":
            return "\n"
        case "hr":
            return "\n\n--\n\n"
        case "li":
            return f"\n- {inner.strip()}"
        case "a":
            address = str(tag.get("href", ""))
            words = inner.strip()
            if not address or address.startswith("#"):
                return inner
            return address if words in {"", address} else f"{words}: {address}"
        case "area" if tag.get("href"):
            return f"\n{_described(tag)}: {tag['href']}\n" if _described(tag) else f"\n{tag['href']}\n"
        case "img":
            # A picture says its words only where it leads somewhere: else the text tells the same without it.
            return _described(tag) if tag.find_parent("a") else ""
        case name if name in _BLOCKS:
            return f"\n\n{inner.strip()}\n\n" if name != "tr" else f"\n{inner.strip()}\n"
        case _:
            return inner
