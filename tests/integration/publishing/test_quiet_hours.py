"""A message that comes due in its market's quiet hours goes at their end: told before, counted after, never lost."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from campaigns.audiences.models import Contact
from campaigns.planning.moments import Moment
from campaigns.planning.selectors import status_of
from campaigns.publishing import reasons
from campaigns.publishing.services import holds, publications, sweeper
from tests.integration.publishing.conftest import Paper, PaperPost, states

DAY = date(2026, 12, 1)
NEW_YORK = ZoneInfo("America/New_York")
EIGHT = datetime(2026, 12, 2, 8, tzinfo=NEW_YORK)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]


@pytest.fixture
def world(shop, time_machine):
    time_machine.move_to(datetime(2026, 11, 25, 12, tzinfo=UTC))
    shop.market.quiet_from, shop.market.quiet_until = time(21), time(8)
    shop.market.save()
    shop.people(3)
    return shop


def late(zone="America/New_York", at=time(22, 30), day=DAY):
    return Moment.fixed(day, at, zone)


@pytest.mark.parametrize(
    "moment",
    [
        late(),
        late("Europe/Berlin", time(4, 30), DAY + timedelta(days=1)),
        late(at=time(7, 59), day=DAY + timedelta(days=1)),
    ],
)
def test_a_fixed_moment_goes_at_the_end_by_the_markets_clock(world, time_machine, client, owner, moment):
    publication = world.scheduled(moment=moment)
    (run,) = publication.runs.all()
    assert run.due_at == EIGHT
    client.force_login(owner)
    page = client.get(reverse("publishing_publication:detail", args=[publication.public_id])).content.decode()
    assert "In the quiet hours of United States (21:00–08:00)" in page
    time_machine.move_to(EIGHT - timedelta(minutes=1))
    world.work(publication)
    assert not Paper.calls
    assert status_of(publication) == "scheduled", "waiting is not being late"
    sweeper.hold_overdue()
    time_machine.move_to(EIGHT + timedelta(seconds=1))
    world.work(publication)
    assert states(publication) == {("accepted", ""): 3}
    run.refresh_from_db()
    assert reasons.words(run.state_reason) == "put off to the end of the market's quiet hours"
    assert run.snapshot.targeted == 3, "and so many it were"


def test_outside_of_them_nothing_changes(world):
    (run,) = world.scheduled(moment=late(at=time(20, 59))).runs.all()
    assert (run.due_at, run.state_reason) == (datetime(2026, 12, 1, 20, 59, tzinfo=NEW_YORK), "")


def test_local_time_keeps_them_on_everybodys_own_clock(world, time_machine):
    world.people(2, prefix="tokyo-")
    Contact.objects.filter(external_id__startswith="tokyo-").update(timezone="Asia/Tokyo")
    publication = world.scheduled(moment=Moment.local(DAY, time(22)))
    dues = {run.due_at for run in publication.runs.all()}
    assert dues == {EIGHT, datetime(2026, 12, 2, 8, tzinfo=ZoneInfo("Asia/Tokyo"))}
    for due in sorted(dues):
        time_machine.move_to(due + timedelta(seconds=1))
        world.work(publication)
    assert publication.state == "done"
    assert states(publication) == {("accepted", ""): 5}


def test_what_is_scheduled_to_go_at_once_waits_too(world, time_machine):
    time_machine.move_to(datetime(2026, 12, 1, 23, tzinfo=NEW_YORK))
    publication = world.scheduled()
    assert publication.runs.get().due_at == EIGHT
    world.work(publication)
    assert not Paper.calls


def test_a_post_wakes_nobody(world, time_machine):
    time_machine.move_to(datetime(2026, 12, 1, 23, tzinfo=NEW_YORK))
    publication = world.scheduled(account=world.account(PaperPost), channel="social", audience=False)
    world.work(publication)
    assert len(PaperPost.calls) == 1


def test_hours_that_were_set_later_and_a_release_in_the_night_are_kept(world, time_machine):
    world.market.quiet_from = world.market.quiet_until = None
    world.market.save()
    publication = world.scheduled(moment=late())
    publication.stage.campaign.market.refresh_from_db()
    time_machine.move_to(datetime(2026, 12, 1, 22, 31, tzinfo=NEW_YORK))
    holds.hold(publication, "order")
    world.market.quiet_from, world.market.quiet_until = time(21), time(8)
    world.market.save()
    publication.refresh_from_db()
    publications.release(publication, world.reviewer)
    world.work(publication)
    assert not Paper.calls
    assert publication.runs.get().due_at == EIGHT
    time_machine.move_to(EIGHT + timedelta(seconds=1))
    world.work(publication)
    assert states(publication) == {("accepted", ""): 3}


def test_the_legal_line_of_the_market_is_sealed_into_its_mails(world, time_machine):
    world.market.legal_lines = {"en": "Hearth & Linen {{ Inc }}, 1 Main Street"}
    world.market.save()
    world.campaign.market.refresh_from_db()
    time_machine.move_to(datetime(2026, 12, 1, 12, tzinfo=NEW_YORK))
    world.work(world.scheduled())
    part = Paper.calls[0].part
    html, text = part.html.fill(Paper.calls[0].values), part.text.fill(Paper.calls[0].values)
    assert "Hearth &amp; Linen" in html
    assert html.count("1 Main Street") == text.count("1 Main Street") == 1
    assert html.index("1 Main Street") < html.lower().rindex("</body>")


def test_a_legal_line_that_stands_there_already_is_not_said_twice(world, time_machine):
    world.market.legal_lines = {"en": "Hearth & Linen Inc"}
    world.market.save()
    world.campaign.market.refresh_from_db()
    time_machine.move_to(datetime(2026, 12, 1, 12, tzinfo=NEW_YORK))
    message = world.message(html="<p>Hearth &amp; Linen Inc</p>", text="Hearth & Linen Inc")
    world.work(world.scheduled(message=message))
    job = Paper.calls[0]
    assert job.part.html.fill(job.values).count("Linen Inc") == 1
    assert job.part.text.fill(job.values).count("Linen Inc") == 1
