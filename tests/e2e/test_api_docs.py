"""The page that shows the API, and the screens of tokens and webhooks, in a browser: from our own server only."""

import pytest

from core import webhooks
from core.services import create_token

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def screen(browser, live_server, settings):
    settings.ALLOWED_HOSTS = ["*"]
    context = browser.new_context()
    page = context.new_page()
    page.troubles, ours = [], (live_server.url, "data:", "blob:")
    page.on("console", lambda said: page.troubles.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: page.troubles.append(asked.url) if not asked.url.startswith(ours) else None)
    yield page
    context.close()


def test_the_page_shows_every_handle_and_asks_no_other_server(screen, live_server):
    screen.goto(f"{live_server.url}/api/v1/docs")
    screen.wait_for_selector(".opblock", timeout=30_000)
    text = screen.inner_text("main")
    for word in ("/api/v1/orders/bulk", "/api/v1/contacts/{id}/timeline", "/api/v1/webhooks"):
        assert word in text
    assert screen.troubles == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_screens_of_tokens_and_webhooks_fit(screen, live_server, client, owner, built_assets, width):
    create_token("shop", ["orders:write", "orders:read"])
    endpoint, _secret = webhooks.create("http://127.0.0.1:9/hook", ["publication.*"], owner, description="ERP")
    webhooks.test(endpoint)
    client.force_login(owner)
    screen.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    screen.set_viewport_size({"width": width, "height": 900})
    for place in ("api-tokens", "webhooks"):
        screen.goto(f"{live_server.url}/admin/settings/{place}/")
        assert screen.locator("table.listing").first.is_visible()
        assert screen.evaluate("document.documentElement.scrollWidth") <= width
        screen.screenshot(path=f"/tmp/shot-{place}-{width}.png", full_page=True)
