"""Local time: everyone gets it when their own clock shows the moment, once, or a row that says why not."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.audiences.models import Contact
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.publishing import scheduler, selectors
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import publications, runs
from core import clock
from core.models import Market
from tests.integration.publishing.conftest import Paper, states

DAY = date(2026, 12, 1)
NINE = Moment.local(DAY, time(9))
ZONES = ["Asia/Tokyo", "Europe/Berlin", "Europe/Paris", "America/New_York", "Pacific/Kiritimati", "", "Mars/Olympus"]


@pytest.fixture
def world(shop, time_machine):
    time_machine.move_to(datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("UTC")))
    for number, zone in enumerate(ZONES):
        shop.people(2, prefix=f"z{number}-")
        Contact.objects.filter(external_id__startswith=f"z{number}-").update(timezone=zone)
    return shop


def until_the_end(shop, publication, time_machine):
    for due in sorted({run.due_at for run in publication.runs.all()}):
        time_machine.move_to(due + timedelta(seconds=1))
        shop.work(publication)


@pytest.mark.django_db
@pytest.mark.usefixtures("sound")
def test_one_wave_per_instant_and_nobody_twice(world, time_machine):
    publication = world.scheduled(moment=NINE)
    waves = {run.due_at: set(run.zones) for run in publication.runs.all()}
    assert len(waves) == 4
    assert {"Europe/Berlin", "Europe/Paris"} in waves.values()
    assert {"America/New_York", "", "Mars/Olympus"} in waves.values(), "without a known zone: the market's"
    until_the_end(world, publication, time_machine)
    assert publication.state == "done"
    assert states(publication) == {("accepted", ""): 14}
    assert max(Counter(job.address for job in Paper.calls).values()) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("sound")
def test_a_zone_that_turns_up_later_gets_its_wave_and_one_that_is_past_a_reason(world, time_machine):
    publication = world.scheduled(moment=NINE)
    world.people(1, prefix="la-")
    Contact.objects.filter(external_id="la-0").update(timezone="America/Los_Angeles")
    first = publication.runs.order_by("due_at")[0].due_at
    time_machine.move_to(first + timedelta(seconds=1))
    world.work(publication)
    assert publication.runs.filter(zones=["America/Los_Angeles"]).exists()
    world.people(1, prefix="late-")
    Contact.objects.filter(external_id="late-0").update(timezone="Pacific/Kiritimati")
    until_the_end(world, publication, time_machine)
    assert publication.deliveries.get(contact__external_id="la-0").state == "accepted"
    assert publication.deliveries.get(contact__external_id="late-0").reason == "wave_passed"
    assert publication.state == "done"


@pytest.mark.django_db
@pytest.mark.usefixtures("sound")
def test_who_moves_between_waves_gets_it_once_or_a_reason(world, time_machine):
    publication = world.scheduled(moment=NINE)
    by_due = list(publication.runs.order_by("due_at"))
    time_machine.move_to(by_due[0].due_at + timedelta(seconds=1))
    world.work(publication)
    Contact.objects.filter(external_id="z4-0").update(timezone="America/New_York")  # had it already in Kiritimati
    Contact.objects.filter(external_id="z3-0").update(timezone="Pacific/Kiritimati")  # moved to where it has passed
    until_the_end(world, publication, time_machine)
    assert publication.deliveries.get(contact__external_id="z4-0").state == "accepted"
    assert publication.deliveries.get(contact__external_id="z3-0").reason == "wave_passed"


@pytest.mark.django_db
@pytest.mark.usefixtures("sound")
def test_zones_that_are_past_when_it_is_scheduled_are_told(world, time_machine):
    publication = world.approved(moment=NINE)
    time_machine.move_to(datetime(2026, 12, 1, 3, tzinfo=ZoneInfo("UTC")))
    publications.schedule(publication, world.author)
    until_the_end(world, publication, time_machine)
    assert states(publication) == {("accepted", ""): 10, ("skipped", "wave_passed"): 4}
    assert selectors.ledger(publication)["targeted"] == 14


@pytest.mark.django_db
def test_past_everywhere_is_held_for_a_person(world, time_machine):
    publication = world.approved(moment=NINE)
    time_machine.move_to(datetime(2026, 12, 3, tzinfo=ZoneInfo("UTC")))
    publications.schedule(publication, world.author)
    scheduler.tick()
    publication.refresh_from_db()
    assert (publication.state, publication.state_reason) == ("held", "overdue")
    assert not Delivery.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("sound")
def test_unsubscribed_before_the_wave_is_not_written_to(world, time_machine):
    from campaigns.audiences.services import unsubscribe

    publication = world.scheduled(moment=NINE)
    person = Contact.objects.get(external_id="z3-1")
    unsubscribe.by_recipient_key(person.endpoints.get().recipient_key, "email", "test")
    until_the_end(world, publication, time_machine)
    assert publication.deliveries.get(contact=person).reason == "no_consent"


ALL_ZONES = sorted(clock.known_zones())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    zones=st.lists(st.sampled_from([*ALL_ZONES, "", "Nowhere/Land"]), min_size=1, max_size=60),
    day=st.dates(date(2026, 1, 1), date(2030, 12, 31)),
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_every_zone_is_in_exactly_one_wave_whose_instant_shows_the_moment(zones, day, at):
    market = Market(timezone="Europe/Berlin")
    publication = Publication(stage=Stage(campaign=Campaign(market=market)), moment_date=day, moment_time=at)
    waves = runs.instants_of(publication, zones)
    members = Counter(name for names in waves.values() for name in names)
    assert members == Counter(set(zones)), "each zone once"
    for instant, names in waves.items():
        for name in names:
            zone = ZoneInfo(name if name in clock.known_zones() else "Europe/Berlin")
            shown = instant.astimezone(zone).replace(tzinfo=None)
            wanted = datetime.combine(day, at)
            # On the day of a gap the clocks never show the moment: then it is later by the length of the gap.
            assert shown == wanted or timedelta(0) < shown - wanted <= timedelta(hours=24)
