"""A message as its recipient sees it: an opened mail, a post, a notification."""

import email
import json
import re
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from django.conf import settings
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from channels.sandbox import sendgrid
from channels.sandbox.store import Arrival, Mark, Store
from core.links import find

_TRACKED = re.compile(r"/c/([A-Za-z0-9_-]+)/(\d+)\Z")
_OPENED = re.compile(r"/o/[A-Za-z0-9_-]+\.gif\Z")
_UNSUBSCRIBE = re.compile(r"<(https?://[^>]+)>")
_NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a message. `token` is the click token of a tracked one, else ""."""

    number: int
    label: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a post, by its id in the sandbox."""

    id: str
    alt: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything a recipient can see or do. `kind` is mail, post or push."""

    arrival: Arrival
    kind: str
    title: str
    sender: str = ""
    text: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    images: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    unsubscribe_url: str = ""
    one_click: bool = False
    marks: tuple[Mark, ...] = field(default=())

    @property
    def click_token(self) -> str:
        """The token that the tracked links carry, or ""."""
        return next((link.token for link in self.links if link.token), "")

    @property
    def text_with_links(self) -> SafeString:
        """The text as HTML, with what leads somewhere to be clicked."""
        pieces, end = [], 0
        for found in find(self.text):
            pieces += [
                escape(self.text[end : found.start]),
                format_html('<a href="{0}" rel="nofollow">{0}</a>', found.url),
            ]
            end = found.end
        return mark_safe("".join([*pieces, escape(self.text[end:])]))  # noqa: S308 - every piece is escaped

    @property
    def opens(self) -> bool:
        """Whether opening it loads something from us."""
        return any(_OPENED.search(urlsplit(url).path) for url in self.images)


def is_ours(url: str) -> bool:
    """Whether `url` leads to this installation."""
    return urlsplit(url).netloc == urlsplit(settings.ALMANAC_BASE_URL).netloc


def shown(store: Store, arrival: Arrival) -> Shown:
    """`arrival` as its recipient sees it."""
    payload = store.payload(arrival.payload_id)
    marks = tuple(store.marks([arrival.id])[arrival.id])
    match arrival.service:
        case "smtp":
            return _mail(arrival, payload, marks)
        case "sendgrid":
            return _sendgrid_mail(arrival, payload, marks)
        case "x":
            return _post(store, arrival, marks)
    return _notification(arrival, payload, marks)


def frame(seen: Shown) -> str:
    """The mail's HTML for looking at: without the picture that tells of an opening, links in a new tab."""
    soup = BeautifulSoup(seen.html, "html.parser")
    for image in soup.find_all("img", src=True):
        if _OPENED.search(urlsplit(str(image["src"])).path):
            image["src"] = _NOTHING
    base = soup.new_tag("base", target="_blank")
    (soup.head or soup).insert(0, base)
    return str(soup)


def _mail(arrival: Arrival, payload: bytes, marks: tuple[Mark, ...]) -> Shown:
    message = email.message_from_bytes(payload, policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers = tuple((name, str(value)) for name, value in message.items())
    return _opened(arrival, headers, _body(message, "html"), _body(message, "plain"), marks)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, UnicodeError):
        return str(part.get_payload())


def _sendgrid_mail(arrival: Arrival, payload: bytes, marks: tuple[Mark, ...]) -> Shown:
    mail = sendgrid.read(arrival, payload)
    headers = [("From", _mailbox(mail["from"])), ("To", mail["to"]), ("Subject", mail["subject"])]
    if mail["reply_to"]:
        headers.append(("Reply-To", _mailbox(mail["reply_to"])))
    headers += list(mail["headers"].items())
    headers += [(f"custom_args: {name}", value) for name, value in mail["custom_args"].items()]
    return _opened(arrival, tuple(headers), mail["html"], mail["text"], marks)


def _mailbox(address: dict[str, str]) -> str:
    return f"{address['name']} <{address['email']}>" if address.get("name") else address["email"]


def _opened(
    arrival: Arrival, headers: tuple[tuple[str, str], ...], html: str, text: str, marks: tuple[Mark, ...]
) -> Shown:
    named = {name.lower(): value for name, value in headers}
    unsubscribe = _UNSUBSCRIBE.search(named.get("list-unsubscribe", ""))
    soup = BeautifulSoup(html, "html.parser")
    return Shown(
        arrival,
        "mail",
        arrival.subject,
        sender=named.get("from", ""),
        text=text,
        html=html,
        headers=headers,
        links=_links_of(soup) if html else _links_in(text),
        images=tuple(str(image["src"]) for image in soup.find_all("img", src=True)),
        unsubscribe_url=unsubscribe[1] if unsubscribe else "",
        one_click=named.get("list-unsubscribe-post", "") == "List-Unsubscribe=One-Click",
        marks=marks,
    )


def _links_of(soup: BeautifulSoup) -> tuple[Link, ...]:
    found: dict[str, str] = {}
    for anchor in soup.find_all("a", href=True):
        url = str(anchor["href"])
        if url.startswith(("http://", "https://")):
            picture = anchor.find("img", alt=True)
            label = " ".join(anchor.get_text(" ").split()) or (str(picture["alt"]) if picture else "")
            found[url] = found.get(url) or label
    return tuple(_link(number, url, label) for number, (url, label) in enumerate(found.items()))


def _links_in(text: str) -> tuple[Link, ...]:
    return tuple(_link(number, url, "") for number, url in enumerate(dict.fromkeys(found.url for found in find(text))))


def _link(number: int, url: str, label: str) -> Link:
    tracked = _TRACKED.search(urlsplit(url).path)
    return Link(number, label or url, url, tracked[1] if tracked and is_ours(url) else "")


def _post(store: Store, arrival: Arrival, marks: tuple[Mark, ...]) -> Shown:
    text = arrival.detail["text"]
    found = [store.media(number) for number in arrival.detail["media"]]
    pictures = tuple(Picture(media.id, media.alt) for media in found if media is not None)
    return Shown(
        arrival, "post", arrival.subject, arrival.recipient, text, links=_links_in(text), pictures=pictures, marks=marks
    )


def _notification(arrival: Arrival, payload: bytes, marks: tuple[Mark, ...]) -> Shown:
    message = json.loads(payload)["message"]
    notification, data = message.get("notification", {}), message.get("data", {})
    url = data.get("url", "")
    return Shown(
        arrival,
        "push",
        notification.get("title", ""),
        text=notification.get("body", ""),
        headers=tuple((name, json.dumps(value, ensure_ascii=False)) for name, value in message.items()),
        links=(_link(0, url, ""),) if url else (),
        images=(notification["image"],) if notification.get("image") else (),
        marks=marks,
    )
