"""The calendar over HTTP: what it shows, who may see it, and moving things."""

from datetime import date

import pytest
from django.urls import reverse

from campaigns.planning.models import Publication

JSON = {"Accept": "application/json"}
NOVEMBER = "?view=month&date=2026-11-01"


def url(name, *args):
    return reverse(f"campaign_calendar:{name}", args=args)


def move(browser, publication, accept=JSON, **values):
    return browser.post(url("move", publication.public_id), values, headers=accept)


def test_an_empty_calendar_says_what_to_do_next(planner, market):
    page = planner.get(url("index")).content.decode()
    assert "Nothing is planned yet" in page
    assert reverse("planning_occasion:index") in page
    assert reverse("planning_campaign:add") in page


@pytest.mark.parametrize("view", ["month", "week", "timeline", "list"])
def test_every_view_is_a_list_without_javascript(planner, launch, plan, view):
    plan(launch, title="Launch mail")
    page = planner.get(url("index") + f"?view={view}&date=2026-11-27").content.decode()
    assert "Launch mail" in page
    assert "Black Friday" in page
    assert "Move to…" in page


def test_nonsense_in_the_address_does_no_harm(planner, market):
    for query in ("?view=spiral&date=2026-13-45", "?zone=Mars&owner=x&campaign=1&state=?", "?date=&lanes=9"):
        assert planner.get(url("index") + query).status_code == 200


def test_filters_are_kept_in_the_address(planner, launch, plan, accounts):
    plan(launch, title="Mail")
    plan(launch, title="Post", channel="social")
    page = planner.get(url("index") + NOVEMBER + "&channel=social").content.decode()
    assert "Post" in page
    assert ">Mail<" not in page
    assert "view=week&amp;date=2026-11-01&amp;channel=social" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"channel": "push"}, {"push"}),
        ({"market": "us"}, {"mail", "push", "late"}),
        ({"market": "xx"}, {"mail", "push", "late"}),
        ({"state": "late"}, {"late"}),
        ({"state": "scheduled"}, {"mail"}),
        ({"state": "done"}, set()),
    ],
)
def test_the_endpoint_narrows(planner, launch, plan, query, found, time_machine_at):
    plan(launch, title="mail", state="scheduled")
    plan(launch, title="push", channel="push")
    plan(launch, title="late", day=date(2026, 11, 10))
    answer = planner.get(url("items"), {"start": "2026-11-01", "end": "2026-12-01", **query})
    assert {item["title"] for item in answer.json()["items"]} == found


@pytest.fixture
def time_machine_at():
    import time_machine

    with time_machine.travel("2026-11-22 12:00:00+00:00", tick=False):
        yield


def test_the_endpoint_tells_items_stages_and_occasions(planner, warm_up, launch, plan):
    publication = plan(launch, title="mail")
    data = planner.get(url("items"), {"start": "2026-11-01", "end": "2026-12-01"}).json()
    assert data["items"][0]["id"] == str(publication.public_id)
    assert data["items"][0]["editable"] is True
    assert [(s["name"], s["first"], s["after"]) for s in data["stages"]] == [
        ("Warm-up", "2026-11-13", "2026-11-27"),
        ("Launch", "2026-11-27", "2026-11-29"),
    ]
    assert "Black Friday" in {o["name"] for o in data["occasions"]}


@pytest.mark.parametrize("query", [{}, {"start": "2026-11-01"}, {"start": "2026-11-02", "end": "2026-11-01"},
                                   {"start": "2026-01-01", "end": "2029-01-01"}, {"start": "x", "end": "y"}])  # fmt: skip
def test_a_range_that_makes_no_sense_is_refused(planner, market, query):
    assert planner.get(url("items"), query).status_code == 422


def test_strangers_see_nothing(onlooker, launch, plan):
    publication = plan(launch)
    for address in (
        url("index"),
        url("items"),
        url("card", publication.public_id),
        url("move", publication.public_id),
        url("move_stage", launch.public_id),
    ):
        assert onlooker.get(address).status_code == 302, address
    assert move(onlooker, publication, day="2026-12-01").status_code in (302, 403)
    publication.refresh_from_db()
    assert publication.moment_date == date(2026, 11, 27)


def test_who_may_look_may_not_move(client, stranger, launch, plan):
    from django.contrib.auth.models import Permission

    stranger.user_permissions.set(
        Permission.objects.filter(codename__in=["access_admin", "view_campaign", "view_publication"])
    )
    client.force_login(stranger)
    publication = plan(launch)
    page = client.get(url("index") + NOVEMBER)
    assert page.status_code == 200
    assert "Move to…" not in page.content.decode()
    data = client.get(url("items"), {"start": "2026-11-01", "end": "2026-12-01"}).json()
    assert data["items"][0]["editable"] is False
    assert client.get(url("card", publication.public_id)).status_code == 200
    move(client, publication, day="2026-12-01")
    publication.refresh_from_db()
    assert publication.moment_date == date(2026, 11, 27)


def test_dragging_moves_and_can_be_undone(planner, launch, plan):
    publication = plan(launch)
    answer = move(planner, publication, day="2026-11-29", time="09:00", version=1).json()
    assert "moved to" in answer["message"]
    publication.refresh_from_db()
    assert publication.moment_date == date(2026, 11, 29)
    move(planner, publication, **answer["undo"])
    publication.refresh_from_db()
    assert publication.moment_date == date(2026, 11, 27)


def test_the_slower_of_two_people_is_told(planner, launch, plan):
    publication = plan(launch)
    assert move(planner, publication, day="2026-11-29", version=1).status_code == 200
    answer = move(planner, publication, day="2026-11-30", version=1)
    assert answer.status_code == 409
    assert answer.json()["code"] == "changed_meanwhile"
    publication.refresh_from_db()
    assert publication.moment_date == date(2026, 11, 29)


def test_what_is_approved_is_asked_about_first(planner, launch, plan):
    publication = plan(launch, state="scheduled")
    answer = move(planner, publication, day="2026-11-29", version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_again")
    answer = move(planner, publication, day="2026-11-29", version=1, again="on")
    assert answer.status_code == 200
    assert answer.json()["undo"] is None
    publication.refresh_from_db()
    assert (publication.state, publication.moment_date) == ("planned", date(2026, 11, 29))


@pytest.mark.parametrize("state", ["live", "done", "held", "cancelled"])
def test_what_has_started_stays(planner, launch, plan, state):
    publication = plan(launch, state=state)
    answer = move(planner, publication, day="2026-11-29", again="on")
    assert answer.status_code == 409
    assert "“Offer”" in answer.json()["detail"]


def test_the_form_moves_too_and_comes_back(planner, launch, plan):
    publication = plan(launch)
    page = planner.get(url("move", publication.public_id)).content.decode()
    assert 'type="date"' in page
    assert 'value="2026-11-27"' in page
    here = url("index") + NOVEMBER
    answer = move(planner, publication, {"Accept": "text/html"}, day="2026-11-30", time="08:30", version=1, next=here)
    assert (answer.status_code, answer.url) == (302, here)
    publication.refresh_from_db()
    assert (publication.moment_date, publication.moment_time.hour) == (date(2026, 11, 30), 8)


def test_the_form_does_not_lead_elsewhere(planner, launch, plan):
    answer = move(planner, plan(launch), {"Accept": "text/html"}, day="2026-11-30", next="https://evil.example/")
    assert answer.url.startswith(url("index"))


def test_a_form_with_a_mistake_says_so(planner, launch, plan):
    publication = plan(launch)
    assert move(planner, publication, day="never").status_code == 422
    page = move(planner, publication, {"Accept": "text/html"}, day="never")
    assert page.status_code == 200
    assert "Enter a valid date" in page.content.decode()
    assert move(planner, publication, day="2026-11-30", zone="Mars/Olympus").status_code == 422


def test_a_stage_moves_with_what_is_in_it(planner, launch, plan):
    publication = plan(launch)
    address = url("move_stage", launch.public_id)
    answer = planner.post(address, {"to": "2026-11-29", "expected": 0}, headers=JSON)
    assert answer.status_code == 200, answer.content
    launch.refresh_from_db()
    publication.refresh_from_db()
    assert (launch.start_offset, publication.moment_date) == (2, date(2026, 11, 29))
    assert planner.post(address, {"to": "2026-11-29", "expected": 0}, headers=JSON).status_code == 409
    planner.post(address, answer.json()["undo"], headers=JSON)
    publication.refresh_from_db()
    assert publication.moment_date == date(2026, 11, 27)


def test_a_stages_page_shows_first_what_would_move(planner, launch, plan):
    plan(launch, title="Goes along")
    plan(launch, title="Stays", state="live")
    page = planner.get(url("move_stage", launch.public_id) + "?to=2026-11-29").content.decode()
    assert "1 publication moves along" in page
    assert "Stays (live)" in page
    assert Publication.objects.filter(moment_date=date(2026, 11, 27)).count() == 2


def test_titles_are_never_code(planner, launch, plan):
    plan(launch, title="<script>alert(1)</script>")
    page = planner.get(url("index") + NOVEMBER).content.decode()
    assert "<script>alert(1)" not in page
