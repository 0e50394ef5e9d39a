"""HTML and MJML that people hand in: what is allowed in an e-mail, and how it becomes what a mail program shows.

Sources are refused, never silently changed: the author is told which tag or attribute is not allowed. A place
``{{ … }}`` or ``{% … %}`` passes through every step as it was written.
"""

import html
import re
from collections.abc import Callable
from difflib import get_close_matches
from html.parser import HTMLParser

import css_inline
import mrml
import nh3
from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from django.utils.translation import gettext as _

from core.errors import Invalid

PLACE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
MAX_SOURCE = 500_000
"""Characters of one source. Gmail clips at 102 KB; half a megabyte leaves room and keeps parsers quick."""


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


STRUCTURE = _names(
    """
    mjml mj-head mj-attributes mj-body mj-wrapper mj-section mj-column mj-group mj-hero mj-accordion
    mj-accordion-element mj-carousel mj-navbar mj-social
    """
)
"""MJML tags that may only hold MJML tags."""

MJML_TAGS = STRUCTURE | _names(
    """
    mj-all mj-class mj-breakpoint mj-font mj-preview mj-style mj-title mj-accordion-title mj-accordion-text
    mj-button mj-carousel-image mj-divider mj-image mj-navbar-link mj-raw mj-social-element mj-spacer mj-table
    mj-text
    """
)
"""What MJML 4 knows and mrml renders; ``mj-include`` is missing on purpose, because it reads files."""

HTML_TAGS = _names(
    """
    html head body meta title style link xml noscript a abbr address article aside b big blockquote br caption
    center cite code col colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5
    h6 header hr i img ins kbd label li main mark nav ol p picture pre q s samp section small source span strike
    strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr
    """
)
URL_ATTRIBUTES = frozenset({"href", "src", "background", "action", "cite", "poster"})
SAFE_URL = re.compile(r"\s*(https?:|mailto:|tel:|sms:|cid:|#|/|\{\{|data:image/(png|gif|jpe?g|webp);)", re.IGNORECASE)
RICH_TAGS = set(_names("a b blockquote br code em h2 h3 h4 hr i li ol p s strong sub sup u ul"))


def _outside_quotes(source: str, start: int) -> bool:
    """Whether `start` stands between tags rather than inside one."""
    return source.rfind("<", 0, start) <= source.rfind(">", 0, start)


def through(source: str, step: Callable[[str], str]) -> str:
    """Apply `step` to `source` with every place hidden from it, and put the places back."""
    places: list[str] = []

    def hide(match: re.Match[str]) -> str:
        places.append(html.unescape(match.group()))
        name = f"almanac-place-{len(places) - 1}x"
        if match.group().startswith("{%") and _outside_quotes(source, match.start()):
            return f"<!--{name}-->"  # a comment may stand anywhere, even between the rows of a table
        return name

    done = step(PLACE.sub(hide, source))
    done = re.sub(r"<!--almanac-place-(\d+)x-->", lambda match: places[int(match[1])], done)
    return re.sub(r"almanac-place-(\d+)x", lambda match: places[int(match[1])], done)


def literal(text: str) -> str:
    """`text` for a template source, saying just what it says: braces that would open a place are set apart."""
    return re.sub(r"\{(?=[{%#])", "{\u200b", text)


def without_comments(source: str) -> str:
    """HTML in which a style rule such as ``@media print{#a{…}}`` does not open a comment of the template language."""
    return source.replace("{#", "{ #")


class _MjmlWalker(HTMLParser):
    """Walks MJML tags and refuses what mrml would silently take for HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check(tag)
        self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.stack:
            while self.stack.pop() != tag:
                pass

    def _check(self, tag: str) -> None:
        line = self.getpos()[0]
        self.seen.add(tag)
        if tag == "mj-include":
            raise Invalid(_("Line %(line)s: <mj-include> is not available. Paste its content here.") % {"line": line})
        is_mjml = tag == "mjml" or tag.startswith("mj-")
        if is_mjml and tag not in MJML_TAGS:
            close = get_close_matches(tag, MJML_TAGS, n=1)
            hint = _(" Did you mean <%(tag)s>?") % {"tag": close[0]} if close else ""
            raise Invalid(_("Line %(line)s: MJML has no tag <%(tag)s>.") % {"line": line, "tag": tag} + hint)
        if not is_mjml and (not self.stack or self.stack[-1] in STRUCTURE):
            parent = self.stack[-1] if self.stack else "…"
            raise Invalid(
                _("Line %(line)s: <%(tag)s> cannot stand inside <%(parent)s>. Put it into <mj-text> or <mj-raw>.")
                % {"line": line, "tag": tag, "parent": parent}
            )


def mjml_to_html(source: str, lang: str = "") -> str:
    """Render MJML; raises `Invalid` for unknown tags, tags in the wrong place, and markup that is not well formed."""
    _check_size(source)
    walker = _MjmlWalker()
    walker.feed(PLACE.sub("", source))
    walker.close()
    if not {"mjml", "mj-body"} <= walker.seen:
        raise Invalid(_("An MJML source begins with <mjml> and holds <mj-body>."))
    options = mrml.RenderOptions(fonts={})
    try:
        return through(source, lambda hidden: mrml.to_html(hidden, render_options=options).content)
    except OSError as error:
        raise Invalid(_("The MJML cannot be read: %(reason)s.") % {"reason": str(error)[:200]}) from error


class _HtmlWalker(HTMLParser):
    """Walks HTML tags and refuses what has no business in an e-mail."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        where = {"line": self.getpos()[0], "tag": tag}
        if tag not in HTML_TAGS and not re.fullmatch(r"[ovw]:[a-z]+", tag):
            raise Invalid(_("Line %(line)s: <%(tag)s> is not allowed in an e-mail. Take it out.") % where)
        for name, value in attrs:
            where["name"] = name
            if name.startswith("on") or name in {"srcdoc", "formaction"}:
                raise Invalid(
                    _("Line %(line)s: <%(tag)s> has “%(name)s”, which would run a script. Take it out.") % where
                )
            if name in URL_ATTRIBUTES and value and not SAFE_URL.match(value) and ":" in value.split("/")[0]:
                raise Invalid(
                    _("Line %(line)s: the address in “%(name)s” of <%(tag)s> must begin with https://.") % where
                )
        if tag == "meta" and any(name == "http-equiv" and (value or "").lower() == "refresh" for name, value in attrs):
            raise Invalid(_("Line %(line)s: <%(tag)s> must not send the reader elsewhere. Take it out.") % where)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def check_html(source: str) -> None:
    """Raise `Invalid`, naming line and tag, when `source` holds scripts, forms, frames or unsafe addresses."""
    _check_size(source)
    walker = _HtmlWalker(convert_charrefs=True)
    walker.feed(source)
    walker.close()


def _check_size(source: str) -> None:
    if len(source) > MAX_SOURCE:
        raise Invalid(
            _("The source has %(size)s characters; at most %(limit)s are taken.")
            % {"size": len(source), "limit": MAX_SOURCE}
        )


def inline_styles(source: str) -> str:
    """Move style rules to the elements they are for (mail programs drop style sheets); media queries stay."""
    if "<style" not in source.lower():
        return source
    # An inline style of the author wins over a rule, as in a browser; no style sheet is ever fetched.
    inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)
    return through(source, inliner.inline)


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
            if not words or not address or address.startswith("#"):
                return inner
            return words if words == address else f"{words}: {address}"
        case name if name in _BLOCKS:
            return f"\n\n{inner.strip()}\n\n" if name != "tr" else f"\n{inner.strip()}\n"
        case _:
            return inner
