"""Style rules moved to the elements they are for: many mail programs read no style sheet, or not all of one.

The style sheets stay where they are, for programs that read them. What must hold is that a program that reads them shows what
it would have shown without us, in light and dark, on paper and on a phone; and that one that reads none shows the plain rules.

A rule is moved when it holds for everyone: it stands in ``<style>`` without ``media``, or with ``all`` or ``screen``, outside
of every at-rule, and its selector asks for nothing that changes (``:hover``). A moved declaration would win over whatever stays
(a style attribute wins over a sheet), so a declaration that stays and used to win over a moved one is made ``!important``.

Sources: CSS Cascading 4 (6.1 and 6.4), CSS Variables 1 (3). The source text is never written anew: elements are numbered in it,
a copy is read as a browser reads it (html5), and only style attributes and such declarations are changed in it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape, unescape
from typing import Any

import cssselect2
import tinycss2
import tinyhtml5
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cms.markup import TAG, through

_NUMBER = "data-almanac-n"
_ATTRIBUTE = re.compile(r"""(?P<name>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'>]+))?""")
_MEDIA = re.compile(r"""\smedia\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_DYNAMIC = re.compile(
    r":(?:hover|focus-within|focus-visible|focus|active|visited|target|checked|enabled|disabled)(?![\w-])",
    re.IGNORECASE,
)
_NESTING = 8
_IDENTITY = frozenset({"class", "id", "type", "encoding"})
"""What selectors ask for most, and what html5 looks at to build its tree."""
_PLAIN_VALUE = re.compile(r"(?:[\w#.%+,/!\"' -]|url\([^()]*\)|rgb\([\d, %]*\))+")
_NEW_WORDS = re.compile(
    r"\b(?:flex|grid|initial|unset|revert|fit-content|min-content|max-content|[\d.]+[sld]?v(?:w|h|min|max)|[\d.]+rem)\b|--|^-"
)
"""Words that not every mail program knows: what stood before them must stay, for those that do not."""

Specificity = tuple[int, int, int]


@dataclass(slots=True)
class _Declaration:
    name: str
    value: str
    important: bool
    boost: bool = False


@dataclass(slots=True)
class _Rule:
    """One selector of a rule, with the rule's declarations; `plain` when it can be moved."""

    selector: Any
    specificity: Specificity
    order: int
    declarations: list[_Declaration]
    plain: bool


@dataclass(slots=True)
class _Element:
    """What is known of one element of the source."""

    own: list[_Declaration] = field(default_factory=list)
    plain: list[_Rule] = field(default_factory=list)
    staying: list[_Rule] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)


def inline(source: str) -> str:
    """`source` with its rules moved; as it was when it has no style element. Raises nothing for any text."""
    return _read(source, get_language() or "")[0] if "<style" in source.lower() else source


def notes(source: str) -> list[str]:
    """What of the style sheets of `source` readers of some mail programs will miss: a sentence each, with its line."""
    return list(_read(source, get_language() or "")[1]) if "<style" in source.lower() else []


@lru_cache(maxsize=16)
def _read(source: str, _language: str) -> tuple[str, tuple[str, ...]]:
    """The result and its notes in a language. A save, its preview and its advice ask for the same one after another."""
    found: list[str] = []

    def read(hidden: str) -> str:
        inliner = _Inliner(hidden)
        made = inliner.done()
        found.extend(inliner.notes)
        return made

    return through(source, read), tuple(dict.fromkeys(found))


class _Inliner:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tags = list(TAG.finditer(source))
        self.rules: list[_Rule] = []
        self.sheets: list[tuple[re.Match[str], list[Any]]] = []
        self.inside: dict[int, list[Any]] = {}
        """What stands in a rule, by the identity of its node, which takes no attributes of ours."""
        self.known: dict[int, _Declaration] = {}
        """The declaration of a node, likewise."""
        self.conditional_names: set[str] = set()
        self.asks_attributes = False
        """Whether a selector may ask for more of an element than its name, classes and id."""
        self.notes: list[str] = []

    def done(self) -> str:
        for match in self.tags:
            if (match["raw"] or "").lower() == "style" and match["inside"]:
                self.read_sheet(match)
        if not self.rules:
            return self.source
        elements = self.matched()
        contested = [element for element in elements.values() if element.staying]
        for element in contested:
            _keep_over_moved(element)
        more = True
        while more:
            more = sum(map(_keep_over_boosted, contested)) > 0
        return self.written(elements)

    # --- Reading --------------------------------------------------------------------------------------------------------

    def read_sheet(self, match: re.Match[str]) -> None:
        media = _MEDIA.search(match["rest"] or "")
        words = {word.strip().lower() for word in next(filter(None, media.groups()), "").split(",")} if media else set()
        plain = not words or bool(words & {"", "all", "screen"})
        nodes = tinycss2.parse_stylesheet(match["inside"])
        self.sheets.append((match, nodes))
        line = self.source.count("\n", 0, match.start("inside"))
        self.read_rules(nodes, plain, line, 0)

    def read_rules(self, nodes: Sequence[Any], plain: bool, line: int, depth: int) -> None:
        for node in nodes:
            if node.type == "qualified-rule":
                self.read_rule(node, plain, line)
            elif node.type == "at-rule" and node.lower_at_keyword == "import":
                self.tell(line + node.source_line, _("@import is read by few mail programs. Paste its rules here"))
            elif node.type == "at-rule" and node.lower_at_keyword == "layer":
                self.tell(line + node.source_line, _("@layer is read by few mail programs. Write the rules without it"))
            elif node.type == "at-rule" and node.lower_at_keyword in {"media", "supports"} and node.content:
                if depth == _NESTING:
                    continue
                inside = self.inside[id(node)] = tinycss2.parse_rule_list(node.content)
                self.read_rules(inside, False, line, depth + 1)

    def read_rule(self, node: Any, plain: bool, line: int) -> None:
        inside = self.inside[id(node)] = tinycss2.parse_blocks_contents(node.content)
        declarations = []
        for one in inside:
            if one.type == "declaration":
                made = self.known[id(one)] = _declaration(one)
                declarations.append(made)
        if any(one.type == "qualified-rule" for one in inside):
            self.tell(line + node.source_line, _("a rule inside a rule is read by few mail programs. Write it apart"))
        if not plain:
            self.conditional_names |= {one.name for one in declarations if one.name.startswith("--")}
        for prelude in _split(node.prelude):
            self.read_selector(prelude, declarations, plain)

    def read_selector(self, prelude: str, declarations: list[_Declaration], plain: bool) -> None:
        # `a:hover` could be any `a`, `:hover` anything.
        asked = re.sub(r"(?<![\w\])*\0-])\0+", "*", _DYNAMIC.sub("\0", prelude)).replace("\0", "")
        try:
            (selector,) = cssselect2.compile_selector_list(asked)
            (as_written,) = cssselect2.compile_selector_list(prelude) if asked != prelude else (selector,)
        except (cssselect2.SelectorError, ValueError):
            return  # what no browser of ours knows stays in the sheet, for those that do
        self.asks_attributes |= "[" in asked or ":" in asked
        if selector.pseudo_element is None and declarations:
            is_plain = plain and asked == prelude
            self.rules.append(_Rule(selector, as_written.specificity, len(self.rules), declarations, is_plain))

    def tell(self, line: int, what: str) -> None:
        self.notes.append(_("Line %(line)s: %(what)s.") % {"line": line, "what": what})

    # --- Matching -------------------------------------------------------------------------------------------------------

    def matched(self) -> dict[int, _Element]:
        """What is known of every element, by the index of its tag."""
        matcher = cssselect2.Matcher()
        for rule in self.rules:
            matcher.add_selector(rule.selector, rule)
        found: dict[int, _Element] = {}
        root = cssselect2.ElementWrapper.from_html_root(tinyhtml5.parse(self.numbered(), namespace_html_elements=False))
        inherited: dict[Any, dict[str, str]] = {}
        for wrapper in root.iter_subtree():
            number = wrapper.etree_element.get(_NUMBER)
            known = _Element()
            rules = [payload for _spec, _order, _pseudo, payload in matcher.match(wrapper)]
            rules.sort(key=lambda rule: (rule.specificity, rule.order))
            known.plain = [rule for rule in rules if rule.plain]
            known.staying = [rule for rule in rules if not rule.plain]
            if number is not None and number.isdigit() and int(number) < len(self.tags):
                known.own = _declarations(_own_style(self.tags[int(number)]))
                if int(number) not in found:
                    found[int(number)] = known
            parents = inherited.get(wrapper.parent.etree_element, {}) if wrapper.parent is not None else {}
            known.custom = inherited[wrapper.etree_element] = _custom(known, parents)
        return found

    def numbered(self) -> str:
        """The source with its elements numbered, and without attributes nobody asks for: reading them is most of the time."""
        pieces: list[str] = []
        end = 0
        for number, match in enumerate(self.tags):
            if match["name"]:
                pieces += [self.source[end : match.end("name")], f' {_NUMBER}="{number}"']
                end = match.end("name")
                if not self.asks_attributes:
                    found = _ATTRIBUTE.finditer(match["attributes"])
                    pieces += [f" {one.group()}" for one in found if one["name"].lower() in _IDENTITY]
                    end = match.end("attributes") - match["attributes"].endswith("/")
        return "".join([*pieces, self.source[end:]])

    # --- Writing --------------------------------------------------------------------------------------------------------

    def written(self, elements: Mapping[int, _Element]) -> str:
        changes: list[tuple[int, int, str]] = []
        for match, nodes in self.sheets:
            if any(map(self.has_boost, nodes)):
                changes.append((match.start("inside"), match.end("inside"), "".join(map(self.node_text, nodes))))
        for number, element in elements.items():
            match = self.tags[number]
            if (style := self.style_of(element, _own_style(match))) is not None:
                start, stop = _place_of(match)
                changes.append((start, stop, _attribute(style).lstrip() if stop > start else _attribute(style)))
        pieces: list[str] = []
        end = 0
        for start, stop, text in sorted(changes):
            pieces += [self.source[end:start], text]
            end = stop
        return "".join([*pieces, self.source[end:]])

    def has_boost(self, node: Any) -> bool:
        if node.type == "declaration":
            return id(node) in self.known and self.known[id(node)].boost
        return any(map(self.has_boost, self.inside.get(id(node), ())))

    def node_text(self, node: Any) -> str:
        if not self.has_boost(node):
            return str(tinycss2.serialize([node])) + (";" if node.type == "declaration" else "")
        if node.type == "declaration":
            return f"{node.name}:{tinycss2.serialize(node.value)} !important;"
        name = f"@{node.at_keyword}" if node.type == "at-rule" else ""
        inside = "".join(self.node_text(one) for one in self.inside[id(node)] if one.type != "error")
        return name + str(tinycss2.serialize(node.prelude)) + "{" + inside + "}"

    def style_of(self, element: _Element, own: str) -> str | None:
        """The style attribute of `element`, weakest first: rules, what the author wrote there, then important rules."""
        must_win = _must_win(element)
        pairs: list[tuple[_Rule | None, _Declaration]] = [
            (rule, one) for rule in element.plain for one in rule.declarations
        ]
        before = [pair for pair in pairs if not pair[1].important and not _is_said(element.own, pair[1].name)]
        after = [pair for pair in pairs if pair[1].important]
        texts = [*self.texts(before, element, must_win)]
        if own.strip():
            texts.append(self.own_text(element, own, must_win))
        texts += self.texts(after, element, set())
        return None if not texts or texts == [own] else ";".join(texts)

    def own_text(self, element: _Element, own: str, must_win: set[str]) -> str:
        names = {one.name for one in element.own}
        if not (names & must_win) and "var(" not in own.lower():
            return own.strip().rstrip(";").rstrip()
        return ";".join(self.texts([(None, one) for one in element.own], element, must_win))

    def texts(
        self, pairs: Sequence[tuple[_Rule | None, _Declaration]], element: _Element, must_win: set[str]
    ) -> Iterator[str]:
        for at, (rule, one) in enumerate(pairs):
            if one.name.startswith("--") and rule is not None:
                continue  # custom properties are worked out; programs that know them read the sheet
            later = pairs[at + 1 :]
            if any(other.name == one.name and source is not rule and _is_plain(other.value) for source, other in later):
                continue
            important = "!important" if one.name in must_win or (rule is None and one.important) else ""
            for value in self.values(one.value, element):
                yield f"{one.name}:{value}{important}"

    def values(self, value: str, element: _Element) -> list[str]:
        if "var(" not in value.lower():
            return [value]
        used: set[str] = set()
        worked_out = _substituted(value, element.custom, used, 0)
        if worked_out is None:
            self.notes.append(
                _("“%(value)s” names a custom property that has no value; it is left out.") % {"value": value[:60]}
            )
            return []
        # What a sheet changes at night must go on changing, in programs that know custom properties.
        return [worked_out, value] if used & self.conditional_names else [worked_out]


# --- Pieces of CSS -----------------------------------------------------------------------------------------------------


def _serialized(tokens: Sequence[Any]) -> str:
    text = tinycss2.serialize(tokens).strip()
    return re.sub(r"\s+", " ", text)


def _split(prelude: Sequence[Any]) -> Iterator[str]:
    part: list[Any] = []
    for token in prelude:
        if token == ",":  # noqa: S105 - of CSS
            yield tinycss2.serialize(part).strip()
            part = []
        elif token.type != "comment":
            part.append(token)
    yield tinycss2.serialize(part).strip()


def _declaration(node: Any) -> _Declaration:
    name = node.name if node.name.startswith("--") else node.lower_name
    return _Declaration(name, _serialized(node.value), node.important)


def _declarations(style: str) -> list[_Declaration]:
    nodes = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    return [_declaration(one) for one in nodes if one.type == "declaration"]


def _strength(rule: _Rule) -> tuple[Specificity, int]:
    return rule.specificity, rule.order


_BORDER = re.compile(r"border(?:-(?:top|right|bottom|left))?(?:-(?:width|style|color))?")


def _overlap(one: str, other: str) -> bool:
    """Whether the two properties can set the same thing: ``border`` and ``border-left``, ``font`` and ``line-height``."""
    if one == other or one.startswith(f"{other}-") or other.startswith(f"{one}-"):
        return True
    if "font" in (one, other) and "line-height" in (one, other):
        return True
    if "all" in (one, other):
        return True
    return bool(_BORDER.fullmatch(one) and _BORDER.fullmatch(other))


def _is_plain(value: str) -> bool:
    return bool(_PLAIN_VALUE.fullmatch(value)) and not _NEW_WORDS.search(value)


def _is_said(own: Sequence[_Declaration], name: str) -> bool:
    """Whether the element's own style says `name` so that every program knows it: then no rule need stand before it."""
    return any(one.name == name and _is_plain(one.value) for one in own)


def _keep_over_moved(element: _Element) -> None:
    """Mark the declarations that stay and used to win over one that is moved to `element`."""
    for staying in element.staying:
        for one in staying.declarations:
            if one.important or one.name.startswith("--") or one.boost:
                continue
            if any(own.name == one.name for own in element.own):
                continue  # it never counted here
            over = [
                (_strength(rule) > _strength(staying), other.name)
                for rule in element.plain
                for other in rule.declarations
                if not other.important and _overlap(one.name, other.name)
            ]
            beaten = any(stronger and name == one.name for stronger, name in over)
            one.boost = not beaten and any(not stronger for stronger, _name in over)


def _keep_over_boosted(element: _Element) -> bool:
    """Mark what used to win over a marked declaration, and answer whether there was any."""
    found = False
    for at, weaker in enumerate(element.staying):
        marked = [one for one in weaker.declarations if one.boost]
        for stronger in element.staying[at + 1 :] if marked else ():
            for one in stronger.declarations:
                if not one.important and not one.boost and any(_overlap(one.name, other.name) for other in marked):
                    one.boost = found = True
    return found


def _must_win(element: _Element) -> set[str]:
    """Properties of `element` that used to win over a declaration that has become important for the sake of others."""
    found: set[str] = set()
    for staying in element.staying:
        for boosted in staying.declarations:
            if boosted.boost:
                found |= {own.name for own in element.own if _overlap(own.name, boosted.name)}
                found |= {
                    one.name
                    for rule in element.plain
                    if _strength(rule) > _strength(staying)
                    for one in rule.declarations
                    if _overlap(one.name, boosted.name)
                }
    return found


def _custom(element: _Element, inherited: dict[str, str]) -> dict[str, str]:
    pairs = [(one.important, one) for rule in element.plain for one in rule.declarations if one.name.startswith("--")]
    named = [one for important, one in pairs if not important]
    named += [one for one in element.own if one.name.startswith("--")]
    named += [one for important, one in pairs if important]
    return {**inherited, **{one.name: one.value for one in named}} if named else inherited


_LONGEST = 2_000


def _substituted(value: str, custom: Mapping[str, str], used: set[str], depth: int) -> str | None:
    """`value` with every ``var()`` worked out; None when one has no value."""
    if depth > _NESTING or len(value) > _LONGEST:
        return None
    return _substituted_tokens(tinycss2.parse_component_value_list(value), custom, used, depth)


def _substituted_tokens(tokens: Sequence[Any], custom: Mapping[str, str], used: set[str], depth: int) -> str | None:
    out: list[str] = []
    for token in tokens:
        if token.type == "function" and token.lower_name == "var":
            text = _var(token, custom, used, depth)
        elif token.type == "function":
            inner = _substituted_tokens(token.arguments, custom, used, depth)
            text = None if inner is None else f"{token.name}({inner})"
        else:
            text = tinycss2.serialize([token])
        if text is None or sum(map(len, out)) + len(text) > _LONGEST:
            return None
        out.append(text)
    return "".join(out).strip()


def _var(token: Any, custom: Mapping[str, str], used: set[str], depth: int) -> str | None:
    arguments = [one for one in token.arguments if one.type != "comment"]
    name = next((one.value for one in arguments if one.type == "ident"), "")
    used.add(name)
    if (value := custom.get(name)) is not None:
        found = _substituted(value, custom, used, depth + 1)
        if found is not None:
            return found
    comma = next((at for at, one in enumerate(arguments) if one == ","), None)
    return None if comma is None else _substituted_tokens(arguments[comma + 1 :], custom, used, depth + 1)


# --- Pieces of HTML ----------------------------------------------------------------------------------------------------


def _style_span(match: re.Match[str]) -> re.Match[str] | None:
    found = _ATTRIBUTE.finditer(match["attributes"] or "")
    return next((one for one in found if one["name"].lower() == "style"), None)


def _own_style(match: re.Match[str]) -> str:
    found = _style_span(match)
    value = (found["value"] if found else "") or ""
    return unescape(value[1:-1] if value[:1] in {'"', "'"} else value)


def _place_of(match: re.Match[str]) -> tuple[int, int]:
    """Where in the source the style attribute of a tag stands, or is to stand."""
    at = match.start("attributes")
    found = _style_span(match)
    return (at + found.start(), at + found.end()) if found else (at, at)


def _attribute(style: str) -> str:
    # A double quote in an attribute has to be written &quot;, which some programs do not read in a style.
    style = re.sub(r"\"([^\"'\\]*)\"", r"'\1'", style)
    return f' style="{escape(style, quote=False).replace(chr(34), "&quot;")}"'
