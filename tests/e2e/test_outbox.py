"""The outbox in a real browser: every channel, tabs and widths, playing the recipient, and its empty states."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from channels import registry
from channels.base import EmailPart, Job, Media, NullFlight, PostPart, PushPart
from core.texts import Slot, Text

# Playwright keeps an event loop in this thread; Django would refuse the database otherwise.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HTML = """<!doctype html><html><body style="margin:0;background:#f3ede4;font-family:Georgia,serif">
<div style="max-width:600px;margin:auto;background:#fff;padding:32px"><h1 style="color:#7a4a2b">Linen days</h1>
<p>Dear {name}, our linen is a third off until Friday.</p>
<p><a style="background:#7a4a2b;color:#fff;padding:12px 20px" href="{base}/c/tok/0">See the sale</a></p>
<script>document.title = "hacked"; top.document.title = "hacked"</script>
<p><a href="{base}/u/tok">Unsubscribe</a></p></div><img src="{base}/o/tok.gif" alt=""></body></html>"""


@pytest.fixture
def base(live_server, settings, tmp_path):
    settings.ALMANAC_BASE_URL = settings.WAGTAILADMIN_BASE_URL = live_server.url
    settings.ALMANAC_HOME = Path(tmp_path)
    return live_server.url


@pytest.fixture
def admin(page, base, owner):
    page.goto(f"{base}/admin/login/")
    page.fill("[name=username]", "owner")
    page.fill("[name=password]", "pass-word-1")
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{base}/admin/")
    return page


def send(account, job):
    provider = registry.open_provider(account)
    (outcome,) = provider.send([job], NullFlight())
    provider.close()
    assert outcome.result == "accepted", outcome


def mail(base, number=0):
    before, after = HTML.replace("{base}", base).split("{name}")
    part = EmailPart(
        Text(("Linen days for ", Slot(0))),
        Text((before, Slot(0), after)),
        Text(("Dear ", Slot(0), f"\n\nOur linen is a third off: {base}/c/tok/0\n")),
        "Hearth & Linen",
        "news@hearthandlinen.example",
        headers=(
            ("List-Unsubscribe", Text((f"<{base}/u/tok>",))),
            ("List-Unsubscribe-Post", Text(("List-Unsubscribe=One-Click",))),
        ),
    )
    return Job(f"d{number}", f"anna{number}@mail.example", part, ("Anna",))


@pytest.fixture
def full(sandbox, base):
    """Something on every channel."""
    accounts = sandbox.accounts()
    send(accounts["smtp"], mail(base))
    send(accounts["sendgrid"], mail(base, 1))
    picture = Media(a_picture(), "image/png", "A linen cloth on a table", "linen.png")
    send(accounts["x"], Job("d2", "", PostPart(f"Linen days are here. {base}/c/tok/0", (picture,))))
    push = PushPart(Text(("Linen days",)), Text(("A third off until Friday.",)), Text((f"{base}/c/tok/0",)))
    send(accounts["fcm"], Job("d3", "device-1", push))
    return accounts


def a_picture():
    content = io.BytesIO()
    Image.effect_mandelbrot((640, 360), (-2, -1.2, 1.2, 1.2), 60).convert("RGB").save(content, "PNG")
    return content.getvalue()


def look(page, name):
    """Screenshots for whoever wants to look: ALMANAC_TEST_SCREENSHOTS names a folder."""
    if folder := os.environ.get("ALMANAC_TEST_SCREENSHOTS"):
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})


def test_the_menu_shows_it_while_a_sandbox_is_in_use(admin, base, sandbox):
    assert admin.get_by_role("link", name="Outbox (sandbox)").count() == 0
    sandbox.accounts()
    admin.goto(f"{base}/admin/outbox/")
    admin.get_by_role("link", name="Outbox (sandbox)").first.wait_for()
    assert admin.get_by_text("Nothing has arrived yet").is_visible()
    look(admin, "empty")


def test_every_channel_as_its_recipient_sees_it(admin, base, full):
    admin.goto(f"{base}/admin/outbox/")
    assert admin.locator(".outbox-table tbody tr").count() == 4
    look(admin, "list")

    admin.get_by_role("link", name="Linen days for Anna").last.click()
    frame = admin.frame_locator("iframe.outbox-frame")
    frame.get_by_role("heading", name="Linen days").wait_for()
    assert admin.title() != "hacked"
    look(admin, "mail")
    admin.get_by_role("button", name="Phone").click()
    assert admin.locator("iframe.outbox-frame").bounding_box()["width"] <= 376
    look(admin, "mail-phone")
    admin.get_by_role("tab", name="HTML").focus()
    admin.keyboard.press("ArrowRight")
    assert admin.get_by_role("tabpanel").get_by_text("Our linen is a third off").is_visible()
    look(admin, "mail-text")
    admin.keyboard.press("ArrowRight")
    assert admin.get_by_role("row", name="List-Unsubscribe-Post").is_visible()
    look(admin, "mail-headers")

    admin.goto(f"{base}/admin/outbox/?channel=social")
    admin.get_by_role("link", name="Linen days are here").click()
    picture = admin.get_by_alt_text("A linen cloth on a table")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    look(admin, "post")

    admin.goto(f"{base}/admin/outbox/?q=device-1")
    admin.get_by_role("link", name="Linen days", exact=True).click()
    admin.get_by_text("A third off until Friday.").first.wait_for()
    look(admin, "push")


def test_searching_in_vain_says_so(admin, base, full):
    admin.goto(f"{base}/admin/outbox/")
    admin.get_by_label("Recipient or subject").fill("nobody-of-that-name")
    admin.get_by_role("button", name="Search").last.click()
    admin.get_by_text("Nothing that arrived fits").wait_for()
    look(admin, "none")


def test_new_messages_appear_by_themselves(admin, base, sandbox):
    accounts = sandbox.accounts()
    admin.goto(f"{base}/admin/outbox/")
    send(accounts["smtp"], mail(base, 7))
    admin.get_by_text("anna7@mail.example").wait_for(timeout=8000)


def test_playing_says_what_came_of_it(admin, base, full):
    admin.goto(f"{base}/admin/outbox/?q=anna1@")
    admin.get_by_role("link", name="Linen days for Anna").click()
    admin.get_by_role("button", name="Report as spam").click()
    admin.get_by_text("SendGrid tells our webhook of it now").wait_for()
    assert admin.locator(".outbox-story").get_by_text("reported as spam").is_visible()
    admin.get_by_role("button", name="Unsubscribe with one click").click()
    admin.locator(".messages").get_by_text("our site answered").wait_for()  # there is nobody behind this token
    look(admin, "played")


def test_a_sandbox_that_does_not_run_is_told(admin, base, full, sandbox):
    sandbox.kill()
    (sandbox.folder / "ports.json").unlink()
    admin.goto(f"{base}/admin/outbox/")
    assert admin.get_by_text("The sandbox is not running").is_visible()
    assert admin.locator(".outbox-table tbody tr").count() == 4
    look(admin, "stopped")
    sandbox.start()


def test_only_people_of_the_house_may_look(client, base, full):
    for path in ("outbox/", "outbox/rows/", "outbox/1/", "outbox/1/frame/"):
        answer = client.get(f"/admin/{path}")
        assert answer.status_code == 302 and "/login/" in answer["Location"]


def test_the_frame_may_do_nothing(client, owner, base, full):
    client.force_login(owner)
    answer = client.get("/admin/outbox/1/frame/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox allow-popups" in policy and "script-src" not in policy
    assert "/o/tok.gif" not in answer.content.decode()
