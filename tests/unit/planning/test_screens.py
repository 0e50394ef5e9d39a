"""The screens of campaigns, occasions and publications over HTTP: who may, what is saved, what is refused."""

from datetime import date

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from campaigns.audiences.models import Segment
from campaigns.planning.models import Campaign, Publication
from cms.services import messages


@pytest.fixture
def planner(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def screens(campaign, launch, plan):
    publication = plan(launch)
    return {
        "campaigns": reverse("planning_campaign:index"),
        "new": reverse("planning_campaign:add"),
        "campaign": reverse("planning_campaign:detail", args=[campaign.slug]),
        "edit": reverse("planning_campaign:edit", args=[campaign.slug]),
        "anchor": reverse("planning_campaign:anchor", args=[campaign.slug]),
        "targets": reverse("planning_campaign:targets", args=[campaign.slug]),
        "add_stage": reverse("planning_campaign:add_stage", args=[campaign.slug]),
        "stage": reverse("planning_campaign:edit_stage", args=[campaign.slug, launch.public_id]),
        "occasions": reverse("planning_occasion:index"),
        "take": reverse("planning_occasion:take") + "?market=us&occasion=easter&day=2027-03-28",
        "add": reverse("planning_publication:add", args=[launch.public_id]),
        "publication": reverse("planning_publication:edit", args=[publication.public_id]),
    }


def test_every_screen_opens_for_a_planner_and_for_no_stranger(planner, screens, client, stranger):
    for name, address in screens.items():
        assert planner.get(address).status_code == 200, name
    stranger.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(stranger)
    for name, address in screens.items():
        assert client.get(address).status_code == 302, name
        assert client.post(address, {"name": "x"}).status_code == 302, name


def test_who_may_look_cannot_write(client, stranger, screens):
    stranger.user_permissions.set(
        Permission.objects.filter(codename__in=["access_admin", "view_campaign", "view_publication"])
    )
    client.force_login(stranger)
    assert client.get(screens["campaign"]).status_code == 200
    assert client.get(screens["publication"]).status_code == 200
    before = Publication.objects.values().get()
    for name in ("edit", "anchor", "targets", "add_stage", "stage", "add", "publication", "new"):
        client.post(screens[name], {"name": "x", "title": "x", "to": "2026-12-01", "delete": "on"})
    assert Publication.objects.values().get() == before
    assert Campaign.objects.get().anchor_date == date(2026, 11, 27)


def test_a_campaign_from_scratch_with_the_usual_stages(planner, market):
    answer = planner.post(
        reverse("planning_campaign:add"),
        {"name": "Birthday", "kind": "member_day", "market": market.pk, "anchor": "2027-05-01", "stages": "on",
         "budget": "1200.50", "goal_gmv": "9000", "goal_orders": "30"},
    )  # fmt: skip
    campaign = Campaign.objects.get()
    assert answer.url == reverse("planning_campaign:detail", args=["birthday"])
    assert (campaign.anchor_date, campaign.anchor_occasion, campaign.budget_minor) == (date(2027, 5, 1), "", 120050)
    assert [stage.kind for stage in campaign.stages.all()] == ["warm_up", "launch", "thank_you", "review"]
    assert {t.metric: t.value for t in campaign.targets.all()} == {"gmv": 900000, "orders": 30}


def test_an_occasion_is_taken_in_one_go(planner, market):
    address = reverse("planning_occasion:take") + "?market=us&occasion=easter&day=2027-03-28"
    planner.post(address, {"name": "Easter", "kind": "holiday_sale", "goal_gmv": "100.25"})
    campaign = Campaign.objects.get()
    assert (campaign.anchor_date, campaign.anchor_occasion) == (date(2027, 3, 28), "easter")
    assert campaign.targets.get().value == 10025


def test_money_with_too_many_places_is_refused_and_nothing_is_lost(planner, market):
    address = reverse("planning_occasion:take") + "?market=us&occasion=easter&day=2027-03-28"
    page = planner.post(address, {"name": "My Easter", "kind": "holiday_sale", "goal_gmv": "100.255"})
    assert "Too many decimal places" in page.content.decode()
    assert "My Easter" in page.content.decode()
    assert not Campaign.objects.exists()


def test_an_occasion_nobody_knows_leads_back_to_the_choice(planner, market):
    answer = planner.get(reverse("planning_occasion:take") + "?market=us&occasion=nothing")
    assert answer.url == reverse("planning_occasion:index")


def test_the_anchor_is_shown_first_and_moved_then(planner, screens):
    page = planner.get(screens["anchor"] + "?to=2026-11-29").content.decode()
    assert "1 publication moves along" in page
    planner.post(screens["anchor"], {"to": "2026-11-29", "expected": "2026-11-27"})
    assert Publication.objects.get().moment_date == date(2026, 11, 29)
    late = planner.post(screens["anchor"], {"to": "2026-12-24", "expected": "2026-11-27"})
    assert late.status_code == 409
    assert "meanwhile" in late.content.decode()


def form(publication, **changes):
    return {
        "stage": publication.stage_id,
        "channel": "email",
        "content": "",
        "moment": "at",
        "day": "2026-11-28",
        "time": "10:00",
        "zone": "Europe/Berlin",
        "version": publication.version,
        **changes,
    }


def test_a_publication_is_filled_in(planner, screens, accounts, owner):
    publication = Publication.objects.get()
    message = messages.create("Hello", {"email": {"subject": "Hi", "html": "<p>Hi</p>", "text": "Hi"}}, owner)
    segment = Segment.objects.create(name="Everyone", rule={"all": True})
    data = form(publication, content="message", message=message.pk, include=[segment.pk], account=accounts["email"].pk)
    assert planner.post(screens["publication"], data).status_code == 302
    publication.refresh_from_db()
    assert (publication.content_key, publication.account) == (message.translation_key, accounts["email"])
    assert publication.moment_zone == "Europe/Berlin"
    audience = publication.audience
    page = planner.get(screens["publication"]).content.decode()
    assert "Everything is there" in page
    planner.post(screens["publication"], {**data, "version": publication.version, "title": "New"})
    publication.refresh_from_db()
    assert publication.audience == audience
    assert publication.title == "New"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account": "push"}, "another channel"),
        ({"content": "message"}, "Choose it, or leave the content open"),
        ({"content": "page", "page": "999999"}, "Choose it, or leave the content open"),
        ({"zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"day": "soon"}, "Enter a valid date"),
        ({"version": 7}, "Somebody else changed"),
    ],
)
def test_what_does_not_fit_is_said_beside_it(planner, screens, accounts, changes, said):
    if changes.get("account"):
        changes = {"account": accounts[changes["account"]].pk}
    publication = Publication.objects.get()
    page = planner.post(screens["publication"], form(publication, title="Kept", **changes)).content.decode()
    assert said in page
    assert "Kept" in page
    publication.refresh_from_db()
    assert publication.title == "Offer"


def test_what_is_under_way_is_taken_back_before_it_is_changed(planner, screens):
    Publication.objects.update(state="submitted")
    page = planner.get(screens["publication"]).content.decode()
    assert "Take it back" in page
    planner.post(screens["publication"], {"take_back": "on"})
    assert Publication.objects.get().state == "planned"


def test_a_stage_is_edited_with_what_is_in_it(planner, screens, launch):
    planner.post(screens["stage"], {"name": "Open", "kind": "launch", "first": "2026-11-28", "last": "2026-11-30"})
    launch.refresh_from_db()
    assert (launch.name, launch.start_offset, launch.end_offset) == ("Open", 1, 3)
    assert Publication.objects.get().moment_date == date(2026, 11, 28)


def test_a_target_in_percent(planner, screens, campaign):
    planner.post(screens["targets"], {"metric": "conversion", "value": "2.5"})
    assert campaign.targets.get().value == 250
    assert "2.5 %" in planner.get(screens["targets"]).content.decode()
    planner.post(screens["targets"], {"delete": campaign.targets.get().pk})
    assert not campaign.targets.exists()
