"""The calendar in a real browser: dragging, the keyboard, a phone, and no JavaScript at all."""

from datetime import date, time
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MONTH = "/admin/calendar/?view=month&date=2026-11-01"
AXE = Path(settings.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def campaign(owner, market):
    return campaigns.from_occasion("black-friday", market=market, year=2026, by=owner)


@pytest.fixture
def mail(campaign, owner):
    launch = campaign.stages.get(kind="launch")
    moment = Moment.fixed(date(2026, 11, 27), time(9, 0), "America/New_York")
    return publications.plan(launch, "email", moment=moment, title="Launch mail", by=owner)


@pytest.fixture
def cookie(owner, live_server):
    client = Client()
    client.force_login(owner)
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": live_server.url,
    }


@pytest.fixture
def screen(page, cookie, live_server, built_assets):
    """A signed-in browser at 1280 pixels; `go` opens an address and waits until it is drawn."""
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.context.add_cookies([cookie])

    def go(address):
        page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")
        return page

    page.go = go
    return page


def drag(page, start, end):
    """With the mouse, in steps, as a hand would."""
    page.mouse.move(*start)
    page.mouse.down()
    for n in range(1, 11):
        page.mouse.move(start[0] + (end[0] - start[0]) * n / 10, start[1] + (end[1] - start[1]) * n / 10)
    page.mouse.up()


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + 12


def day_of(publication):
    publication.refresh_from_db()
    return publication.moment_date


def test_an_item_is_dragged_to_another_day_and_put_back(screen, mail):
    screen.go(MONTH)
    item = screen.locator(f".cal-board [data-publication='{mail.public_id}']")
    x, y = middle(item)
    drag(screen, (x, y), (x - item.bounding_box()["width"] * 1.03 * 2, y))
    screen.get_by_text("moved to Nov. 25, 2026").wait_for()
    assert day_of(mail) == date(2026, 11, 25)
    assert mail.moment_time == time(9, 0)
    screen.get_by_role("button", name="Undo").click()
    screen.get_by_text("moved to Nov. 27, 2026").wait_for()
    assert day_of(mail) == date(2026, 11, 27)


def test_the_same_with_the_keyboard_alone(screen, mail):
    screen.go(MONTH)
    item = screen.locator(f".cal-board [data-publication='{mail.public_id}']")
    item.focus()
    assert "Launch mail" in item.get_attribute("aria-label")
    screen.keyboard.press("Enter")
    dialog = screen.get_by_role("dialog")
    dialog.get_by_role("heading", name="Launch mail").wait_for()
    for _ in range(4):
        screen.keyboard.press("Tab")
        if screen.evaluate("document.activeElement.name") == "day":
            break
    assert screen.evaluate("document.activeElement.name") == "day"
    screen.keyboard.type("11302026")
    screen.keyboard.press("Enter")
    screen.get_by_text("moved to Nov. 30, 2026").wait_for()
    assert day_of(mail) == date(2026, 11, 30)


def test_a_change_of_somebody_else_is_not_run_over(screen, mail, owner):
    screen.go(MONTH)
    publications.move(Publication.objects.get(pk=mail.pk), date(2026, 11, 20), by=owner)
    item = screen.locator(f".cal-board [data-publication='{mail.public_id}']")
    x, y = middle(item)
    drag(screen, (x, y), (x - item.bounding_box()["width"] * 2.06, y))
    screen.get_by_text("Somebody else changed").wait_for()
    assert day_of(mail) == date(2026, 11, 20)
    assert item.count() == 1


def test_what_is_approved_asks_first(screen, mail):
    Publication.objects.filter(pk=mail.pk).update(state="approved")
    screen.go(MONTH)
    item = screen.locator(f".cal-board [data-publication='{mail.public_id}']")
    x, y = middle(item)
    target = (x - item.bounding_box()["width"] * 2.06, y)
    drag(screen, (x, y), target)
    screen.get_by_role("button", name="Leave it where it is").click()
    assert day_of(mail) == date(2026, 11, 27)
    drag(screen, middle(item), target)
    screen.get_by_role("button", name="Move it and ask for approval again").click()
    screen.get_by_text("It is planned again").wait_for()
    assert day_of(mail) == date(2026, 11, 25)
    assert mail.state == "planned"


def test_a_stage_bar_takes_along_what_is_in_it(screen, campaign, mail):
    screen.go("/admin/calendar/?view=timeline&date=2026-11-29")
    stage = campaign.stages.get(kind="launch")
    bar = screen.locator(f"[data-stage='{stage.public_id}']")
    bar.scroll_into_view_if_needed()
    x, y = middle(bar)
    drag(screen, (x, y), (x + bar.bounding_box()["width"] / 2, y))
    screen.get_by_text("1 publication moved").wait_for()
    assert day_of(mail) == date(2026, 11, 28)
    stage.refresh_from_db()
    assert (stage.start_offset, stage.end_offset) == (1, 2)


def test_a_week_moves_by_the_hour(screen, mail):
    screen.go("/admin/calendar/?view=week&date=2026-11-27")
    item = screen.locator(f".cal-board [data-publication='{mail.public_id}']")
    x, y = middle(item)
    drag(screen, (x, y), (x, y + 128))
    screen.get_by_text("moved to Nov. 27, 2026").wait_for()
    assert day_of(mail) == date(2026, 11, 27)
    assert mail.moment_time == time(11, 0)


def test_a_phone_gets_the_list(screen, mail):
    screen.set_viewport_size({"width": 390, "height": 844})
    screen.go("/admin/calendar/?date=2026-11-01")
    assert screen.get_by_role("link", name="Launch mail", exact=True).is_visible()
    assert screen.locator("[data-cal-board]").is_hidden()
    assert screen.evaluate("document.documentElement.scrollWidth") <= 390
    screen.get_by_role("link", name="Move “Launch mail” to another day").click()
    dialog = screen.get_by_role("dialog")
    dialog.get_by_label("Day").fill("2026-11-28")
    dialog.get_by_role("button", name="Move", exact=True).click()
    screen.get_by_text("moved to Nov. 28, 2026").wait_for()
    assert day_of(mail) == date(2026, 11, 28)


def test_without_javascript_everything_can_be_done(browser, cookie, live_server, mail):
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(live_server.url + MONTH)
    page.get_by_role("link", name="Move “Launch mail” to another day").click()
    page.get_by_label("Day").fill("2026-11-26")
    page.get_by_role("button", name="Move", exact=True).click()
    assert "date=2026-11-01" in page.url
    assert day_of(mail) == date(2026, 11, 26)
    context.close()


def test_an_occasion_becomes_a_campaign_with_a_publication(screen, market):
    screen.go("/admin/calendar/")
    screen.get_by_role("link", name="Take an occasion").first.click()
    screen.get_by_role("link", name="Plan a campaign for Black Friday").click()
    screen.get_by_label("Target: orders").fill("900")
    screen.get_by_role("button", name="Open the campaign").click()
    screen.get_by_role("heading", name="Last call").wait_for()
    screen.get_by_role("link", name="Add a publication to Launch").click()
    screen.get_by_label("Title").fill("Launch mail")
    screen.get_by_label("At the customer's own local time").check()
    screen.get_by_role("button", name="Plan it").click()
    screen.get_by_text("Before it can be submitted, it needs").wait_for()
    publication = Publication.objects.get()
    assert (publication.title, publication.moment_kind) == ("Launch mail", "local")
    assert publication.stage.campaign.targets.get().value == 900


@pytest.mark.skipif(not AXE.exists(), reason="node_modules are not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(screen, campaign, mail, owner, scheme):
    for n, state in enumerate(["submitted", "approved", "scheduled", "live", "held", "done", "cancelled", "failed"]):
        stage = campaign.stages.get(kind="thank_you")
        one = publications.plan(
            stage, "push", moment=Moment.local(date(2026, 12, 1 + n), time(9)), title=state, by=owner
        )
        Publication.objects.filter(pk=one.pk).update(state=state)
    screen.emulate_media(color_scheme=scheme)
    owner.wagtail_userprofile.delete() if hasattr(owner, "wagtail_userprofile") else None
    for address in (
        "/admin/calendar/?view=month&date=2026-12-01",
        "/admin/calendar/?view=week&date=2026-12-01",
        "/admin/calendar/?view=timeline&date=2026-12-01",
        "/admin/calendar/?view=list&date=2026-12-01",
        f"/admin/calendar/publications/{mail.public_id}/",
        f"/admin/campaigns/c/{campaign.slug}/",
        f"/admin/planning/publications/{mail.public_id}/",
        "/admin/occasions/",
        "/admin/campaigns/new/",
    ):
        screen.go(address)
        screen.add_script_tag(path=str(AXE))
        found = screen.evaluate(
            "axe.run('main .nice-padding', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"
        )
        told = [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found["violations"]]
        assert not told, address
