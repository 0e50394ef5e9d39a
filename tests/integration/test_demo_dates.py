"""The demo shows the same things on any day: last year's campaign with its review, one that runs, a year ahead, nothing red."""

import re
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from campaigns.audiences.services import audiences, contacts, segments
from campaigns.measurement.models import Review
from campaigns.measurement.overview import lines
from campaigns.measurement.selectors import campaign_results
from campaigns.measurement.services import reviews
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.selectors import campaign_window, status_of
from campaigns.planning.services import demo as planning
from campaigns.publishing.audit import audit
from cms.models import HomePage
from cms.services import messages
from config import first_run, processes
from config import shop as setting_up
from config.demo import past
from config.demo.build import Shop
from config.demo.place import Place
from config.supervisor import Child
from core import clock, installation, roles
from core.errors import FixSettings
from core.models import Market
from tests.conftest import make_user

DAYS = ["2026-11-27", "2027-01-01", "2027-02-28", "2028-02-29", "2029-07-14", "2030-11-29", "2031-12-31"]


@pytest.fixture
def shop(db, market, sandbox, owner):
    """What the demo builds its plans with, small: forty people and two messages instead of a whole site."""

    def build():
        roles.ensure_roles()
        installation.confirm(owner)
        reviewer = make_user("rena")
        contacts.upsert(
            {
                "external_id": f"d{number}",
                "email": f"d{number}@post.example",
                "first_name": "Ann",
                "locale": "en",
                "market": "us",
                "consents": ["email", "push"],
                "devices": [{"token": f"demo-device-{number:032x}", "platform": "ios"}],
            }
            for number in range(40)
        )
        accounts = sandbox.accounts()
        renditions = {
            "email": {"subject": "Linen", "html": '<p><a href="http://127.0.0.1:8000/">See</a></p>', "text": "See."},
            "social": {"text": "See http://127.0.0.1:8000/"},
            "push": {"title": "Linen", "body": "See", "url": "http://127.0.0.1:8000/"},
        }
        said = {name: messages.create(name, renditions, by=owner) for name in ("article", "tutorial", "promotion")}
        everyone = audiences.create("All customers", [segments.create("Everyone", {"all": True})])
        given = planning.Given(
            market,
            owner,
            everyone,
            {"email": accounts["smtp"], "social": accounts["x"], "push": accounts["fcm"]},
            said,
        )
        today = clock.now().astimezone(clock.zone(market.timezone)).date()
        ahead = planning.build(
            market=market, owner=owner, audience=everyone, accounts=given.accounts, contents=said, today=today
        )
        history = past.Past(owner, reviewer)
        history.tell(planning.last_year(given, today))
        history.review()
        if not past.runs(today):
            history.tell(planning.running(given, today))
        return ahead, today

    return build


@pytest.mark.parametrize("day", DAYS)
def test_whatever_the_date(shop, client, owner, time_machine, day, monkeypatch):
    monkeypatch.setattr(past, "CLICKS", 0.4)  # of forty people
    monkeypatch.setattr(past, "BUYERS", 0.6)
    time_machine.move_to(datetime.fromisoformat(f"{day}T00:05:00").replace(tzinfo=UTC), tick=False)
    ahead, today = shop()

    assert len(ahead) == 11
    for campaign in ahead:
        for publication in Publication.objects.filter(stage__campaign=campaign):
            assert publication.moment_date > today
            assert publication.moment_date < today + timedelta(days=400 + 20)

    finished = Campaign.objects.get(slug=f"black-friday-{today.year - 1}")
    _first, last = campaign_window(finished)
    assert last < today
    results = campaign_results(finished)
    assert min(results.total.uv, results.total.orders, results.window.orders, results.total.gmv_minor) > 0
    review = Review.objects.get()
    assert reviews.is_intact(review)
    assert review.frozen_at.date() <= today
    assert review.numbers["attributed"]["orders"] == results.total.orders

    (running,) = [line for line in lines() if line.state == "running" and line.uv]
    assert running.orders > 0
    assert campaign_results(running.campaign).pace is not None
    assert set(running.campaign.stages.values_list("publications__state", flat=True)) >= {"done", "planned"}

    assert audit() == []
    assert not [one for one in Publication.objects.all() if status_of(one) in {"late", "held", "failed"}]
    client.force_login(owner)
    home = client.get("/admin/").content.decode()
    assert "First steps" not in home or "Send a test message" not in home
    for screen in (home, client.get(reverse("campaign_calendar:index")).content.decode()):
        assert not re.search(r"help-critical|al-note--bad|is-late|state-late|Needs you", screen)

    count = Publication.objects.count()
    shop_again = planning.build(market=running.campaign.market, owner=owner, today=today)
    assert shop_again == ahead
    assert Publication.objects.count() == count


def test_a_start_some_days_later_goes_on_with_the_campaign_that_runs(shop, time_machine):
    time_machine.move_to(datetime(2027, 3, 1, 15, tzinfo=UTC), tick=False)
    shop()
    assert past.runs(date(2027, 3, 5))
    assert not past.runs(date(2027, 4, 5))


@pytest.mark.slow
def test_the_demo_goes_through_the_same_set_up_as_every_shop(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    demo = Shop(Place(1, 2, 3))
    demo.team()
    assert setting_up.is_set_up()
    demo.content()
    demo.team()
    demo.content()
    homes = HomePage.objects.order_by("pk")
    assert [(home.locale.language_code, home.live, bool(home.picture_id)) for home in homes] == [
        ("en", True, True),
        ("zh-hans", True, True),
    ]
    assert homes[0].title != homes[1].title
    assert Market.objects.get().code == "us"
    assert first_run.invitation() == ""


SLOW = """
import time
time.sleep(1.2)
print("warming up", flush=True)
time.sleep(0.2)
print("{}", flush=True)
time.sleep(9)
"""


def test_a_slow_child_is_waited_for_as_long_as_it_lives(monkeypatch):
    monkeypatch.setattr(processes, "TELL_EVERY", 0.3)
    told = []
    slow = Child("sandbox", [sys.executable, "-c", SLOW])
    with processes.for_a_moment(slow, told.append):
        assert list(slow.tail) == ["warming up", "{}"]
    assert told
    assert "sandbox is starting" in told[0]


def test_a_child_that_ends_instead_says_why():
    broken = Child("sandbox", [sys.executable, "-c", "raise SystemExit('no port')"])
    with (
        pytest.raises(FixSettings, match=r"sandbox ended instead of starting\. no port"),
        processes.for_a_moment(broken),
    ):
        pass
