"""MJML: read with its lines, brought to the plain form that mrml renders as npm ``mjml`` would, and rendered.

mrml is not mjml. Of two classes it lets the first win, it drops attributes without a word, and it reads the HTML inside a tag
as if it were XML. So nothing is left to it but the frame: attributes are resolved here as mjml does it
(``mj-all`` < what a parent hands on < the tag's default < ``mj-class`` < a class's default for the tag < the tag's own), what
authors wrote as HTML is kept apart and put back as it was, and what mrml cannot render is done here or told with its line.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from html.parser import HTMLParser
from xml.sax.saxutils import quoteattr

import mrml
from django.utils.translation import gettext as _

from cms import markup
from cms.mjml_names import (
    ATTRIBUTES,
    CHILDREN,
    EVERYWHERE,
    HOLDS_PLACES,
    PASSED_ON,
    TAGS,
    VERBATIM,
    WORDED,
)
from cms.mjml_widths import fit_pictures
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

    def walk(self) -> Iterator["Node"]:
        """This tag and all in it, in the order of the source."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Rendered:
    """HTML, and what was left out or done otherwise, a sentence each with its line."""

    html: str
    notes: tuple[str, ...] = ()


def render(source: str) -> Rendered:
    """Render `source`; raises `Invalid`, naming line and tag, for what cannot be rendered as MJML means it."""
    markup.check_size(source)
    notes: list[str] = []
    made = markup.through(markup.unix_lines(source), lambda hidden: _Renderer(read(hidden, notes), notes).html())
    return Rendered(made, tuple(notes))


def written(source: str) -> Iterator[tuple[str, int]]:
    """What authors wrote in `source` as HTML, piece by piece, and the line each begins in; addresses as links."""
    places = markup.Places(markup.unix_lines(source))
    for node in read(places.hidden, []).walk():
        if node.tag in WORDED - {"mj-style", "mj-title", "mj-preview", "mj-breakpoint"}:
            yield places.restore(node.words), node.words_line
        for name in ("href", "src", "background-url", "thumbnails-src"):
            if address := node.attributes.get(name):
                tag, attribute = ("a", "href") if name == "href" else ("img", "src")
                if node.tag != "mj-font" and not node.attributes.get("name"):
                    yield f'<{tag} {attribute}="{html.escape(places.restore(address))}">', node.line


# --- Reading ---------------------------------------------------------------------------------------------------------


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


# --- Attributes ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Defaults:
    """What ``mj-attributes`` says."""

    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    classes: dict[str, dict[str, str]] = field(default_factory=dict)
    in_class: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """Of a class's name and a tag inside whatever has the class."""

    def learn(self, node: Node) -> None:
        if node.tag != "mj-class":
            self.tags.setdefault(node.tag, {}).update(node.attributes)
            return
        name = node.attributes.get("name", "")
        values = {key: value for key, value in node.attributes.items() if key != "name"}
        self.classes.setdefault(name, {}).update(values)
        for child in node.children:
            self.in_class[name, child.tag] = dict(child.attributes)


def _of_classes(defaults: _Defaults, names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        values = defaults.classes.get(name, {})
        joined = " ".join(filter(None, (found.get("css-class"), values.get("css-class"))))
        found |= {**values, **({"css-class": joined} if joined else {})}
    return found


def _resolve(node: Node, defaults: _Defaults, passed: Mapping[str, str], parents_class: str, notes: list[str]) -> None:
    """Write into `node` and all in it what each tag's attributes are in the end."""
    written = node.attributes
    own_class = written.get("mj-class")
    unknown = [name for name in (own_class or "").split() if name not in defaults.classes]
    notes += [
        _("Line %(line)s: there is no <mj-class name=“%(name)s”>.") % {"line": node.line, "name": name}
        for name in unknown
        if not any(known == name for known, _tag in defaults.in_class)
    ]
    from_class: dict[str, str] = {}
    for name in parents_class.split():
        from_class |= defaults.in_class.get((name, node.tag), {})
    known = ATTRIBUTES.get(node.tag, frozenset()) | EVERYWHERE
    everyone = {name: value for name, value in defaults.tags.get("mj-all", {}).items() if name in known}
    node.attributes = {
        **everyone,
        **passed,
        **defaults.tags.get(node.tag, {}),
        **_of_classes(defaults, (own_class or "").split()),
        **from_class,
        **written,
    }
    node.attributes.pop("mj-class", None)
    _tell_unknown(node, written, notes)
    node.attributes = {name: value for name, value in node.attributes.items() if name in known}
    on = {name: node.attributes[name] for name in PASSED_ON.get(node.tag, frozenset()) if name in node.attributes}
    if node.tag == "mj-social" and "inner-padding" in node.attributes:
        on["padding"] = node.attributes["inner-padding"]
    below = parents_class if own_class is None else own_class
    for child in node.children:
        if child.tag:
            taken = {name: value for name, value in on.items() if name in ATTRIBUTES.get(child.tag, frozenset())}
            _resolve(child, defaults, taken, below, notes)


def _tell_unknown(node: Node, written: Mapping[str, str], notes: list[str]) -> None:
    known = ATTRIBUTES.get(node.tag, frozenset()) | EVERYWHERE
    for name in written:
        if name in known or name.startswith("xmlns"):
            continue
        close = get_close_matches(name, known, n=1)
        hint = _(" Did you mean “%(name)s”?") % {"name": close[0]} if close else ""
        notes.append(
            _("Line %(line)s: <%(tag)s> has no attribute “%(name)s”; it is left out.")
            % {"line": node.line, "tag": node.tag, "name": name}
            + hint
        )


# --- Rendering -------------------------------------------------------------------------------------------------------


class _Renderer:
    """Writes the resolved tree for mrml, and puts back what mrml was not to see."""

    def __init__(self, root: Node, notes: list[str]) -> None:
        self.root, self.notes = root, notes
        self.kept: list[str] = []
        self.spans: list[tuple[int, Node]] = []
        self.sizes: dict[str, str] = {}
        self.gaps: dict[str, str] = {}
        self.length = 0

    def html(self) -> str:
        heads = [child for child in self.root.children if child.tag == "mj-head"]
        body = next(child for child in self.root.children if child.tag == "mj-body")
        defaults = _Defaults()
        for head in heads:
            for node in head.children:
                for one in node.children if node.tag == "mj-attributes" else ():
                    self.tell_defaults(one)
                    defaults.learn(one)
        _resolve(body, defaults, {}, "", self.notes)
        self.check(body)
        fit_pictures(body)
        source = "".join([*self.wrapped("<mjml>"), *self.head(heads), *self.write(body), *self.wrapped("</mjml>")])
        try:
            made = mrml.to_html(source, render_options=mrml.RenderOptions(fonts={})).content
        except OSError as error:
            raise self.located(error) from error
        return self.restored(made)

    def tell_defaults(self, node: Node) -> None:
        if node.tag == "mj-all":
            known = frozenset().union(*ATTRIBUTES.values()) | EVERYWHERE
        else:
            known = ATTRIBUTES.get(node.tag, frozenset()) | EVERYWHERE
        if node.tag != "mj-class":
            for name in sorted(set(node.attributes) - known):
                self.notes.append(
                    _("Line %(line)s: <%(tag)s> has no attribute “%(name)s”; it is left out.")
                    % {"line": node.line, "tag": node.tag, "name": name}
                )
        for child in node.children:
            self.tell_defaults(child)

    def check(self, body: Node) -> None:
        """What authors wrote as HTML holds nothing that does not belong in an e-mail."""
        for node in body.walk():
            if node.words:
                markup.check_html(node.words, node.words_line)
            for name in VERBATIM & node.attributes.keys():
                if name not in {"alt", "title", "srcset", "sizes", "usemap", "icon-wrapped-alt", "icon-unwrapped-alt"}:
                    markup.check_address(node.attributes[name], node.tag, name, node.line)
        carousels = [node for node in body.walk() if node.tag == "mj-carousel"]
        for node in carousels[1:]:
            raise Invalid(
                _("Line %(line)s: a second <mj-carousel> cannot be rendered; its pictures would answer to the first.")
                % {"line": node.line}
            )

    def wrapped(self, text: str) -> Iterator[str]:
        self.length += len(text.encode())
        yield text

    def hidden(self, text: str) -> str:
        self.kept.append(text)
        return f"almanac-mjml-{len(self.kept) - 1}x"

    def head(self, heads: list[Node]) -> Iterator[str]:
        yield from self.wrapped("<mj-head>")
        for head in heads:
            for node in head.children:
                if node.tag == "mj-attributes":
                    continue
                if node.tag == "mj-raw":
                    markup.check_html(node.words, node.words_line)
                if node.tag == "mj-style" and "almanac-place-" in node.words:
                    raise Invalid(
                        _("Line %(line)s: a field stands inside <%(tag)s>. Move it into the text.")
                        % {"line": node.words_line, "tag": node.tag}
                    )
                # Every style is inlined by us in the end, so that none is read by two.
                node.attributes.pop("inline", None)
                yield from self.write(node)
        yield from self.wrapped("</mj-head>")

    def write(self, node: Node) -> Iterator[str]:
        self.spans.append((self.length, node))
        if not node.tag:
            yield from self.wrapped(f"<!--{self.hidden(node.kept)}-->")
            return
        if node.tag == "mj-raw" and node.attributes.pop("position", ""):
            raise Invalid(_("Line %(line)s: <mj-raw> before the document is not available.") % {"line": node.line})
        self.prepare(node)
        attributes = "".join(
            f" {name}={quoteattr(self.attribute(name, value))}" for name, value in node.attributes.items()
        )
        yield from self.wrapped(f"<{node.tag}{attributes}>")
        if node.words:
            yield from self.wrapped(self.hidden(node.words))
        for child in node.children:
            yield from self.write(child)
        yield from self.wrapped(f"</{node.tag}>")

    def attribute(self, name: str, value: str) -> str:
        if name in VERBATIM:
            return self.hidden(html.escape(value)) if value else value
        # The value ends up in a style attribute, which mail programs read badly with &quot; in it.
        return value.replace('"', "'")

    def prepare(self, node: Node) -> None:
        """What mrml does not do is noted here and done on its result."""
        match node.tag:
            case "mj-image" | "mj-carousel-image" | "mj-social-element":
                node.attributes.setdefault("alt", "")
                if node.attributes.get("fluid-on-mobile") == "false":
                    del node.attributes["fluid-on-mobile"]
                if sizes := node.attributes.pop("sizes", ""):
                    self.sizes[f"almanac-mjml-{len(self.kept)}x"] = sizes
                    # The picture's address is hidden first, so that its name is known.
                    node.attributes = {"src": node.attributes.get("src", ""), **node.attributes}
            case "mj-wrapper":
                for child in node.children:
                    if not child.tag or child.tag == "mj-raw":
                        # mrml writes it where only Outlook reads.
                        child.tag, kept = "", child.kept or child.words
                        child.kept = f"<![endif]-->{kept}<!--[if mso | IE]>"
                gap = node.attributes.pop("gap", "")
                sections = [child for child in node.children if child.tag == "mj-section"]
                for section in sections[1:] if re.fullmatch(r"\d+(\.\d+)?px", gap) else ():
                    name = f"almanac-gap-{len(self.gaps)}x"
                    self.gaps[name] = gap
                    section.attributes["css-class"] = f"{section.attributes.get('css-class', '')} {name}".strip()

    def located(self, error: OSError) -> Invalid:
        reason = str(error)
        position = re.search(r"at position (\d+)", reason)
        offset = int(position[1]) if position else 0
        line, tag = next(
            ((node.line, node.tag) for start, node in reversed(self.spans) if start <= offset and node.tag), (1, "mjml")
        )
        return Invalid(
            _("Line %(line)s: <%(tag)s> cannot be rendered: %(reason)s.")
            % {"line": line, "tag": tag, "reason": reason.split(" in root template")[0][:200]}
        )

    def restored(self, made: str) -> str:
        # mjml's query is one that only Yahoo's reader takes; mrml's, with a comma, hides the arrows of a carousel everywhere.
        made = made.replace("@media screen, yahoo", "@media screen yahoo")
        for name, gap in self.gaps.items():
            made = re.sub(rf'(<div class="[^"]*\b{name}" style="[^"]*)', rf"\1margin-top:{gap};", made)
            made = re.sub(rf'(<table [^>]*class="[^"]*{name}-outlook" style="[^"]*)', rf"\1padding-top:{gap};", made)
            made = re.sub(rf" ?{name}(-outlook)?", "", made)
        for name, sizes in self.sizes.items():
            made = made.replace(f'src="{name}"', f'src="{name}" sizes="{html.escape(sizes)}"')
        made = re.sub(r"<!--almanac-mjml-(\d+)x-->", lambda match: self.kept[int(match[1])], made)
        return re.sub(r"almanac-mjml-(\d+)x", lambda match: self.kept[int(match[1])], made)
