"""A publication in the browser: the author submits, a reviewer approves, the marketer schedules, pauses and resumes."""

import pytest

from campaigns.planning.models import Publication
from core import roles
from tests import ledgers
from tests.conftest import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db):
    groups = roles.ensure_roles()
    people = {}
    for name, group in (("mia", "Marketers"), ("rea", "Reviewers")):
        people[name] = make_user(name, first_name=name.title())
        people[name].groups.add(groups[group])
    return people


@pytest.fixture
def publication(cast, market):
    ledgers.contact(1)
    return ledgers.publication(market, cast["mia"], title="Doors open")


@pytest.fixture
def as_person(live_server, browser):
    contexts = []

    def open_as(name, width=1280):
        context = browser.new_context(base_url=live_server.url, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.goto("/admin/login/")
        page.fill("#id_username", name)
        page.fill("#id_password", "pass-word-1")
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "login" not in address)
        return page

    yield open_as
    for context in contexts:
        context.close()


def state(publication):
    return Publication.objects.get(pk=publication.pk).state


def test_from_the_plan_to_scheduled_and_back(as_person, publication):
    address = f"/admin/publications/{publication.public_id}/"
    mia = as_person("mia")
    mia.goto(address)
    assert "Hello Maya" in mia.frame_locator(".al-preview__frame").frame_locator("iframe").locator("body").inner_text()
    mia.click("text=Submit for approval")
    mia.click("main button:has-text('Submit for approval')")
    mia.wait_for_selector("text=somebody else approves it: Rea")

    rea = as_person("rea", width=390)
    rea.goto("/admin/approvals/")
    rea.click("text=Doors open")
    rea.click("main a:has-text('Approve')")
    rea.click("main button:has-text('Approve')")
    rea.wait_for_selector("text=Rea approved it")
    assert state(publication) == "approved"

    mia.goto(address)
    mia.click("main a:has-text('Schedule')")
    mia.locator("main button:has-text('Schedule')").focus()
    mia.keyboard.press("Enter")
    mia.wait_for_selector("text=Goes out by itself")
    mia.click("main button:has-text('Pause')")
    mia.wait_for_selector("text=A person paused it")
    mia.click("main a:has-text('Resume')")
    mia.click("main button:has-text('Resume')")
    mia.wait_for_selector("text=Goes out by itself")
    assert state(publication) == "scheduled"


def test_the_page_follows_by_itself_what_happens(as_person, cast, market):
    live = ledgers.publication(market, cast["mia"], state="live", title="Going out")
    run = ledgers.run(live)
    ledgers.delivery(run, ledgers.contact(2), state="accepted")
    ledgers.delivery(run, ledgers.contact(3), state="pending")
    mia = as_person("mia")
    mia.goto(f"/admin/publications/{live.public_id}/")
    assert mia.locator(".al-progress__line").inner_text().startswith("50 %")
    run.deliveries.filter(state="pending").update(state="accepted")
    mia.wait_for_selector(".al-progress__line:has-text('100 %')")
    Publication.objects.filter(pk=live.pk).update(state="done")
    mia.wait_for_selector("text=Everyone it was for is accounted for")
    assert not mia.locator("main button:has-text('Pause')").count()
