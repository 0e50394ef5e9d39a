"""What MJML consists of: its tags, where each may stand, and the attributes each takes.

The tables say what npm ``mjml`` 5.4.1 says: ``tests/unit/cms/test_mjml_attributes.py`` compares them with the package, and
renders every attribute of every tag with both. What mrml 0.2.4 does otherwise is in `cms.mjml_mends`.
"""

from collections.abc import Mapping


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _sides(name: str) -> frozenset[str]:
    return frozenset({name, *(f"{name}-{side}" for side in ("top", "right", "bottom", "left"))})


PADDING = _sides("padding")
BORDER = _sides("border") | {"border-radius"}
FONT = _names("color font-family font-size font-weight line-height")
FRAME = PADDING | {"container-background-color"}
"""What a tag that stands in a column has around it."""
BACKGROUND = _names(
    "background-color background-url background-repeat background-size background-position background-position-x"
    " background-position-y"
)
_SECTION = PADDING | BORDER | BACKGROUND | _names("direction full-width gutter text-align text-padding")
_SOCIAL_TEXT = FONT | _names(
    "font-style text-decoration text-padding icon-size icon-height icon-padding border border-radius"
)
_ACCORDION = _names(
    "border font-family icon-align icon-width icon-height icon-wrapped-url icon-wrapped-alt icon-unwrapped-url"
    " icon-unwrapped-alt icon-position"
)

ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "mj-body": _names("width background-color id"),
    "mj-wrapper": _SECTION | {"gap"},
    "mj-section": _SECTION,
    "mj-hero": PADDING
    | _sides("inner-padding")
    | _names(
        "mode height background-url background-width background-height background-position border-radius"
        " inner-background-color background-color vertical-align"
    ),
    "mj-group": _names("background-color direction vertical-align width"),
    "mj-column": PADDING
    | BORDER
    | {f"inner-{name}" for name in BORDER}
    | _names("background-color inner-background-color direction vertical-align width"),
    "mj-text": FRAME
    | FONT
    | _names("align background-color font-style height letter-spacing text-decoration text-transform vertical-align"),
    "mj-button": FRAME
    | BORDER
    | FONT
    | _names(
        "align background-color font-style height href name title inner-padding letter-spacing rel target"
        " text-decoration text-transform vertical-align text-align width"
    ),
    "mj-image": FRAME
    | BORDER
    | _names(
        "alt href name src srcset sizes title rel align fluid-on-mobile target width height max-height font-size usemap"
    ),
    "mj-divider": FRAME | _names("border-color border-style border-width width align"),
    "mj-spacer": FRAME | _sides("border") | {"height"},
    "mj-table": FRAME | FONT | _names("align border cellpadding cellspacing role table-layout vertical-align width"),
    "mj-raw": _names("position"),
    "mj-social": FRAME | _SOCIAL_TEXT | _names("align inner-padding mode table-layout vertical-align"),
    "mj-social-element": PADDING
    | _SOCIAL_TEXT
    | _names("align icon-position background-color href name rel src srcset sizes alt title target vertical-align"),
    "mj-navbar": PADDING
    | _sides("ico-padding")
    | _names(
        "align base-url hamburger ico-align ico-open ico-close ico-color ico-font-size ico-font-family"
        " ico-text-transform ico-text-decoration ico-line-height"
    ),
    "mj-navbar-link": PADDING
    | FONT
    | _names("font-style href name target rel letter-spacing text-decoration text-transform"),
    "mj-accordion": FRAME | _ACCORDION,
    "mj-accordion-element": _ACCORDION | {"background-color"},
    "mj-accordion-title": PADDING | (FONT - {"line-height"}) | {"background-color"},
    "mj-accordion-text": PADDING | FONT | _names("background-color letter-spacing"),
    "mj-carousel": FRAME
    | _names(
        "align border-radius icon-width left-icon right-icon thumbnails tb-border tb-border-radius"
        " tb-hover-border-color tb-selected-border-color tb-width"
    ),
    "mj-carousel-image": _names(
        "alt href rel target title src thumbnails-src border-radius tb-border tb-border-radius"
    ),
    "mj-font": _names("name href"),
    "mj-style": _names("inline"),
    "mj-breakpoint": _names("width"),
}
"""The attributes of each tag, without those that every tag takes."""

EVERYWHERE = _names("css-class mj-class")

_CONTENT = _names(
    "mj-accordion mj-button mj-carousel mj-divider mj-image mj-raw mj-social mj-spacer mj-table mj-text mj-navbar"
)
CHILDREN: Mapping[str, frozenset[str]] = {
    "mjml": _names("mj-head mj-body mj-raw"),
    "mj-head": _names("mj-attributes mj-breakpoint mj-font mj-html-attributes mj-preview mj-style mj-title mj-raw"),
    "mj-attributes": frozenset(ATTRIBUTES) | _names("mj-all mj-class"),
    "mj-class": frozenset(ATTRIBUTES),
    "mj-html-attributes": _names("mj-selector"),
    "mj-selector": _names("mj-html-attribute"),
    "mj-body": _names("mj-raw mj-section mj-wrapper mj-hero"),
    "mj-wrapper": _names("mj-raw mj-section mj-hero"),
    "mj-section": _names("mj-raw mj-column mj-group"),
    "mj-group": _names("mj-raw mj-column"),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-accordion": _names("mj-raw mj-accordion-element"),
    "mj-accordion-element": _names("mj-raw mj-accordion-title mj-accordion-text"),
    "mj-carousel": _names("mj-carousel-image"),
    "mj-navbar": _names("mj-raw mj-navbar-link"),
    "mj-social": _names("mj-raw mj-social-element"),
}
"""What may stand in each tag that holds MJML."""

WORDED = _names(
    "mj-accordion-title mj-accordion-text mj-button mj-carousel-image mj-navbar-link mj-raw mj-social-element mj-table"
    " mj-text mj-preview mj-style mj-title mj-breakpoint mj-html-attribute"
)
"""Tags whose content is text or HTML; MJML passes it on as it stands."""

TAGS = frozenset(CHILDREN) | frozenset(ATTRIBUTES) | WORDED | {"mj-all"}

HOLDS_PLACES = _names("mj-body mj-wrapper mj-section mj-group mj-column mj-hero")
"""Where an ``if`` or ``<mj-raw>`` may stand between tags; elsewhere mrml puts it where only Outlook reads, or refuses it."""

PASSED_ON: Mapping[str, frozenset[str]] = {
    "mj-social": _SOCIAL_TEXT,
    "mj-accordion": _ACCORDION - {"font-family"},
    "mj-accordion-element": frozenset({"border", "icon-align"}),
}
"""Attributes a tag hands to the tags in it: they win over ``mj-all``, and lose to what the child's own tag or class says."""

VERBATIM = _names(
    "href src srcset sizes alt title background-url base-url left-icon right-icon thumbnails-src icon-wrapped-url"
    " icon-wrapped-alt icon-unwrapped-url icon-unwrapped-alt usemap"
)
"""Attributes whose value is passed on as it stands."""
