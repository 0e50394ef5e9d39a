"""The results page in a real browser: it follows the campaign by itself, and its numbers stand in charts and tables."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import expect

from campaigns.links import services as links
from campaigns.measurement.drain import OrderReader, drain
from campaigns.planning.models import Target
from core import clock
from tests.unit.measurement.conftest import Door, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def story(market, tmp_path, built_assets):
    """A campaign that was just sent, and the door its recipients come through."""
    links._known_target.cache_clear()
    folder = tmp_path / "spool"
    folder.mkdir()
    world = World(market)
    world.ann = world.contact("Ann")
    _publication, (world.copy,) = world.publish([world.ann])
    for metric, value in (("gmv", 50_000), ("uv", 4), ("orders", 2)):
        Target.objects.create(campaign=world.campaign, metric=metric, value=value)
    world.door = Door(folder)
    yield world
    world.door.spool.close()


@pytest.fixture
def signed_in(page, live_server, owner, client):
    client.force_login(owner)
    cookie = client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    return page


def tile(page, key):
    return page.locator(f"[data-kpi={key}] .m-kpi__value")


def test_the_page_follows_within_seconds(signed_in, live_server, story):
    page = signed_in
    page.goto(f"{live_server.url}/admin/results/black-friday/")
    assert tile(page, "clicks").inner_text() == "0"
    page.get_by_text("All targets").click()

    # Ann clicks the tracked link, sees the page, and buys.
    answer = story.door(f"/c/{story.token(story.copy)}/0")
    assert answer["status"] == 302
    drain(story.door.folder)
    story.order(12_345, contact=story.ann, token=story.token(story.copy))
    OrderReader().read()

    expect(tile(page, "clicks")).to_have_text("1", timeout=8_000)
    assert tile(page, "gmv").inner_text() == "$123.45"
    assert page.locator("[data-chart=timeline] svg").count() == 1
    assert page.locator("[data-chart=timeline] svg").get_attribute("aria-label") or page.locator(
        "[data-chart=timeline]"
    ).get_attribute("aria-label")
    assert page.locator("[data-part=drivers] details").get_attribute("open") is not None, "stays as the reader left it"
    assert page.locator("[data-part=stages] table").inner_text().count("$123.45") == 2  # revenue and order value
    assert page.problems == []


def test_a_lost_connection_is_said_and_mended(signed_in, live_server, story):
    page = signed_in
    page.goto(f"{live_server.url}/admin/results/black-friday/")
    page.context.set_offline(True)
    page.get_by_text("No connection.").wait_for(timeout=8_000)
    page.context.set_offline(False)
    expect(page.locator("[data-lost]")).to_have_text("", timeout=8_000)


def test_a_review_is_frozen_and_fits_a_phone(signed_in, live_server, story):
    story.order(12_345, contact=story.ann, token=story.token(story.copy), at=clock.now() - timedelta(minutes=1))
    OrderReader().read()
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/admin/results/black-friday/freeze/")
    page.get_by_label("Findings").fill("It began well.")
    page.get_by_role("button", name="Freeze the review").click()
    page.get_by_text("The review is frozen.").wait_for()
    assert page.get_by_text("It began well.").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.problems == []


def test_the_beacon_tells_of_a_page_and_respects_gpc(browser, tmp_path):
    """The script alone, on a page of its own host: what it sends, and what it keeps."""
    script = Path(finders.find("measurement/beacon.js")).read_text()
    told = []

    def serve(route):
        request = route.request
        if request.url.endswith("/t/page"):
            told.append(request.post_data_json)
            route.fulfill(status=204)
        elif request.url.endswith("beacon.js"):
            route.fulfill(body=script, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html><script src=/beacon.js defer></script>", content_type="text/html")

    def visit(*paths, gpc=False):
        told.clear()
        context = browser.new_context()
        if gpc:
            context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
        context.route("**/*", serve)
        page = context.new_page()
        for path in paths:
            with page.expect_request("**/t/page"):
                page.goto(f"http://shop.test{path}")
        kept = page.evaluate("[localStorage.length, sessionStorage.length]")
        context.close()
        return list(told), kept

    (first, second), kept = visit("/sale/?utm_campaign=black-friday&utm_medium=email&al=token", "/other/")
    assert (first["path"], first["campaign"], first["al"], first["private"]) == (
        "/sale/",
        "black-friday",
        "token",
        False,
    )
    assert len(first["visitor"]) == 32
    assert (second["path"], second["campaign"], second["al"]) == ("/other/", "black-friday", "token")
    assert second["visitor"] == first["visitor"]
    assert kept == [1, 1]

    (first, second), kept = visit("/sale/?utm_campaign=black-friday&al=token", "/other/", gpc=True)
    assert (first["campaign"], first["al"], first["private"]) == ("black-friday", "", True)
    assert "visitor" not in first
    assert second["campaign"] == ""
    assert kept == [0, 0]
