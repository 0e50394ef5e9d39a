"""What mrml 0.2.4 drops of a tag's attributes, or does otherwise than npm ``mjml`` 5.4.1: done here, or told with its line.

Found by rendering every attribute of every tag with both (``tests/looks/attributes.py``). mrml writes most values into its
result as they stand. So a declaration that it does not know rides on one that it does (``border`` of
``0;border-top:1px solid red``), and an attribute on another's value. What cannot ride is marked and changed in the result.
"""

import html
import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from django.utils.translation import gettext as _

from cms.mjml_tree import Node
from cms.mjml_widths import edges

_SIDES = ("top", "right", "bottom", "left")
_BORDERS = tuple(f"border-{side}" for side in _SIDES)
_INNER_PADDING = ("inner-padding", *(f"inner-padding-{side}" for side in _SIDES))
_RECKONS = frozenset({"mj-hero", "mj-wrapper", "mj-section", "mj-column", "mj-divider", "mj-carousel"})
"""Tags whose width, or that of what they hold, is reckoned from their padding in pixels."""
_TOGETHER = ";almanac-together:1"
_COLUMN = re.compile(r'(<td [^>]*?style="[^"]*?);almanac-column-(\d+):1;width:[\d.]+px')
_PHONE_COLUMN = re.compile(r'(<div [^>]*?style="[^"]*?);almanac-column-(\d+):1;width:[\d.]+%')
_THUMBNAIL = re.compile(r"(<a [^>]*\bmj-carousel-thumbnail [^>]*)display:inline-block")

Riders = Mapping[str, str]
"""By attribute, what is written behind its value, HTML-escaped and without the last quotation mark."""


class Mends:
    """For one source: asked of every tag before it is written, and once of the result."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.gaps: dict[str, str] = {}
        self.marks: list[tuple[str, str, Callable[[re.Match[str]], str]]] = []
        """A declaration that is no one's; what is looked for around it in the result, and what is to stand there."""
        self.columns: list[Node] = []
        """With the widths that they are to have."""
        self.body = ""
        """Attributes of the body itself."""
        self.hides_thumbnails = False

    # --- Before ---------------------------------------------------------------------------------------------------------

    def prepare(self, node: Node) -> Riders:
        """Bring the attributes of `node`, resolved, to what mrml renders alike; the answer rides on their values."""
        self.tell(node)
        given = node.attributes
        match node.tag:
            case "mj-body":
                return self.prepare_body(given)
            case "mj-image":
                return self.prepare_image(given)
            case "mj-carousel-image":
                given.setdefault("alt", "")
            case "mj-social-element":
                return self.prepare_icon(given)
            case "mj-button":
                return _riding("href", title=given.pop("title", ""))
            case "mj-hero":
                self.prepare_hero(node)
            case "mj-column":
                self.prepare_column(node)
            case "mj-table":
                return self.prepare_table(given)
            case "mj-accordion-title" if weight := given.pop("font-weight", ""):
                given["font-size"] = f"{given.get('font-size', '13px')};font-weight:{weight}"
            case "mj-carousel" if given.get("thumbnails") == "supported":
                given["thumbnails"] = "visible"
                self.hides_thumbnails = True
            case "mj-section" | "mj-wrapper":
                self.prepare_section(node)
        return {}

    def mark(self, place: str, instead: Callable[[re.Match[str]], str]) -> str:
        """A declaration to ride on a value. In the result `place`, an expression with ``@`` for it, becomes `instead`."""
        mark = f";almanac-mark-{len(self.marks)}:1"
        self.marks.append((mark, place.replace("@", mark), instead))
        return mark

    def prepare_body(self, given: dict[str, str]) -> Riders:
        """mrml gives them to the first tag in the body, or to none."""
        pairs = {"id": given.pop("id", ""), "class": given.pop("css-class", "")}
        self.body = "".join(f' {name}="{html.escape(value)}"' for name, value in pairs.items() if value)
        return {}

    def prepare_image(self, given: dict[str, str]) -> Riders:
        """mrml drops `sizes`, the border of one side, and the title of a picture that is a link."""
        given.setdefault("alt", "")
        if given.get("fluid-on-mobile") == "false":
            del given["fluid-on-mobile"]
        sides = [f"{name}:{value}" for name in _BORDERS if (value := given.pop(name, ""))]
        if sides:
            given["border"] = ";".join([given.get("border", "0"), *sides])
        return {
            **_riding("alt", sizes=given.pop("sizes", "")),
            **_riding("href", title=given.get("title", "") if given.get("href") else ""),
        }

    def prepare_icon(self, given: dict[str, str]) -> Riders:
        """mrml drops `sizes`, `srcset` and `border`."""
        given.setdefault("alt", "")
        if border := given.pop("border", ""):
            said = f";border:{html.escape(border, quote=False).replace(chr(34), chr(39))}"
            # Its table has the same border-radius and is to have no border.
            mark = self.mark(r"(<img [^>]*)@", lambda found: found[1] + said)
            given["border-radius"] = given.get("border-radius", "3px") + mark
        return _riding("alt", sizes=given.pop("sizes", ""), srcset=given.pop("srcset", ""))

    def prepare_hero(self, node: Node) -> None:
        """mrml drops `border-radius` and, but for Outlook, what is inside."""
        given = node.attributes
        if given.get("height", "").endswith("%"):
            given["height"] = f"{_whole(given['height'])}px"  # as mjml reads it
        if radius := given.pop("border-radius", ""):
            given["vertical-align"] = f"{given.get('vertical-align', 'top')};border-radius:{radius}"
        if room := edges(node):
            # In Outlook the content is as wide as what the padding leaves.
            place = r'width="(\d+)" style="width:\d+px;"><tr><td style="([^"]*)@'
            mark = self.mark(place, partial(_narrowed, room))
            given["inner-background-color"] = given.get("inner-background-color", "transparent") + mark
        inner = [f"{name.removeprefix('inner-')}:{given[name]}" for name in _INNER_PADDING if given.get(name)]
        if inner:
            given["inner-background-color"] = ";".join([given.get("inner-background-color", "transparent"), *inner])

    def prepare_column(self, node: Node) -> None:
        """mrml forgets that what is round has no collapsed borders, and reckons its width for Outlook otherwise."""
        given = node.attributes
        if radius := given.get("inner-border-radius"):
            given["inner-border-radius"] = f"{radius};border-collapse:separate"
        self.columns.append(node)
        given["vertical-align"] = f"{given.get('vertical-align', 'top')};almanac-column-{len(self.columns) - 1}:1"

    def prepare_table(self, given: dict[str, str]) -> Riders:
        """mrml drops `role`, and parts the borders of cells where the table has a border, mjml where there is room between."""
        if re.search(r"[1-9]", given.get("cellspacing", "")):
            given["border"] = given.get("border", "none") + ";border-collapse:separate"
        elif "border" in given:
            given["border"] += _TOGETHER
        if role := given.pop("role", ""):
            given.setdefault("cellpadding", "0")
            return _riding("cellpadding", role=role)
        return {}

    def prepare_section(self, node: Node) -> None:
        """mrml drops `gap`, and reads anything as a full width."""
        given = node.attributes
        if given.get("full-width") not in {None, "full-width"}:
            del given["full-width"]  # whatever stands there is taken by mrml
        if "full-width" in given and (radius := given.get("border-radius")):
            place = rf"(<table [^>]*)border-radius:{re.escape(radius)}@;"
            given["border-radius"] += self.mark(place, lambda found: found[1])
        gap = given.pop("gap", "")
        for child in node.children if node.tag == "mj-wrapper" else ():
            if not child.tag or child.tag == "mj-raw":
                # mrml writes it where only Outlook reads.
                child.tag, kept = "", child.kept or child.words
                child.kept = f"<![endif]-->{kept}<!--[if mso | IE]>"
        sections = [child for child in node.children if child.tag == "mj-section"]
        for section in sections[1:] if re.fullmatch(r"\d+(\.\d+)?px", gap) else ():
            name = f"almanac-gap-{len(self.gaps)}x"
            self.gaps[name] = gap
            section.attributes["css-class"] = f"{section.attributes.get('css-class', '')} {name}".strip()

    # --- Told -----------------------------------------------------------------------------------------------------------

    def tell(self, node: Node) -> None:
        """What is not done."""
        given = node.attributes
        where = {"line": node.line, "tag": node.tag}
        if node.tag == "mj-section" and given.pop("gutter", ""):
            self.notes.append(
                _("Line %(line)s: “gutter” of <%(tag)s> is left out. Give the columns a padding instead.") % where
            )
        if node.tag == "mj-button" and given.get("title") and not given.get("href"):
            self.notes.append(_("Line %(line)s: “title” of <%(tag)s> is left out, since it has no “href”.") % where)
        names = [f"padding-{side}" for side in _SIDES]
        names = ["padding", *names] if node.tag in _RECKONS else []
        if node.tag == "mj-carousel":
            names.append("tb-width")
        for name in names:
            if "%" in given.get(name, ""):
                self.notes.append(
                    _("Line %(line)s: “%(name)s” of <%(tag)s> is in %%, and widths are reckoned in pixels. Write px.")
                    % {**where, "name": name}
                )

    # --- After ----------------------------------------------------------------------------------------------------------

    def restored(self, made: str) -> str:
        """The result of mrml as mjml's would be."""
        # mjml's query is one that only Yahoo's reader takes; mrml's, with a comma, hides the arrows of a carousel everywhere.
        made = made.replace("@media screen, yahoo", "@media screen yahoo")
        made = made.replace(f"{_TOGETHER};border-collapse:separate", "").replace(_TOGETHER, "")
        made = _COLUMN.sub(self.outlook_column, made)
        made = _PHONE_COLUMN.sub(self.phone_column, made)
        made = re.sub(r";almanac-column-\d+:1", "", made)
        for mark, place, instead in self.marks:
            made = re.sub(place, instead, made).replace(mark, "")
        if self.hides_thumbnails:
            made = _THUMBNAIL.sub(r"\1display:none", made)
        made = _apart(made)
        if self.body:
            made = made.replace("<body", f"<body{self.body}", 1)
        for name, gap in self.gaps.items():
            made = re.sub(rf'(<div class="[^"]*\b{name}" style="[^"]*)', rf"\1margin-top:{gap};", made)
            made = re.sub(rf'(<table [^>]*class="[^"]*{name}-outlook" style="[^"]*)', rf"\1padding-top:{gap};", made)
            made = re.sub(rf" ?{name}(-outlook)?", "", made)
        return made

    def outlook_column(self, found: re.Match[str]) -> str:
        """A column as wide as mjml makes it in Outlook, rounded as JavaScript rounds."""
        return f"{found[1]};width:{int(self.columns[int(found[2])].outlook_width + 0.5)}px"

    def phone_column(self, found: re.Match[str]) -> str:
        """A column of a group as wide as mjml makes it on a phone."""
        width = self.columns[int(found[2])].phone_width
        return f"{found[1]};width:{width}" if width else found[0]


def _apart(made: str) -> str:
    """With a number of its own for every menu of `made`: mrml gives all of them the same, so that each opens the first."""
    menus = count(1)
    pattern = r'(<input id=")00000000(".*?<label [^>]*for=")00000000"'
    return re.sub(
        pattern, lambda found: f'{found[1]}menu-{(at := next(menus))}{found[2]}menu-{at}"', made, flags=re.DOTALL
    )


def _whole(value: str) -> int:
    found = re.match(r"\s*(\d{1,6})", value)
    return int(found[1]) if found else 0


def _narrowed(room: float, found: re.Match[str]) -> str:
    width = f"{float(found[1]) - room:g}"
    return f'width="{width}" style="width:{width}px;"><tr><td style="{found[2]}'


def _riding(on: str, **attributes: str) -> dict[str, str]:
    said = "".join(f'" {name}="{html.escape(value)}' for name, value in attributes.items() if value)
    return {on: said} if said else {}
