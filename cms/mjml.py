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
from functools import lru_cache
from xml.sax.saxutils import quoteattr

import mrml
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cms import markup
from cms.mjml_mends import Mends
from cms.mjml_names import ATTRIBUTES, EVERYWHERE, PASSED_ON, VERBATIM, WORDED
from cms.mjml_tree import Node, read
from cms.mjml_widths import fit
from core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Rendered:
    """HTML, and what was left out or done otherwise, a sentence each with its line."""

    html: str
    notes: tuple[str, ...] = ()


def render(source: str) -> Rendered:
    """Render `source`; raises `Invalid`, naming line and tag, for what cannot be rendered as MJML means it."""
    markup.check_size(source)
    return _rendered(source, get_language() or "")


@lru_cache(maxsize=8)
def _rendered(source: str, _language: str) -> Rendered:
    # A save, its preview and its advice ask for the same one after another; notes are sentences in a language.
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
        self.mends = Mends(notes)
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
        fit(body)
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
        riders = self.mends.prepare(node)
        attributes = "".join(
            f" {name}={quoteattr(self.attribute(name, value, riders.get(name, '')))}"
            for name, value in node.attributes.items()
        )
        yield from self.wrapped(f"<{node.tag}{attributes}>")
        if node.words:
            yield from self.wrapped(self.hidden(node.words))
        for child in node.children:
            yield from self.write(child)
        yield from self.wrapped(f"</{node.tag}>")

    def attribute(self, name: str, value: str, rider: str) -> str:
        if name in VERBATIM or rider:
            return self.hidden(html.escape(value) + rider) if value or rider else value
        # The value ends up in a style attribute, which mail programs read badly with &quot; in it.
        return value.replace('"', "'")

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
        made = self.mends.restored(made)
        made = re.sub(r"<!--almanac-mjml-(\d+)x-->", lambda match: self.kept[int(match[1])], made)
        return re.sub(r"almanac-mjml-(\d+)x", lambda match: self.kept[int(match[1])], made)
