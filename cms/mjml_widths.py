"""How wide each tag is, as npm ``mjml`` 5.4.1 reckons it: a picture is never wider than what it stands in.

mrml 0.2.4 gives a picture the width that was written even where its column is narrower, so that it would stand out of it.
"""

import re
from typing import Protocol, Self

_SIDES = ("top", "right", "bottom", "left")


_PADDINGS = ("padding", *(f"padding-{side}" for side in _SIDES))


class Tag(Protocol):
    """What is asked of a tag."""

    @property
    def tag(self) -> str:
        """Its name."""

    @property
    def attributes(self) -> dict[str, str]:
        """What they are in the end."""

    outlook_width: float
    """How wide Outlook is to show a column, in pixels."""
    phone_width: str
    """How wide a phone is to show a column of a group: empty where it was written, in per cent or pixels."""

    @property
    def children(self) -> list[Self]:
        """What stands in it."""


DEFAULT_PADDING = {"mj-image": "10px 25px", "mj-carousel": "0"}
BODY = 600


def _number(value: str) -> float:
    found = re.match(r"\s*(\d+(?:\.\d+)?)", value)
    return float(found[1]) if found else 0


def _padding(node: Tag, side: str) -> float:
    if own := node.attributes.get(f"padding-{side}"):
        return _number(own)
    words = node.attributes.get("padding", DEFAULT_PADDING.get(node.tag, "0")).split() or ["0"]
    at = _SIDES.index(side)
    return _number(words[at] if at < len(words) else words[max(at - 2, 0)] if at - 2 < len(words) else words[0])


def _border(node: Tag, side: str, prefix: str = "") -> float:
    value = node.attributes.get(f"{prefix}border-{side}") or node.attributes.get(f"{prefix}border", "")
    found = re.search(r"(?:^| )(\d+)", value)
    return float(found[1]) if found else 0


def edges(node: Tag) -> float:
    """What padding and border take of the width of `node`, in pixels."""
    return sum(_padding(node, side) + _border(node, side) for side in ("left", "right"))


def _inside(node: Tag, width: float) -> float:
    return width - edges(node)


def _share(node: Tag, parent: float, siblings: int) -> float:
    """The width of a column or group among `siblings`."""
    own = node.attributes.get("width", "")
    if not own:
        return parent / max(siblings, 1)
    return parent * _number(own) / 100 if own.strip().endswith("%") else _number(own)


def fit(body: Tag) -> None:
    """Give every picture that would be wider than its place the width of its place, and every column its widths.

    mrml takes a share of the whole body where mjml takes it of what the paddings leave, and that only for Outlook. On a phone,
    where the columns of a group stay side by side, mjml takes whole per cents: of seven columns each has 14 and not 14.2857.
    """
    width = _number(body.attributes.get("width", "")) or BODY
    for child in body.children:
        _fit(child, width, 1)


def _fit(node: Tag, width: float, siblings: int) -> None:
    match node.tag:
        case "mj-image":
            room = int(_inside(node, width))
            wanted = _number(node.attributes.get("width", "")) or BODY * room
            has_shares = any("%" in node.attributes.get(name, "") for name in _PADDINGS)
            has_shares |= bool({"border-left", "border-right"} & node.attributes.keys())
            if wanted > room > 0 and (has_shares or "width" in node.attributes):
                node.attributes["width"] = f"{room}px"
            return
        case "mj-column":
            node.outlook_width = _share(node, width, siblings)
            inner = _inside(node, node.outlook_width)
            inner -= sum(_border(node, side, "inner-") for side in ("left", "right"))
        case "mj-group":
            inner = _share(node, width, siblings)
        case "mj-section" | "mj-wrapper" | "mj-hero":
            inner = _inside(node, width)
        case _:
            return
    count = sum(1 for child in node.children if child.tag and child.tag != "mj-raw")
    for child in node.children:
        if node.tag == "mj-group" and child.tag == "mj-column" and not child.attributes.get("width"):
            child.phone_width = f"{100 // count}%"
        _fit(child, inner, count)
