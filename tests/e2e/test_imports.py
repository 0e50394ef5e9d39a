"""A file of another tool comes in through a real browser, at desk and on a phone, in light and dark."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from campaigns.audiences.models import Contact, Suppression

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = Path(settings.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"
KUNDEN = (
    "Kundennummer;Mailadresse;Vorname;Umsatz;Newsletter;Notiz\n"
    "0042;ann@example.com;Ann;1.299,90;ja;\n0043;bo@example.com;Bo;12,50;nein;ruft gern an, aber nie vor neun\n"
)


@pytest.fixture
def screen(page, owner, live_server, built_assets):
    client = Client()
    client.force_login(owner)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])
    page.origin = live_server.url
    return page


def look(page, name):
    """No horizontal overflow and no accessibility fault at either width, in either scheme."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 1000})
            if folder := os.environ.get("ALMANAC_TEST_PICTURES"):
                page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, width)
            page.add_script_tag(path=str(AXE))
            found = page.evaluate(
                "axe.run('main .nice-padding', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"
            )
            assert not [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found["violations"]], (
                name,
                width,
            )
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.emulate_media(color_scheme="light")


def test_a_file_is_uploaded_looked_at_mapped_and_brought_in(screen, tmp_path):
    (tmp_path / "kunden.csv").write_text(KUNDEN)
    screen.goto(f"{screen.origin}/admin/contacts/import/")
    look(screen, "import")
    screen.set_input_files("input[type=file]", tmp_path / "kunden.csv")
    screen.get_by_role("button", name="Import", exact=True).click()
    screen.get_by_text("What the first rows become").wait_for()
    look(screen, "map")
    # The first columns were offered rightly, the address by its values.
    for heading, target in (("Vorname", "first_name"), ("Newsletter", "agrees")):
        screen.get_by_label(f"What “{heading}” becomes").select_option(target)
    screen.get_by_role("button", name="Look again").click()
    screen.get_by_text("1299.9 (number)").wait_for()
    screen.get_by_role("button", name="Import", exact=True).click()
    screen.get_by_text("brought a consent").wait_for()
    look(screen, "report")
    assert sorted(Contact.objects.values_list("external_id", flat=True)) == ["0042", "0043"]

    (tmp_path / "closed.csv").write_text("email,status\nann@example.com,cleaned\nx,unsubscribed\n")
    screen.goto(f"{screen.origin}/admin/suppressions/")
    screen.get_by_role("link", name="Import closed addresses").click()
    screen.set_input_files("input[type=file]", tmp_path / "closed.csv")
    screen.get_by_role("button", name="Import", exact=True).click()
    screen.get_by_text("consents withdrawn").wait_for()
    look(screen, "closed")
    assert Suppression.objects.get().reason == "bounced"
