"""What keeps a publication from going on is said with the same sentence everywhere one looks."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns.publishing import obstacles
from campaigns.publishing.models import Run
from channels.models import ChannelAccount
from core import clock, roles
from core import obstacles as standing
from core.models import Installation
from core.obstacles import Obstacle
from core.services import create_token
from tests import ledgers
from tests.conftest import make_user

BROKEN = "535 Authentication failed."
FULL = Obstacle("disk_full", "The disk of the database is full.", "Make room.", "Whoever runs the machine can do that.")


def broken(account):
    ChannelAccount.objects.filter(pk=account.pk).update(health="fix_settings", last_error=BROKEN)


def waiting(account):
    ChannelAccount.objects.filter(pk=account.pk).update(
        health="waiting", last_error="450 busy", blocked_until=clock.now() + timedelta(minutes=5)
    )


def held():
    from core import installation

    installation.this()
    Installation.objects.update(held_reason="restored")


@pytest.fixture
def full(monkeypatch):
    monkeypatch.setitem(standing._looks, "disk", lambda: FULL)


@pytest.fixture
def live(market, marketer):
    return ledgers.publication(market, marketer, state="live")


def codes(publication):
    publication.refresh_from_db()
    return [one.code for one in obstacles.of(publication)]


def test_nothing_stands_in_the_way_of_a_healthy_one(live):
    assert codes(live) == []


@pytest.mark.parametrize("state", ["approved", "scheduled", "live", "paused", "held"])
def test_whatever_wants_to_go_says_what_keeps_it(market, marketer, state):
    publication = ledgers.publication(market, marketer, state=state, state_reason="overdue" if state == "held" else "")
    broken(publication.account)
    assert "account_needs_attention" in codes(publication)


@pytest.mark.parametrize("state", ["planned", "submitted", "done", "cancelled", "failed"])
def test_a_plan_and_what_is_over_say_nothing(market, marketer, state, full):
    publication = ledgers.publication(market, marketer, state=state)
    broken(publication.account)
    assert codes(publication) == []


def test_a_waiting_account_says_until_when_and_that_it_passes(live):
    waiting(live.account)
    live.refresh_from_db()
    (found,) = obstacles.of(live)
    assert found.code == "account_waits"
    assert found.passes
    assert "450 busy." in found.sentence
    assert "until" in found.sentence
    ChannelAccount.objects.update(blocked_until=clock.now() - timedelta(minutes=1))
    live.refresh_from_db()
    assert "until" not in obstacles.of(live)[0].sentence


def test_an_account_that_is_gone(market, marketer):
    publication = ledgers.publication(market, marketer, state="scheduled")
    publication.account = None
    assert [one.code for one in obstacles.of(publication)] == ["account_missing"]


def test_a_held_wave_of_a_live_publication(live):
    Run.objects.create(publication=live, state="held", due_at=clock.now(), state_reason="overdue")
    (found,) = obstacles.of(live)
    assert found.code == "wave_held"
    assert "missed its moment" in found.sentence


def test_a_held_installation_is_said_once(market, marketer, full):
    publication = ledgers.publication(market, marketer, state="held", state_reason="installation")
    held()
    assert codes(publication) == ["held", "disk_full"]
    Installation.objects.update(held_reason="")
    assert codes(publication) == ["disk_full", "publication_held"]


def test_many_cost_no_more_questions_than_one(market, marketer, django_assert_max_num_queries):
    shared = ledgers.account()
    rows = [ledgers.publication(market, marketer, state="live", account=shared) for _row in range(5)]
    obstacles.of_all(rows)
    with django_assert_max_num_queries(5):
        found = obstacles.of_all(rows)
    assert set(found) == {row.pk for row in rows}


# --- Everywhere one looks --------------------------------------------------------------------------------------------

SCENES = {
    "the account is broken": (lambda publication: broken(publication.account), BROKEN),
    "the account waits": (lambda publication: waiting(publication.account), "450 busy."),
    "the installation is held": (lambda publication: held(), "looks like a restored backup"),
}


@pytest.mark.parametrize("role", ["Editors", "Marketers", "Reviewers"])
@pytest.mark.parametrize("scene", SCENES)
def test_the_page_the_calendar_and_the_first_page_say_it(client, market, marketer, scene, role):
    publication = ledgers.publication(market, marketer, state="live")
    happens, sentence = SCENES[scene]
    happens(publication)
    person = make_user("looker")
    person.groups.add(roles.ensure_roles()[role])
    client.force_login(person)
    day = publication.moment_date.isoformat()
    found = {
        "page": client.get(reverse("publishing_publication:detail", args=[publication.public_id])).text,
        "live part": client.get(
            reverse("publishing_publication:detail", args=[publication.public_id]), {"live": "1"}
        ).text,
        "card": client.get(reverse("campaign_calendar:card", args=[publication.public_id])).text,
        "list": client.get(reverse("campaign_calendar:index"), {"view": "list", "date": day}).text,
        "first page": client.get("/admin/").text,
    }
    answer = client.get(reverse("campaign_calendar:items"), {"start": day, "end": "2026-11-28"}).json()
    assert (
        sentence in answer["words"]["sentences"][answer["items"][0]["obstacles"][0]]
    )  # what several items say stands there once
    assert {place for place, text in found.items() if sentence not in text} == set()


def test_a_full_disk_is_said_too(client, owner, live, full):
    client.force_login(owner)
    for address in (
        reverse("publishing_publication:detail", args=[live.public_id]),
        reverse("campaign_calendar:card", args=[live.public_id]),
        "/admin/",
    ):
        assert FULL.sentence in client.get(address).text


def test_only_who_may_mend_it_gets_the_link(client, owner, live, marketer):
    broken(live.account)
    marketer.groups.add(roles.ensure_roles()["Marketers"])
    address = reverse("publishing_publication:detail", args=[live.public_id])
    mend = reverse("channels_account:edit", args=[live.account.pk])
    for person, linked in ((owner, True), (marketer, False)):
        client.force_login(person)
        assert (f'href="{mend}"' in client.get(address).text) == linked


def test_scheduling_by_hand_warns_before_and_after(client, owner, market, marketer, monkeypatch):
    publication = ledgers.publication(market, marketer, state="approved")
    broken(publication.account)
    monkeypatch.setattr("campaigns.publishing.services.publications.schedule", lambda publication, by: publication)
    client.force_login(owner)
    address = reverse("publishing_publication:do", args=[publication.public_id, "schedule"])
    assert BROKEN in client.get(address).text
    after = client.post(address, follow=True)
    said = [str(message) for message in after.context["messages"]]
    assert any(BROKEN in one for one in said)


# --- Over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(client, db):
    token = create_token("program", ["*"])

    def asked(path, method="post"):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"/api/v1/publications/{path}"
        if method == "get":
            return client.get(url, headers=headers)
        return client.post(url, json.dumps({}), content_type="application/json", headers=headers)

    return asked


@pytest.mark.parametrize("scene", SCENES)
def test_a_publication_says_it_over_http(ask, live, scene):
    happens, sentence = SCENES[scene]
    assert ask(live.public_id, "get").json()["obstacles"] == []
    happens(live)
    body = ask(live.public_id, "get").json()
    assert sentence in body["obstacles"][0]["sentence"]
    assert body["obstacles"][0]["next_step"]
    assert sentence in body["warnings"][0]


def test_schedule_resume_and_release_answer_with_warnings(ask, market, reviewer, tmp_path, settings):
    from campaigns.publishing.services import publications

    settings.ALMANAC_HOME = tmp_path
    publication = ledgers.publication(market, None, moment_date=(clock.now() + timedelta(days=3)).date())
    ledgers.contact(1)
    publications.approve(publication, reviewer)
    held()
    answer = ask(f"{publication.public_id}/schedule")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "scheduled"
    assert "looks like a restored backup" in answer.json()["warnings"][0]
    for before, verb in (("pause", "resume"), ("hold", "release")):
        if before == "pause":
            type(publication).objects.filter(pk=publication.pk).update(state="paused")
        else:
            publication.refresh_from_db()
            publications.hold(publication, None, "overdue")
        answer = ask(f"{publication.public_id}/{verb}")
        assert answer.status_code == 200, answer.content
        assert "looks like a restored backup" in answer.json()["warnings"][0]


def test_nothing_to_warn_of_is_an_empty_list(ask, market, reviewer):
    from campaigns.publishing.services import publications

    publication = ledgers.publication(market, None, moment_date=(clock.now() + timedelta(days=3)).date())
    publications.approve(publication, reviewer)
    assert ask(f"{publication.public_id}/schedule").json()["warnings"] == []
