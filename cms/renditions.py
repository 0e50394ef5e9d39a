"""How one content item reads on one channel, ready to be compiled.

The strings are template sources: they may hold ``{{ … }}`` places for what differs per recipient (`core.texts.parse`
reads them). What came from a plain field, such as a page's title, holds none.
"""

from dataclasses import dataclass, field

from channels.base import Media

POST_NAMES = frozenset({"offer"})
"""A post is the same for everyone: it may name the offer's facts and nothing of a person."""


@dataclass(frozen=True, slots=True)
class EmailRendition:
    """A complete e-mail: styles are inlined, links absolute and not yet rewritten.

    `html` holds the brand's header and footer with its postal address and ``{{ unsubscribe_url }}``. `derived` names the
    parts that nobody wrote and that were made from the rest: ``subject``, ``preheader``, ``html``, ``text``.
    """

    subject: str
    preheader: str
    html: str
    text: str
    from_name: str = ""
    reply_to: str = ""
    derived: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SocialRendition:
    """A post, the same for everyone: offer facts already stand in `text`, which does not hold `link`."""

    text: str
    link: str = ""
    media: tuple[Media, ...] = ()
    derived: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class PushRendition:
    """A notification. `url` is where a tap leads, `image_url` an absolute address or empty."""

    title: str
    body: str
    url: str = ""
    image_url: str = ""
    derived: frozenset[str] = field(default_factory=frozenset)


Rendition = EmailRendition | SocialRendition | PushRendition
