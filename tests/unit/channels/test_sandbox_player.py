"""Playing the recipient: real calls to a site that writes down what it was asked."""

import json
import smtplib
import threading
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from channels.sandbox import player, players, reading
from channels.sandbox.store import Store
from core.errors import Invalid, Missing, TryLater


@pytest.fixture
def site(settings, sandbox, tmp_path):
    """Our own site, as the base URL names it; the sandbox is the one of this installation."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(("GET", self.path, dict(self.headers), b""))
            if self.path.startswith("/c/"):
                number = self.path[-1]
                away = "https://shop.example/out" if number == "9" else f"/sale/?n={number}&al=tok&utm_campaign=linen"
                self.send_response(302)
                self.send_header("Location", away)
            else:
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(("POST", self.path, dict(self.headers), body))
            self.send_response(500 if "broken" in self.path else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.ALMANAC_BASE_URL = f"http://127.0.0.1:{server.server_port}"
    settings.ALMANAC_HOME = Path(tmp_path)
    server.calls = calls
    server.url = settings.ALMANAC_BASE_URL
    yield server
    server.shutdown()
    server.server_close()


def letter(site, unsubscribe="/u/tok"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <news@shop.example>", "anna@mail.example", "Linen"
    mail["Message-ID"] = "<d1@shop.example>"
    mail["List-Unsubscribe"] = f"<{site.url}{unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content("Linen: see the sale")
    mail.add_alternative(
        f'<h1>Linen</h1><a href="{site.url}/c/tok/0">The sale</a> <a href="{site.url}/c/tok/9">The shop</a>'
        f'<a href="https://elsewhere.example/">Elsewhere</a>'
        f'<script>alert(1)</script><img src="{site.url}/o/tok.gif" alt="">',
        subtype="html",
    )
    return mail


@pytest.fixture
def message(sandbox, site):
    def deliver(**more):
        with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
            client.send_message(letter(site, **more))
        return sandbox.arrivals()[-1]

    return deliver


def marks(sandbox, message):
    store = Store(sandbox.folder / "arrivals.sqlite3", read_only=True)
    try:
        return [mark.what for mark in store.marks([message.id])[message.id]]
    finally:
        store.close()


def test_a_mail_is_shown_as_it_reads(message):
    seen = player.find(message().id)
    assert (seen.kind, seen.title, seen.sender) == ("mail", "Linen", "Shop <news@shop.example>")
    assert seen.text.strip() == "Linen: see the sale"
    assert [(link.label, link.token) for link in seen.links] == [
        ("The sale", "tok"),
        ("The shop", "tok"),
        ("Elsewhere", ""),
    ]
    assert ("Subject", "Linen") in seen.headers


def test_links_in_plain_text_end_where_they_end(sandbox, site):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "news@shop.example", "ada@example.com", "Linen"
    mail.set_content(f"立即抢购{site.url}/c/tok/0，全场五折。（{site.url}/c/tok/9）<b>")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
        client.send_message(mail)
    seen = player.find(sandbox.arrivals()[-1].id)
    assert [link.url for link in seen.links] == [f"{site.url}/c/tok/0", f"{site.url}/c/tok/9"]
    assert f'立即抢购<a href="{site.url}/c/tok/0" rel="nofollow">{site.url}/c/tok/0</a>，全场' in seen.text_with_links
    assert "&lt;b&gt;" in seen.text_with_links


def test_looking_at_it_tells_nobody(message):
    shown = reading.frame(player.find(message().id))
    assert "/o/tok.gif" not in shown and 'target="_blank"' in shown


def test_opening_loads_the_picture(site, sandbox, message):
    arrived = message()
    assert player.open_mail(arrived) == 1
    ((method, path, headers, _),) = site.calls
    assert (method, path) == ("GET", "/o/tok.gif") and headers["User-Agent"].startswith("Mozilla/5.0 (")
    assert marks(sandbox, arrived) == ["opened"]


def test_a_click_leads_to_the_page_and_its_script_runs(site, sandbox, message):
    arrived = message()
    visit = player.click(arrived, 0)
    assert visit == player.Visit(f"{site.url}/sale/?n=0&al=tok&utm_campaign=linen", "tok", 200)
    assert [(method, path.partition("?")[0]) for method, path, _, _ in site.calls] == [
        ("GET", "/c/tok/0"),
        ("GET", "/sale/"),
        ("POST", "/t/page"),
    ]
    _, _, headers, body = site.calls[-1]
    view = json.loads(body)
    assert headers["Origin"] == site.url
    assert (view["path"], view["al"], view["campaign"]) == ("/sale/", "tok", "linen") and len(view["visitor"]) == 32
    assert marks(sandbox, arrived) == ["clicked"]


def test_the_shop_beyond_is_not_called(site, message):
    visit = player.click(message(), 1)
    assert (visit.url, visit.status) == ("https://shop.example/out", 302)
    assert len(site.calls) == 1


def test_links_that_are_not_ours_are_refused(site, message):
    with pytest.raises(Invalid, match="outside"):
        player.click(message(), 2)
    with pytest.raises(Missing):
        player.click(message(), 3)
    assert site.calls == []


def test_unsubscribing_with_one_click(site, sandbox, message):
    arrived = message()
    assert player.unsubscribe(arrived) == 204
    ((method, path, headers, body),) = site.calls
    assert (method, path, body) == ("POST", "/u/tok", b"List-Unsubscribe=One-Click")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert marks(sandbox, arrived) == ["unsubscribed"]


def test_an_unsubscribe_that_fails_is_told(sandbox, message):
    arrived = message(unsubscribe="/u/broken")
    with pytest.raises(TryLater, match="500"):
        player.unsubscribe(arrived)
    assert marks(sandbox, arrived) == []


def test_an_order_follows_a_click(sandbox, message, monkeypatch):
    monkeypatch.setattr(players, "_players", {})
    arrived = message()
    with pytest.raises(Missing):
        player.order(arrived)
    taken = []
    players.register("order", lambda url, token, email: taken.append((url, token, email)) or "Order 1")
    assert player.order(arrived) == "Order 1"
    ((url, token, address),) = taken
    assert "/sale/" in url and (token, address) == ("tok", "anna@mail.example")
    assert marks(sandbox, arrived) == ["clicked", "ordered"]


def test_a_plain_mail_server_tells_of_nothing(message):
    with pytest.raises(Invalid):
        player.report(message(), "spamreport")


def test_a_spam_report_goes_the_way_of_sendgrid(site, sandbox):
    from tests.unit.channels.test_sandbox_services import mail_to, sendgrid

    sendgrid(sandbox).send(mail_to("anna@mail.example"))
    (arrived,) = sandbox.arrivals("sendgrid")
    player.report(arrived, "spamreport")
    assert sandbox.control("GET", "state")["pending_events"] == 1
    assert marks(sandbox, arrived) == ["complained"]
