"""What stands in the way, looked at: readable for everybody, at desktop and phone width, in light and dark."""

import os
from pathlib import Path

import pytest
from django.conf import settings

from campaigns.publishing.models import Run
from channels.models import ChannelAccount
from core import clock, installation
from core.models import Installation
from tests import ledgers

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("built_assets"),
]

AXE = Path(settings.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"
RULES = "axe.run('main .nice-padding', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"


@pytest.fixture
def stuck(market, owner):
    """A live publication with everything in its way at once, and copies in doubt."""
    day = clock.now().date()
    publication = ledgers.publication(
        market, owner, state="live", title="Doors open", moment_date=day, moment_zone="UTC"
    )
    run = ledgers.run(publication)
    ledgers.delivery(run, ledgers.contact(1), state="unknown", reason="no_answer")
    Run.objects.create(publication=publication, state="held", wave="2", due_at=clock.now(), state_reason="overdue")
    ChannelAccount.objects.update(health="fix_settings", last_error="535 5.7.8 Authentication failed.")
    waits = ledgers.publication(market, owner, state="scheduled", title="Second", moment_date=day, moment_zone="UTC")
    ChannelAccount.objects.filter(pk=waits.account.pk).update(
        health="waiting", last_error="450 4.7.1 Try again later.", blocked_until=clock.now()
    )
    ledgers.publication(market, owner, state="approved", title="Third", moment_date=day, moment_zone="UTC")
    installation.this()
    Installation.objects.update(held_reason="restored")
    return publication


@pytest.mark.skipif(not AXE.exists(), reason="axe is not installed (npm ci)")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_what_stands_in_the_way_can_be_read_by_everybody(live_server, browser, stuck, owner, scheme, width):
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("#id_username", owner.username)
    page.fill("#id_password", "pass-word-1")
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "login" not in address)
    day = stuck.moment_date.isoformat()
    for name, address, said in (
        ("home", "/admin/", "restored backup"),
        ("publication", f"/admin/publications/{stuck.public_id}/", "Authentication failed"),
        ("confirm", f"/admin/publications/{stuck.public_id}/do/pause/", "Pause"),
        ("card", f"/admin/calendar/publications/{stuck.public_id}/", "Authentication failed"),
        ("list", f"/admin/calendar/?view=list&date={day}", "Authentication failed"),
        ("month", f"/admin/calendar/?view=month&date={day}", "Cannot go on"),
        ("doubts", "/admin/in-doubt/", "Name 1"),
        ("installation", "/admin/reports/installation/", "restored backup"),
    ):
        page.goto(address)
        page.wait_for_selector(f"main >> text={said} >> visible=true")
        if shots := os.environ.get("ALMANAC_TEST_SHOTS"):
            page.screenshot(path=f"{shots}/{name}-{scheme}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        page.add_script_tag(path=str(AXE))
        scope = RULES if name != "home" else RULES.replace("main .nice-padding", ".al-home")
        found = page.evaluate(scope)
        told = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]]
        assert not told, address
    context.close()
