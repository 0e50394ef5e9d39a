"""Texts that are the same for everyone but for a few places, and the small language those places are written in.

An editor writes ``Dear {{ first_name|default("friend") }}``. `parse` reads that with a sandboxed Jinja2 and a walked
allow-list, and gives what never changes as literals and what does as numbered slots. A campaign is so compiled once;
per recipient only the slots are worked out.
"""

import html
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext
from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import Invalid


class Escape(StrEnum):
    """How the value of a slot is made safe for the place where it stands."""

    TEXT = "text"
    HTML = "html"
    URL = "url"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a text that differs per recipient: an index into the recipient's values."""

    index: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text as what is the same for everyone and what is not: ``("Dear ", Slot(0), ", …")``."""

    pieces: tuple[str | Slot, ...]

    @classmethod
    def of(cls, literal: str) -> "Text":
        """A text without slots."""
        return cls((literal,) if literal else ())

    def fill(self, values: Sequence[str]) -> str:
        """The text one recipient gets."""
        return "".join(piece if isinstance(piece, str) else values[piece.index] for piece in self.pieces)


# --------------------------------------------------------------------------------------------------------------------
# The small language

FIELDS: Mapping[str, frozenset[str] | None] = {
    "first_name": frozenset(),
    "last_name": frozenset(),
    "locale": frozenset(),
    "unsubscribe_url": frozenset(),
    "view_url": frozenset(),
    "click_base": frozenset(),
    "open_url": frozenset(),
    "attributes": None,  # whatever the shop stores about a contact, one level deep
    "contact": frozenset({"first_name", "last_name", "locale", "attributes"}),
    "offer": frozenset({"name", "price", "regular_price", "code", "starts", "ends", "legal_line"}),
}
"""What a text may name, and the fields each name has; None: any field, one level deep."""

PUBLIC_NAMES = frozenset(FIELDS) - {"click_base", "open_url"}
"""What authors may name: the rest is put in by us when links are rewritten."""

FILTERS: Mapping[str, int] = {
    "default": 1,
    "upper": 0,
    "lower": 0,
    "title": 0,
    "capitalize": 0,
    "truncate": 1,
    "trim": 0,
    "escape": 0,
}
"""The filters a text may use, and how many arguments each takes at most."""

MAX_SOURCE = 1_000_000
MAX_VALUE = 10_000
MAX_CONSTANT = 1_000
MAX_SLOTS = 200
MAX_DEPTH = 12

Tree = list[Any]
"""An expression as JSON: ``["name", n]``, ``["field", tree, n]``, ``["const", v]``, ``["filter", n, tree, args]``,
``["compare", op, a, b]``, ``["and" | "or", a, b]``, ``["not", a]``, ``["defined", a]``,
``["if", [[test, body], …], body]`` where a body is a list of ``["literal", s]``, ``["out", tree]`` and ``["if", …]``.

Seals keep these trees, not code: there is nothing in them that could do more than this list says.
"""

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}

# Jinja2 only reads the source. Nothing is ever run by it: what `_Walker` does not know has no meaning here.
_READER = ImmutableSandboxedEnvironment(autoescape=True, keep_trailing_newline=True, newline_sequence="\n")
_UNCLOSED = re.compile(r"(\{\{|\{%)(?:(?!\}\}|%\}|\{\{|\{%).)*(?=\{\{|\{%|\Z)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_PLAIN_IN_HTML = re.compile(r"[&<>\"'\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER_BREAK = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def escaped(value: str, escape: Escape) -> str:
    """`value` made safe for its place. A header loses every line break and control character."""
    return _ESCAPES[escape](value)


def _for_html(value: str) -> str:
    return html.escape(_CONTROL.sub("", value), quote=True) if _NOT_PLAIN_IN_HTML.search(value) else value


def _for_url(value: str) -> str:
    return quote(value, safe="")


def _for_header(value: str) -> str:
    return value if value.isprintable() else _HEADER_BREAK.sub(" ", value)


def _for_text(value: str) -> str:
    return value if value.isprintable() else _CONTROL.sub("", value)


_ESCAPES: Mapping[Escape, Callable[[str], str]] = {
    Escape.HTML: _for_html,
    Escape.URL: _for_url,
    Escape.HEADER: _for_header,
    Escape.TEXT: _for_text,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """What one slot says, and how it is escaped."""

    tree: Tree
    escape: Escape
    _output: "Output" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_output", _output(self.tree, self.escape))

    def render(self, context: Mapping[str, Any]) -> str:
        """The slot's value for one recipient, already escaped for its place.

        A field that is missing or empty is the empty string. Raises `Invalid` for a value beyond `MAX_VALUE` characters.
        """
        value = self._output(context)
        if len(value) > MAX_VALUE:
            raise Invalid("A personal field is too long to be put into a message.", code="render")
        return value

    def names(self) -> frozenset[str]:
        """The names this expression asks for: what the context has to hold."""
        return frozenset(_names(self.tree))

    def to_json(self) -> list[Any]:
        """For the seal."""
        return [self.escape.value, self.tree]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> "Expression":
        """From the seal."""
        return cls(tree=data[1], escape=Escape(data[0]))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text and what stands in its slots; `text` counts its slots from 0 in the order of `expressions`."""

    text: Text
    expressions: tuple[Expression, ...]

    def values(self, context: Mapping[str, Any]) -> tuple[str, ...]:
        """The values of all slots for one recipient."""
        return tuple(expression.render(context) for expression in self.expressions)

    def render(self, context: Mapping[str, Any]) -> str:
        """The text one recipient gets: for previews."""
        return self.text.fill(self.values(context))


def parse(source: str, escape: Escape, allowed: frozenset[str] | None = None) -> Parsed:
    """Read `source`; raises `Invalid` with a sentence that names what is not allowed.

    `allowed` says which names may be used (`PUBLIC_NAMES` by default). ``{{ … }}`` and whole
    ``{% if %}…{% endif %}`` blocks become slots, everything else is literal.
    """
    if len(source) > MAX_SOURCE:
        raise Invalid(f"The text is longer than {MAX_SOURCE:,} characters.", code="template")
    try:
        body = _READER.parse(source).body
        walker = _Walker(PUBLIC_NAMES if allowed is None else allowed)
        items = [item for node in body for item in walker.item(node, 0)]
    except TemplateSyntaxError as error:
        if unclosed := _UNCLOSED.search(source):
            line = source.count("\n", 0, unclosed.start()) + 1
            closing = "}}" if unclosed[1] == "{{" else "%}"
            raise Invalid(
                gettext("Line %(line)d of the text: “%(place)s” is not closed. End it with %(closing)s.")
                % {"line": line, "place": unclosed[0].strip()[:40], "closing": closing},
                code="template",
            ) from error
        raise Invalid(f"Line {error.lineno} of the text cannot be read: {error.message}.", code="template") from error
    except RecursionError as error:
        raise Invalid("The text is nested too deeply.", code="template") from error
    pieces: list[str | Slot] = []
    expressions: list[Expression] = []
    for item in items:
        if item[0] == "literal":
            literal = _HEADER_BREAK.sub(" ", item[1]) if escape is Escape.HEADER else item[1]
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += literal
            elif literal:
                pieces.append(literal)
            continue
        pieces.append(Slot(len(expressions)))
        expressions.append(Expression(tree=item[1] if item[0] == "out" else item, escape=escape))
    if len(expressions) > MAX_SLOTS:
        raise Invalid(f"The text has more than {MAX_SLOTS} places with personal fields.", code="template")
    return Parsed(text=Text(tuple(pieces)), expressions=tuple(expressions))


def shifted(text: Text, by: int) -> Text:
    """`text` with its slots counted from `by`, so that several texts can share one list of values."""
    return Text(tuple(Slot(piece.index + by) if isinstance(piece, Slot) else piece for piece in text.pieces))


class _Walker:
    """Turns Jinja2's tree into ours and refuses whatever is not on the list."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self.allowed = allowed

    def refuse(self, node: nodes.Node, what: str) -> Invalid:
        return Invalid(f"Line {node.lineno} of the text: {what}.", code="template")

    def item(self, node: nodes.Node, depth: int) -> Iterator[Tree]:
        if depth > MAX_DEPTH:
            raise self.refuse(node, "the conditions are nested too deeply")
        match node:
            case nodes.Output():
                for child in node.nodes:
                    if isinstance(child, nodes.TemplateData):
                        yield ["literal", child.data]
                    else:
                        yield ["out", self.value(child, 0)]
            case nodes.If():
                branches = [[self.test(node.test, 0), self.body(node.body, depth)]]
                branches += [[self.test(other.test, 0), self.body(other.body, depth)] for other in node.elif_]
                yield ["if", branches, self.body(node.else_, depth)]
            case _:
                raise self.refuse(node, f"“{type(node).__name__.lower()}” is not allowed; only fields and if")

    def body(self, children: Sequence[nodes.Node], depth: int) -> list[Tree]:
        return [item for child in children for item in self.item(child, depth + 1)]

    def value(self, node: nodes.Node, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise self.refuse(node, "the expression is nested too deeply")
        match node:
            case nodes.Name(name=name):
                if name not in self.allowed or name not in FIELDS:
                    raise self.refuse(node, f"there is no field “{name[:40]}”; use {', '.join(sorted(self.allowed))}")
                return ["name", name]
            case nodes.Getattr(attr=field):
                return self.field(node, node.node, field)
            case nodes.Getitem(arg=nodes.Const(value=str(field))):
                return self.field(node, node.node, field)
            case nodes.Const(value=constant):
                return self.constant(node, constant)
            case nodes.Filter(name=name):
                return self.filter(node, name, depth)
            case _:
                raise self.refuse(node, f"“{type(node).__name__.lower()}” is not allowed in an expression")

    def field(self, node: nodes.Node, owner: nodes.Node, field: str) -> Tree:
        path = self.value(owner, 0)
        if path == ["field", ["name", "contact"], "attributes"]:
            known: frozenset[str] | None = None
        elif path[0] == "name":
            known = FIELDS[path[1]]
        else:
            raise self.refuse(node, f"“{field[:40]}” is a field of something that has none")
        if field.startswith("_") or len(field) > 100 or (known is not None and field not in known):
            raise self.refuse(node, f"there is no field “{field[:40]}” here")
        return ["field", path, field]

    def constant(self, node: nodes.Node, value: Any) -> Tree:
        if not isinstance(value, str | int | float | bool | None) or len(str(value)) > MAX_CONSTANT:
            raise self.refuse(node, "this constant is not allowed")
        return ["const", value]

    def filter(self, node: nodes.Filter, name: str, depth: int) -> Tree:
        if name not in FILTERS or node.node is None:
            raise self.refuse(node, f"there is no filter “{name[:40]}”; use {', '.join(FILTERS)}")
        if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > FILTERS[name]:
            raise self.refuse(node, f"the filter “{name}” takes {FILTERS[name]} plain argument(s) at most")
        arguments = [self.value(argument, depth + 1) for argument in node.args]
        if name == "truncate" and arguments and not _is_length(arguments[0]):
            raise self.refuse(node, "truncate takes a whole number from 1 to 10000")
        return ["filter", name, self.value(node.node, depth + 1), arguments]

    def test(self, node: nodes.Node, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise self.refuse(node, "the condition is nested too deeply")
        match node:
            case nodes.Compare(expr=left, ops=[nodes.Operand(op=op, expr=right)]) if op in _COMPARISONS:
                return ["compare", op, self.value(left, depth + 1), self.value(right, depth + 1)]
            case nodes.And(left=left, right=right):
                return ["and", self.test(left, depth + 1), self.test(right, depth + 1)]
            case nodes.Or(left=left, right=right):
                return ["or", self.test(left, depth + 1), self.test(right, depth + 1)]
            case nodes.Not(node=inner):
                return ["not", self.test(inner, depth + 1)]
            case nodes.Test(name="defined", node=inner):
                return ["defined", self.value(inner, depth + 1)]
            case nodes.Compare():
                raise self.refuse(node, "compare two things with ==, !=, <, <=, > or >=")
            case _:
                return self.value(node, depth)


def _is_length(tree: Tree) -> bool:
    return tree[0] == "const" and type(tree[1]) is int and 1 <= tree[1] <= MAX_VALUE


def _names(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        if len(tree) == 2 and tree[0] == "name":
            yield tree[1]
        elif tree and tree[0] not in ("const", "literal"):
            for part in tree:
                yield from _names(part)


def _words(value: Any) -> str:
    """A value as people read it: nothing for None and tables, a comma between the parts of a list."""
    match value:
        case str():
            return value
        case None | bool() | Mapping():
            return ""
        case int() | float():
            return str(value)
        case list() | tuple():
            return ", ".join(filter(None, (_words(part) for part in value[:100])))
        case _:
            return ""


# --- From trees to closures: a tree is read once, and what it means is called per recipient --------------------------

Value = Callable[[Mapping[str, Any]], Any]
Output = Callable[[Mapping[str, Any]], str]


def _value(tree: Tree) -> Value:
    """What works out the value of `tree` for one recipient."""
    match tree:
        case ["name", name]:
            return lambda context: context.get(name)
        case ["field", owner, name]:
            return _field(_value(owner), name)
        case ["const", value]:
            return lambda context: value
        case ["filter", name, inner, arguments]:
            return _filter(name, _value(inner), [_value(argument) for argument in arguments])
        case ["compare", op, left, right]:
            one, other = _value(left), _value(right)
            return lambda context: _compared(op, one(context), other(context))
        case ["and", left, right]:
            one, other = _value(left), _value(right)
            return lambda context: bool(one(context)) and bool(other(context))
        case ["or", left, right]:
            one, other = _value(left), _value(right)
            return lambda context: bool(one(context)) or bool(other(context))
        case ["not", inner]:
            negated = _value(inner)
            return lambda context: not negated(context)
        case ["defined", inner]:
            asked = _value(inner)
            return lambda context: asked(context) is not None
    return _unreadable


def _unreadable(context: Mapping[str, Any]) -> Any:
    raise Invalid("A compiled text cannot be read; approve the publication again.", code="render")


def _field(owner: Value, name: str) -> Value:
    def value(context: Mapping[str, Any]) -> Any:
        holder = owner(context)
        return holder.get(name) if isinstance(holder, Mapping) else None

    return value


def _filter(name: str, inner: Value, arguments: Sequence[Value]) -> Value:
    return lambda context: _filtered(name, inner(context), [argument(context) for argument in arguments])


def _filtered(name: str, value: Any, arguments: Sequence[Any]) -> Any:
    if name == "default":
        # Unlike Jinja2's, for an empty field too: what is empty reads as badly as what is missing.
        return value if value not in (None, "") else (arguments[0] if arguments else "")
    words = _words(value)
    match name:
        case "upper":
            return words.upper()
        case "lower":
            return words.lower()
        case "title":
            return words.title()
        case "capitalize":
            return words.capitalize()
        case "trim":
            return words.strip()
        case "truncate":
            length = arguments[0] if arguments else 255
            return words if len(words) <= length else words[: max(length - 1, 0)] + "…"
        case _:
            return words  # escape: every value is escaped for its place anyway


def _compared(op: str, left: Any, right: Any) -> bool:
    try:
        return bool(_COMPARISONS[op](left, right))
    except TypeError:
        return False  # a word is neither less nor more than a number


def _output(tree: Tree, escape: Escape) -> Output:
    """What works out the words of a slot for one recipient, escaped."""
    match tree:
        case ["literal", literal]:
            words = _HEADER_BREAK.sub(" ", literal) if escape is Escape.HEADER else literal
            return lambda context: words
        case ["out", inner]:
            return _output(inner, escape)
        case ["if", branches, otherwise]:
            tests = [(_value(test), _body(body, escape)) for test, body in branches]
            return _choice(tests, _body(otherwise, escape))
        case _:
            return _escaping(_value(tree), _ESCAPES[escape])


def _escaping(value: Value, escape: Callable[[str], str]) -> Output:
    def output(context: Mapping[str, Any]) -> str:
        found = value(context)
        return escape(found if type(found) is str else _words(found))

    return output


def _body(items: Sequence[Tree], escape: Escape) -> Output:
    outputs = [_output(item, escape) for item in items]
    return lambda context: "".join([output(context) for output in outputs])


def _choice(tests: Sequence[tuple[Value, Output]], otherwise: Output) -> Output:
    def output(context: Mapping[str, Any]) -> str:
        for test, body in tests:
            if test(context):
                return body(context)
        return otherwise(context)

    return output
