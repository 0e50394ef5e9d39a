"""The screens of a shop's first days in a real browser: readable by everyone, on a desk and on a phone, light and dark."""

from pathlib import Path

import pytest
from django.conf import settings

from campaigns.planning.models import Campaign
from config import first_run
from core.models import Market

AXE = Path(settings.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=[(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def screen(request, page, built_assets):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed")
    size, scheme = request.param
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    return page


def check(page, part):
    """No finding of axe, and nothing that has to be scrolled sideways."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"part => axe.run(part, {RULES})", part)
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def sign_in(page, live_server, client, user):
    client.force_login(user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )


def test_the_first_run(screen, live_server):
    screen.goto(f"{live_server.url}/admin/first-run/")
    assert "not set up yet" in screen.inner_text("h1")
    check(screen, "main")
    screen.goto(f"{live_server.url}/admin/first-run/?token={first_run.token()}")
    check(screen, "main")
    screen.fill("[name=name]", "Hearth")
    screen.select_option("[name=country]", "US")
    screen.fill("[name=admin_email]", "ada@shop.example")
    screen.fill("[name=password]", "a long enough word")
    screen.fill("[name=password_again]", "a long enough word")
    screen.click("button[type=submit]")
    screen.wait_for_url("**/account/")
    check(screen, "main")
    screen.get_by_role("link", name="Later").click()
    screen.wait_for_url("**/admin/")
    assert screen.locator(".al-first a").first.inner_text() == "Connect a channel account"
    check(screen, ".al-first")


def test_results_side_by_side_and_rates(screen, live_server, client, owner, market):
    Market.objects.update(quiet_from="21:00", quiet_until="08:00")
    for slug in ("one", "two"):
        Campaign.objects.create(slug=slug, name=slug.title(), market=market)
    sign_in(screen, live_server, client, owner)
    for address in ("results/", "exchange-rates/new/", f"markets/edit/{market.pk}/"):
        screen.goto(f"{live_server.url}/admin/{address}")
        check(screen, ".nice-padding")
    screen.goto(f"{live_server.url}/admin/results/")
    for name in ("One", "Two"):
        screen.get_by_label(f"Compare {name}").check()
    screen.get_by_role("button", name="Compare").click()
    screen.get_by_text("What its clicks brought").wait_for()
    check(screen, ".nice-padding")
