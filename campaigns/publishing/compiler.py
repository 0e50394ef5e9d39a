"""Compiling a message once for everyone: from a rendition's template source to canonical bytes, and from bytes to a part.

What is the same for everyone becomes literal text, what is not becomes numbered slots. Links are rewritten in the template
*source*, so that per recipient only a short base address is filled in: ``https://…/c/<token>/`` + number. The offer's facts
are worked out here, so that nothing of them can change after the approval.

The bytes of a sealed part are JSON with sorted keys::

    {"v": 1, "channel": "email", "locale": "en", "slots": [[escape, tree], …],
     "fields": {"subject": [piece, …], …}}          a piece is a string, or the number of a slot
"""

import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext, override

from campaigns.links import addresses
from channels.base import Channel, EmailPart, Media, Part, PostPart, PushPart
from cms import legal
from cms.markup import literal
from cms.renditions import EmailRendition, PushRendition, Rendition, SocialRendition
from core import links
from core.errors import Invalid
from core.texts import FIELDS, PUBLIC_NAMES, Escape, Expression, Parsed, Slot, Text, parse

VERSION = 1
CONSTANT_NAMES = frozenset({"offer", "view_url"})
"""What is the same for every recipient of a part, and therefore worked out when it is sealed."""

_WAY_OUT = re.compile(r"\{\{\s*(unsubscribe_url|view_url)\s*\}\}")
_PLACE = re.compile(r"\{\{|\{%|\{#")
_TAG = re.compile(r"""<(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*)(?P<rest>(?:[^>"']|"[^"]*"|'[^']*')*)>""")
_ATTRIBUTE = re.compile(r"""(?P<name>[^\s"'<>/=]+)(?P<equals>\s*=\s*)(?P<value>"[^"]*"|'[^']*'|[^\s"'>]+)""")
_COMMENT_OR_STYLE = re.compile(r"<!--.*?-->|<style\b.*?</style\s*>", re.DOTALL | re.IGNORECASE)
_PERSONAL_PART = re.compile(r"[!$%&'*+,\-./:;=@_~?#|]*\{[{%]")
"""Behind a link: a place that would be read as more of its address."""
_LEGAL_LINE = (
    '<div style="margin:0 auto;max-width:600px;padding:0 24px 24px;font-family:sans-serif;font-size:12px;line-height:18px;'
    'color:#5c554d;text-align:center">%s</div>'
)
"""The market's legal line, under everything else."""
_URL_ATTRIBUTES = frozenset({"href", "src", "srcset", "action", "formaction", "background", "poster", "cite", "data"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a publication when its parts are compiled."""

    locale: str
    from_email: str
    list_id: str
    utm: Mapping[str, str]
    our_hosts: frozenset[str]
    facts: Mapping[str, str] = field(default_factory=dict)
    legal_line: str = ""
    view_url: str = ""
    collapse_id: str = ""
    ttl: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Compiled:
    """One part before it has a link set: its canonical bytes, the links in the order of their numbers, its pictures."""

    content: bytes
    links: tuple[tuple[str, str], ...]
    media: tuple[Media, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the bytes."""
        return hashlib.sha256(self.content).hexdigest()


# --- From a rendition to bytes ---------------------------------------------------------------------------------------


def compile_rendition(rendition: Rendition, setting: Setting) -> Compiled:
    """Compile; raises `Invalid` with a sentence when the source holds what may not be sent."""
    match rendition:
        case EmailRendition():
            return _Email(setting).compile(rendition)
        case SocialRendition():
            return _Post(setting).compile(rendition)
        case PushRendition():
            return _Push(setting).compile(rendition)


def _nowhere(locale: str) -> Setting:
    """Stands for the publication when a message is only proved: what is refused does not depend on it."""
    return Setting(locale=locale, from_email="", list_id="proof.invalid", utm={}, our_hosts=frozenset())


def prove_html(source: str, locale: str) -> None:
    """Raise `Invalid`, with line and element, for what of an author's HTML cannot be sent."""
    _Email(_nowhere(locale)).rewrite_html(source)


def prove_text(source: str, locale: str) -> None:
    """Raise `Invalid` for what of an author's plain text cannot be sent."""
    _Email(_nowhere(locale)).text_with_links(source)


def prove(rendition: Rendition, locale: str) -> None:
    """Raise `Invalid` when `rendition` could not be compiled for any publication."""
    compile_rendition(rendition, _nowhere(locale))


class _Compiler:
    channel: Channel

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.links: list[tuple[str, str]] = []
        self.numbers: dict[str, int] = {}
        self.slots: list[list[Any]] = []
        self.known: dict[str, int] = {}
        self.constants = {"offer": dict(setting.facts), "view_url": setting.view_url}

    def link(self, url: str, label: str = "") -> str:
        """The template source that stands for tracked link `url`; raises `Invalid` for one that is somebody's own."""
        if addresses.is_one_persons(url):
            raise Invalid(
                gettext(
                    "The link “%(link)s” was copied from one person's message: its clicks, or its unsubscribing, would be hers. "
                    "Put the address that it leads to."
                )
                % {"link": url[:100]}
            )
        target = self.with_utm(addresses.without_our_own(url))
        number = self.numbers.setdefault(target, len(self.links))
        if number == len(self.links):
            self.links.append((target, label[:200]))
        return "{{ click_base }}" + str(number)

    def with_utm(self, url: str) -> str:
        """`url` with our campaign parameters when it leads to ourselves or the shop and has none of its own."""
        if addresses.has_campaign_of_its_own(url) or not addresses.leads_to(url, self.setting.our_hosts):
            return url
        return addresses.appended(url, self.setting.utm)

    def pieces(self, source: str, escape: Escape) -> list[str | int]:
        """`source` as pieces for the seal; a slot that is the same for everyone is worked out now."""
        return self.pieces_of(parse(source, escape, frozenset(FIELDS)))

    def pieces_of(self, parsed: Parsed) -> list[str | int]:
        found: list[str | int] = []
        for piece in parsed.text.pieces:
            value: str | int
            if isinstance(piece, Slot):
                expression = parsed.expressions[piece.index]
                constant = expression.names() <= CONSTANT_NAMES
                value = expression.render(self.constants) if constant else self.slot(expression)
            else:
                value = piece
            if isinstance(value, str) and found and isinstance(found[-1], str):
                found[-1] += value
            elif value != "":
                found.append(value)
        return found

    def slot(self, expression: Expression) -> int:
        data = expression.to_json()
        key = json.dumps(data)
        if key not in self.known:
            self.known[key] = len(self.slots)
            self.slots.append(data)
        return self.known[key]

    def finish(self, fields: Mapping[str, Any], media: Sequence[Media] = ()) -> Compiled:
        body = {
            "v": VERSION,
            "channel": self.channel.value,
            "locale": self.setting.locale,
            "slots": self.slots,
            "fields": dict(fields),
        }
        content = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return Compiled(content=content, links=tuple(self.links), media=tuple(media))

    def text_with_links(self, source: str) -> str:
        """`source` of plain text with its bare links tracked."""

        out: list[str] = []
        end = 0
        for link in links.find(source):
            _whole(link.url)
            if _PERSONAL_PART.match(source, link.end):
                raise Invalid(
                    gettext(
                        "A link in the text holds a personal field: “%(link)s”. Links must be the same for everyone."
                    )
                    % {"link": link.url[:100]}
                )
            out += [source[end : link.start], self.link(link.url)]
            end = link.end
        return "".join([*out, source[end:]])


class _Email(_Compiler):
    channel = Channel.EMAIL

    def compile(self, rendition: EmailRendition) -> Compiled:
        # Once as written, so that errors name the author's own lines and none of our names can be used.
        for source in (rendition.subject, rendition.text):
            parse(source, Escape.TEXT, PUBLIC_NAMES)
        parse(rendition.html, Escape.HTML, PUBLIC_NAMES)
        has_way_out = legal.has_way_out(rendition.html)
        text_has_way_out = _says_way_out(parse(rendition.text, Escape.TEXT, PUBLIC_NAMES))
        with override(self.setting.locale):
            words = gettext("Unsubscribe")
        html_source = self.rewrite_html(rendition.html)
        legal_line = self.setting.legal_line
        foot = (
            ""
            if not legal_line or legal.has_address(rendition.html, legal_line)
            else _LEGAL_LINE % html.escape(legal_line)
        )
        foot = literal(foot)
        foot += "" if has_way_out else f'<p><a href="{{{{ unsubscribe_url }}}}">{html.escape(words)}</a></p>'
        foot += '<img src="{{ open_url }}" width="1" height="1" alt="" style="display:block;border:0">'
        at = html_source.lower().rfind("</body>")
        at = len(html_source) if at < 0 else at
        html_source = html_source[:at] + foot + html_source[at:]
        text_source = self.text_with_links(rendition.text)
        if legal_line and not legal.text_has_address(rendition.text, legal_line):
            text_source = f"{text_source.rstrip()}\n\n{literal(legal_line)}\n"
        if not text_has_way_out:
            text_source = text_source.rstrip() + f"\n\n{words}: {{{{ unsubscribe_url }}}}\n"
        headers = [
            ["List-Unsubscribe", self.pieces("<{{ unsubscribe_url }}>", Escape.HEADER)],
            ["List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"]],
            ["List-Id", [f"<{self.setting.list_id}>"]],
        ]
        subject = self.pieces(rendition.subject, Escape.HEADER)
        if not subject:
            raise Invalid(gettext("The e-mail has no subject. Write one and submit again."))
        return self.finish(
            {
                "subject": subject,
                "html": self.pieces(html_source, Escape.HTML),
                "text": self.pieces(text_source, Escape.TEXT),
                "from_name": _one_line(rendition.from_name),
                "from_email": self.setting.from_email,
                "reply_to": _one_line(rendition.reply_to),
                "headers": headers,
            }
        )

    def rewrite_html(self, source: str) -> str:
        """`source` with every link tracked; raises `Invalid` for a place where no value could be made safe."""
        out: list[str] = []
        end = 0
        for skipped in _COMMENT_OR_STYLE.finditer(source):
            out.append(self.rewrite_tags(source[end : skipped.start()], source.count("\n", 0, end) + 1))
            if skipped.group().lower().startswith("<style") and re.search(r"\{\{|\{%", skipped.group()):
                raise _at(
                    source.count("\n", 0, skipped.start()) + 1,
                    gettext("A personal field stands inside a style sheet. Move it into the text."),
                )
            out.append(skipped.group())
            end = skipped.end()
        out.append(self.rewrite_tags(source[end:], source.count("\n", 0, end) + 1))
        return "".join(out)

    def rewrite_tags(self, source: str, line: int) -> str:
        def rewritten(match: re.Match[str]) -> str:
            try:
                return self.rewrite_tag(match)
            except Invalid as error:
                raise _at(line + source.count("\n", 0, match.start()), error.message) from error

        return _TAG.sub(rewritten, source)

    def rewrite_tag(self, match: re.Match[str]) -> str:
        name = match["name"].lower()
        if name in {"script", "iframe", "object", "embed", "form", "base"}:
            raise Invalid(gettext("“<%(tag)s>” does not belong in an e-mail. Remove it.") % {"tag": name[:20]})
        rest = match["rest"]
        if match["close"] or not rest.strip():
            return match.group()
        outside = _ATTRIBUTE.sub("", rest)
        if _PLACE.search(outside):
            raise Invalid(
                gettext("A personal field or an if stands inside the tag “<%(tag)s>”. Move it into the text.")
                % {"tag": name[:20]}
            )
        rewritten = _ATTRIBUTE.sub(lambda attribute: self.rewrite_attribute(name, attribute), rest)
        return f"<{match['name']}{rewritten}>"

    def rewrite_attribute(self, tag: str, match: re.Match[str]) -> str:
        name, quoted = match["name"].lower(), match["value"]
        quote = quoted[0] if quoted[0] in "\"'" else ""
        value = quoted[1:-1] if quote else quoted
        if _PLACE.search(name):
            raise Invalid(gettext("A personal field stands where the name of an attribute should be."))
        if _PLACE.search(value):
            exact = _WAY_OUT.fullmatch(value.strip())
            if exact and name == "href":
                return f'{match["name"]}="{{{{ {exact[1]} }}}}"'
            if not quote or name in _URL_ATTRIBUTES or name == "style" or name.startswith("on"):
                raise Invalid(
                    gettext("A personal field stands in “%(attribute)s” of “<%(tag)s>”. It may stand in the text only.")
                    % {"attribute": name[:20], "tag": tag[:20]}
                )
            return match.group()
        if name.startswith("on"):
            raise Invalid(
                gettext("“%(attribute)s” does not belong in an e-mail. Remove it.") % {"attribute": name[:20]}
            )
        if name != "href" or tag not in {"a", "area"}:
            return match.group()
        url = addresses.from_attribute(value)
        scheme = urlsplit(_whole(url)).scheme.lower()
        if scheme in {"http", "https"}:
            return f'{match["name"]}="{self.link(url)}"'
        if scheme in {"mailto", "tel"} or url.startswith("#"):
            return match.group()
        raise Invalid(
            gettext("The link “%(link)s” is not a whole address. Begin it with https:// and submit again.")
            % {"link": url[:100]}
        )


class _Post(_Compiler):
    channel = Channel.SOCIAL

    def compile(self, rendition: SocialRendition) -> Compiled:
        # A post is no template: it has no recipient. What stands in it stays as it stands.
        pieces: list[str | int] = []
        end = 0
        written = links.find(rendition.text)
        for link in written:
            pieces += [rendition.text[end : link.start], *self.tracked(_whole(link.url))]
            end = link.end
        pieces.append(rendition.text[end:])
        if rendition.link and rendition.link not in {link.url for link in written}:
            pieces += ["\n\n" if rendition.text.strip() else "", *self.tracked(rendition.link)]
        media = [
            {
                "sha256": hashlib.sha256(picture.content).hexdigest(),
                "mime_type": picture.mime_type,
                "alt": picture.alt,
                "filename": picture.filename,
            }
            for picture in rendition.media
        ]
        return self.finish({"text": [piece for piece in pieces if piece != ""], "media": media}, rendition.media)

    def tracked(self, url: str) -> list[str | int]:
        return self.pieces(self.link(url), Escape.TEXT)


class _Push(_Compiler):
    channel = Channel.PUSH

    def compile(self, rendition: PushRendition) -> Compiled:
        for source in (rendition.title, rendition.body):
            parse(source, Escape.TEXT, PUBLIC_NAMES - {"unsubscribe_url"})
        if rendition.url and urlsplit(_whole(rendition.url)).scheme not in {"http", "https"}:
            raise Invalid(gettext("The notification's link must be a whole address that begins with https://."))
        return self.finish(
            {
                "title": self.pieces(rendition.title, Escape.TEXT),
                "body": self.pieces(rendition.body, Escape.TEXT),
                "url": self.pieces(self.link(rendition.url), Escape.TEXT) if rendition.url else [],
                "image_url": rendition.image_url,
                "collapse_id": self.setting.collapse_id,
                "ttl_seconds": int(self.setting.ttl.total_seconds()),
            }
        )


def _at(line: int, sentence: str) -> Invalid:
    return Invalid(gettext("Line %(line)s: %(sentence)s") % {"line": line, "sentence": sentence})


def _whole(url: str) -> str:
    """`url` when it can be taken apart; raises `Invalid` for what is no address, such as ``https://[shop``."""
    try:
        parts = urlsplit(url)
        known = parts.hostname if parts.scheme in {"http", "https"} else "-"
    except ValueError:
        known = None
    if not known:
        raise Invalid(
            gettext("The link “%(link)s” is not a whole address. Begin it with https:// and submit again.")
            % {"link": url[:100]}
        )
    return url


def _says_way_out(parsed: Parsed) -> bool:
    """Whether the way out is there for everyone: not only inside an ``if``."""
    return any(expression.tree == ["name", "unsubscribe_url"] for expression in parsed.expressions)


def _one_line(value: str) -> str:
    return " ".join(value.split())


# --- From bytes to a part --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sealed part ready to be sent: the provider's `Part`, and what works out a recipient's values."""

    part_id: int
    link_set_id: int
    sha256: str
    part: Part
    expressions: tuple[Expression, ...]
    names: frozenset[str]
    post: Callable[[Sequence[str]], PostPart] | None = None

    def values(self, context: Mapping[str, Any]) -> tuple[str, ...]:
        """One recipient's values; raises `Invalid` when one cannot be worked out."""
        return tuple(expression.render(context) for expression in self.expressions)

    def part_for(self, values: Sequence[str]) -> Part:
        """The part itself, or for a post, which has no slots of its own, the post with its tracked link."""
        return self.post(values) if self.post else self.part


def load(content: bytes, *, part_id: int, link_set_id: int, assets: Mapping[str, bytes]) -> Loaded:
    """Read sealed bytes back. `assets` are the sealed pictures by their hash."""
    body = json.loads(content)
    if body["v"] != VERSION:
        raise Invalid(gettext("This seal was made by another version of Almanac. Approve the publication again."))
    fields = body["fields"]
    expressions = tuple(Expression.from_json(data) for data in body["slots"])
    post = None
    part: Part
    match body["channel"]:
        case Channel.EMAIL:
            part = EmailPart(
                subject=_text(fields["subject"]),
                html=_text(fields["html"]),
                text=_text(fields["text"]),
                from_name=fields["from_name"],
                from_email=fields["from_email"],
                reply_to=fields["reply_to"],
                headers=tuple((name, _text(pieces)) for name, pieces in fields["headers"]),
            )
        case Channel.SOCIAL:
            text = _text(fields["text"])
            media = tuple(
                Media(assets[item["sha256"]], item["mime_type"], item["alt"], item["filename"])
                for item in fields["media"]
            )
            part = PostPart(text="".join(piece for piece in text.pieces if isinstance(piece, str)), media=media)

            def post(values: Sequence[str]) -> PostPart:
                return PostPart(text=text.fill(values), media=media)

        case Channel.PUSH:
            part = PushPart(
                title=_text(fields["title"]),
                body=_text(fields["body"]),
                url=_text(fields["url"]),
                image_url=fields["image_url"],
                collapse_id=fields["collapse_id"],
                ttl=timedelta(seconds=fields["ttl_seconds"]),
            )
        case other:
            raise Invalid(gettext("There is no channel “%(channel)s”.") % {"channel": other})
    return Loaded(
        part_id=part_id,
        link_set_id=link_set_id,
        sha256=hashlib.sha256(content).hexdigest(),
        part=part,
        expressions=expressions,
        names=frozenset().union(*(expression.names() for expression in expressions)),
        post=post,
    )


def _text(pieces: Sequence[str | int]) -> Text:
    return Text(tuple(Slot(piece) if isinstance(piece, int) else piece for piece in pieces))
