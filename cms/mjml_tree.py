"""MJML as a tree that knows its lines: what stands where it may, and what authors wrote as HTML, untouched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from html.parser import HTMLParser

from django.utils.translation import gettext as _

from cms.mjml_names import CHILDREN, HOLDS_PLACES, TAGS, WORDED
from core.errors import Invalid

MAX_DEPTH = 30
"""MJML knows nine levels."""
_KEPT_COMMENT = re.compile(r"almanac-place-\d+x|\s*\[if\b|\s*<!\[endif\]")


@dataclass(slots=True)
class Node:
    """One tag of the source. `words` is the content of a tag that holds HTML or text; `kept` a comment that must stay."""

    tag: str
    line: int
    attributes: dict[str, str]
    children: list["Node"] = field(default_factory=list)
    words: str = ""
    words_line: int = 0
    kept: str = ""
    outlook_width: float = 0
    phone_width: str = ""

    def walk(self) -> Iterator["Node"]:
        """This tag and all in it, in the order of the source."""
        yield self
        for child in self.children:
            yield from child.walk()


class _Reader(HTMLParser):
    def __init__(self, source: str, notes: list[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.source, self.notes = source, notes
        self.starts = [0, *(match.end() for match in re.finditer("\n", source))]
        self.root: Node | None = None
        self.open: list[Node] = []
        self.depth = 0
        """How often the tag whose words are being read was opened inside itself."""
        self.words_from = 0

    @property
    def worded(self) -> bool:
        return bool(self.open) and self.open[-1].tag in WORDED

    def at(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.worded:
            self.depth += tag == self.open[-1].tag
            return
        node = self.begin(tag, attrs)
        self.open.append(node)
        if tag in WORDED:
            self.depth = 1
            self.words_from = self.at() + len(self.get_starttag_text() or "")
            node.words_line = self.source.count("\n", 0, self.words_from) + 1
        elif len(self.open) > MAX_DEPTH:
            raise Invalid(_("Line %(line)s: the tags are nested too deeply.") % {"line": node.line})

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.worded:
            self.begin(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.worded:
            self.depth -= tag == self.open[-1].tag
            if not self.depth:
                words = self.source[self.words_from : self.at()]
                node = self.open.pop()
                node.words = words.strip()
                node.words_line += words[: len(words) - len(words.lstrip())].count("\n")
            return
        line = self.getpos()[0]
        if not self.open:
            raise Invalid(_("Line %(line)s: </%(tag)s> closes nothing.") % {"line": line, "tag": tag})
        expected = self.open.pop()
        if expected.tag != tag:
            raise Invalid(
                _("Line %(line)s: </%(tag)s> stands where <%(open)s> of line %(at)s has to be closed.")
                % {"line": line, "tag": tag, "open": expected.tag, "at": expected.line}
            )

    def handle_comment(self, data: str) -> None:
        if not self.worded and self.open and _KEPT_COMMENT.match(data):
            self.keep(f"<!--{data}-->", _("a condition"))

    def unknown_decl(self, data: str) -> None:
        if not self.worded and self.open:
            self.keep(f"<![{data}]>", _("a condition"))

    def handle_decl(self, decl: str) -> None:
        return

    def handle_pi(self, data: str) -> None:
        return

    def handle_data(self, data: str) -> None:
        if not self.worded and data.strip():
            where = {"line": self.getpos()[0] + len(data) - len(data.lstrip("\n")), "text": data.strip()[:40]}
            if re.search(r"almanac-place-\d+x", data):
                raise Invalid(_("Line %(line)s: a field stands between the tags. Put it into <mj-text>.") % where)
            self.notes.append(
                _("Line %(line)s: “%(text)s” stands between the tags and is not shown. Put it into <mj-text>.") % where
            )

    def keep(self, comment: str, what: str) -> None:
        parent = self.open[-1]
        line = self.getpos()[0]
        if parent.tag not in HOLDS_PLACES and "almanac-place" not in comment:
            return  # a hint for Outlook where nothing of ours could be hidden
        _may_stand(parent.tag, line, what)
        parent.children.append(Node("", line, {}, kept=comment))

    def begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> Node:
        line = self.getpos()[0]
        parent = self.open[-1] if self.open else None
        _check_tag(tag, parent.tag if parent else "", line)
        # Of two attributes with one name the first counts, as in HTML.
        node = Node(tag, line, {name: value or "" for name, value in reversed(attrs)})
        names = [name for name, _value in attrs]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.notes.append(
                _("Line %(line)s: <%(tag)s> has “%(name)s” twice; the first counts.")
                % {"line": line, "tag": tag, "name": name}
            )
        if parent is not None:
            parent.children.append(node)
        elif self.root is None:
            self.root = node
        return node


def _may_stand(parent: str, line: int, what: str) -> None:
    if parent not in HOLDS_PLACES:
        raise Invalid(
            _(
                "Line %(line)s: %(what)s cannot stand directly inside <%(parent)s>. Put it around the whole or into a text."
            )
            % {"line": line, "what": what, "parent": parent}
        )


def _check_tag(tag: str, parent: str, line: int) -> None:
    where = {"line": line, "tag": tag, "parent": parent or "…"}
    if tag == "mj-include":
        raise Invalid(_("Line %(line)s: <mj-include> is not available. Paste its content here.") % where)
    if tag == "mj-html-attributes":
        raise Invalid(_("Line %(line)s: <%(tag)s> is not available. Write the attributes at their tags.") % where)
    is_mjml = tag == "mjml" or tag.startswith("mj-")
    if is_mjml and tag not in TAGS:
        close = get_close_matches(tag, TAGS, n=1)
        hint = _(" Did you mean <%(tag)s>?") % {"tag": close[0]} if close else ""
        raise Invalid(_("Line %(line)s: MJML has no tag <%(tag)s>.") % where + hint)
    if not is_mjml:
        raise Invalid(
            _("Line %(line)s: <%(tag)s> cannot stand inside <%(parent)s>. Put it into <mj-text> or <mj-raw>.") % where
        )
    if not parent and tag != "mjml":
        raise Invalid(_("An MJML source begins with <mjml> and holds <mj-body>."))
    if parent and tag not in CHILDREN.get(parent, frozenset()):
        raise Invalid(_("Line %(line)s: <%(tag)s> cannot stand inside <%(parent)s>.") % where)
    if tag == "mj-raw" and parent not in HOLDS_PLACES | {"mj-head"}:
        raise Invalid(_("Line %(line)s: <mj-raw> inside <%(parent)s> is not available. Move it out.") % where)


def read(source: str, notes: list[str]) -> Node:
    """The tree of `source`; raises `Invalid` with line and tag for tags that are not MJML or not where MJML has them."""
    reader = _Reader(source, notes)
    reader.feed(source)
    reader.close()
    if reader.open:
        last = reader.open[-1]
        raise Invalid(_("Line %(line)s: <%(tag)s> is not closed.") % {"line": last.line, "tag": last.tag})
    root = reader.root
    if root is None or not any(child.tag == "mj-body" for child in root.children):
        raise Invalid(_("An MJML source begins with <mjml> and holds <mj-body>."))
    return root
