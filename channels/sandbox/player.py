"""Playing the recipient: what a mail client, a browser or a provider would do, as real calls to our own site.

Nothing outside this installation is called: a link that leads elsewhere is refused with a sentence.
"""

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from channels.sandbox import control, players, reading
from channels.sandbox.reading import Link, Shown
from channels.sandbox.store import Arrival
from core.errors import Invalid, Missing, TryLater
from core.http import Answer, Door

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
    " Mobile/15E148 Safari/604.1"
)
PICTURES_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a click led. `url` is the page that was shown, `token` the click token, "" for an untracked link."""

    url: str
    token: str
    status: int


def find(number: int) -> Shown:
    """The message with this number in the outbox; raises `Missing`."""
    with control.opened() as store:
        arrival = store.arrival(number) if store else None
        if store is None or arrival is None:
            raise Missing(_("There is no such message in the outbox."))
        return reading.shown(store, arrival)


def open_mail(message: Arrival) -> int:
    """Open it as a mail client does: load its pictures from our site. Returns how many were loaded."""
    seen = find(message.id)
    urls = [url for url in dict.fromkeys(seen.images) if reading.is_ours(url)][:PICTURES_AT_MOST]
    if not urls:
        raise Invalid(_("Opening this message loads nothing from us, so nobody would know of it."))
    with Door() as door:
        for url in urls:
            _get(door, url, _agent(seen), {"Accept": "image/avif,image/webp,image/png,image/*;q=0.8"})
    _mark(message, "opened")
    return len(urls)


def click(message: Arrival, number: int) -> Visit:
    """Follow link `number` (as `reading.shown` counts them) and look at the page with a browser that runs its script."""
    seen = find(message.id)
    if not 0 <= number < len(seen.links):
        raise Missing(_("The message has no such link."))
    link = seen.links[number]
    with Door() as door:
        visit = _visit(door, seen, link)
    _mark(message, "clicked", link.label)
    return visit


def _visit(door: Door, seen: Shown, link: Link) -> Visit:
    if not reading.is_ours(link.url):
        raise Invalid(_("This link leads outside this machine; the sandbox does not go there."))
    agent = _agent(seen)
    answer, url = _get(door, link.url, agent), link.url
    hops = 0
    while answer.status in {301, 302, 303, 307, 308} and hops < 5:
        url = answer.headers.get("location", "")
        url = f"{settings.ALMANAC_BASE_URL}{url}" if url.startswith("/") else url
        if not reading.is_ours(url):  # the click is counted; the shop beyond is not ours to call
            return Visit(url, link.token, answer.status)
        answer = _get(door, url, agent)
        hops += 1
    if answer.status == 200:
        _run_script(door, seen, url, agent, link.token)
    return Visit(url, link.token, answer.status)


def _run_script(door: Door, seen: Shown, url: str, agent: str, token: str) -> None:
    """What the page's script does: tell of the page view."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    view = {
        "path": parts.path,
        "referrer": "",
        "visitor": hashlib.sha256(f"sandbox {seen.arrival.recipient}".encode()).hexdigest()[:32],
        "al": query.get("al", token),
        "campaign": query.get("utm_campaign", ""),
        "medium": query.get("utm_medium", ""),
        "content": query.get("utm_content", ""),
    }
    headers = {
        "User-Agent": agent,
        "Accept-Language": "en-US,en;q=0.9",
        "Origin": settings.ALMANAC_BASE_URL,
        "Referer": url,
        "Content-Type": "application/json",
    }
    door.request("POST", f"{settings.ALMANAC_BASE_URL}/t/page", headers=headers, content=json.dumps(view).encode())


def unsubscribe(message: Arrival) -> int:
    """Press the mail client's own unsubscribe button: one POST, nothing else (RFC 8058). Returns the status."""
    seen = find(message.id)
    if not (seen.unsubscribe_url and seen.one_click):
        raise Invalid(_("This message offers no one-click unsubscribe."))
    if not reading.is_ours(seen.unsubscribe_url):
        raise Invalid(_("This link leads outside this machine; the sandbox does not go there."))
    with Door() as door:
        answer = door.request(
            "POST",
            seen.unsubscribe_url,
            headers={"Content-Type": "application/x-www-form-urlencoded", "User-Agent": BROWSER},
            content=b"List-Unsubscribe=One-Click",
        )
    if answer.status >= 400:
        raise TryLater(_("Our site answered %(status)d; the person is not unsubscribed.") % {"status": answer.status})
    _mark(message, "unsubscribed")
    return answer.status


def order(message: Arrival, number: int | None = None) -> str:
    """Click the message's first tracked link (or `number`) and order; returns a sentence that says what was ordered."""
    play = players.find("order")
    if play is None:
        raise Missing(_("Nothing here can take an order."))
    seen = find(message.id)
    if number is None:
        number = next((link.number for link in seen.links if link.token), None)
    if number is None:
        raise Invalid(_("This message has no tracked link that would lead to the shop."))
    visit = click(message, number)
    sentence = play(visit.url, visit.token, message.recipient if seen.kind == "mail" else "")
    _mark(message, "ordered", sentence)
    return sentence


def report(message: Arrival, event: str) -> None:
    """Have SendGrid say `event` (bounce, spamreport) of this message, in a signed call of our webhook."""
    if message.service != "sendgrid":
        raise Invalid(_("Only SendGrid tells of such things; a plain mail server does not."))
    control.call(control.running_ports()["http_port"], "events", {"arrival": message.id, "event": event})
    _mark(message, {"bounce": "bounced", "spamreport": "complained"}.get(event, event))


def _agent(seen: Shown) -> str:
    return PHONE if seen.kind == "push" else BROWSER


def _get(door: Door, url: str, agent: str, more: dict[str, str] | None = None) -> Answer:
    headers = {"User-Agent": agent, "Accept-Language": "en-US,en;q=0.9", "Accept": "text/html,*/*;q=0.8"}
    return door.request("GET", url, headers=headers | (more or {}), seconds=20)


def _mark(message: Arrival, what: str, detail: str = "") -> None:
    control.call(
        control.running_ports()["http_port"], "marks", {"arrival": message.id, "what": what, "detail": detail[:200]}
    )
