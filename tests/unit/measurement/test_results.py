"""What a campaign has brought, per stage, channel and publication, against targets, over HTTP and on the command line."""

import json
from datetime import date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from campaigns.audiences.models import Audience, Segment, Suppression
from campaigns.measurement.drain import OrderReader, drain
from campaigns.measurement.models import Rollup
from campaigns.measurement.selectors import campaign_results
from campaigns.planning.models import Campaign, Target
from campaigns.promotions.models import Refund
from core import clock
from core.models import ExchangeRate

pytestmark = pytest.mark.django_db


def tick(door):
    drain(door.folder)
    OrderReader().read()


def test_a_campaign_without_anything_says_so(world):
    results = campaign_results(world.campaign)
    assert results.is_empty
    assert results.total.conversion is None
    assert results.timeline == []
    assert (results.first_day, results.last_day) == (date(2026, 11, 27), date(2026, 11, 28))


def test_figures_per_stage_channel_and_publication(world, door, write):
    ann, bob = world.contact("Ann"), world.contact("Bob")
    late = world.add_stage("Last call", 2, 3, position=1)
    mail, (one, two) = world.publish([ann, bob])
    post, (third,) = world.publish([None], channel="social", stage=late)
    write("click", one, n=0)
    write("page", one, p="/sale/", v="visitor-" + "a" * 14)
    write("page", one, p="/sale/2/", v="visitor-" + "a" * 14)
    write("click", two, n=0)  # to a page without our beacon
    write("click", two, n=1, a="curl/8")
    write("click", third, n=0)
    write("page", third, p="/sale/", v="visitor-" + "a" * 14)
    write("page", p="/sale/", v="visitor-" + "b" * 14, c="black-friday", m="cpc")
    tick(door)
    world.order(10_000, contact=ann)
    order = world.order(5_001, contact=bob)
    Refund.objects.create(order=order, external_id="r", amount_minor=1_000, occurred_at=clock.now())
    tick(door)
    results = campaign_results(world.campaign)
    total = results.total
    # a (mail and post), Bob by his click, b by another link.
    assert (total.uv, total.pv, total.clicks, total.clicks_machine) == (3, 4, 3, 1)
    assert (total.orders, total.buyers, total.gmv_minor, total.refunds_minor, total.net_minor) == (
        2,
        2,
        15_001,
        1_000,
        14_001,
    )
    assert (total.conversion, total.order_value_minor) == (6667, 7500)
    assert [(row.label, row.figures.uv, row.figures.orders) for row in results.stages] == [
        ("Launch", 2, 2),
        ("Last call", 1, 0),
    ]
    assert [(row.key, row.figures.uv, row.figures.pv) for row in results.channels] == [
        ("email", 2, 2),
        ("social", 1, 1),
        ("", 1, 1),
    ]
    assert [(row.key, row.figures.clicks) for row in results.publications] == [
        (str(mail.public_id), 2),
        (str(post.public_id), 1),
    ]
    assert results.ledger["targeted"] == results.ledger["accepted"] == 3
    assert sum(bucket.gmv_minor for bucket in results.timeline) == 15_001
    assert sum(bucket.clicks for bucket in results.timeline) == 3


def test_doubtful_clicks_stand_apart(world, door, write):
    _mail, (one,) = world.publish([world.contact()])
    write("click", one, n=0, a="Thing/1.0")
    tick(door)
    assert campaign_results(world.campaign).total.clicks_unsure == 1
    assert campaign_results(world.campaign).total.uv == 0


def test_targets_are_compared_at_their_own_place(world, door, write):
    ann = world.contact("Ann")
    late = world.add_stage("Last call", 2, 3, position=1)
    _mail, (one,) = world.publish([ann])
    write("click", one, n=0)
    tick(door)
    world.order(10_000, contact=ann)
    tick(door)
    for stage, channel, metric, value in (
        (None, "", "gmv", 40_000),
        (None, "email", "clicks", 4),
        (late, "", "orders", 3),
        (None, "", "conversion", 5_000),
        (None, "", "uv", 0),
    ):
        Target.objects.create(campaign=world.campaign, stage=stage, channel=channel, metric=metric, value=value)
    lines = {(t.stage, t.channel, t.metric): t for t in campaign_results(world.campaign).targets}
    assert lines["", "", "gmv"].completion == 2_500
    assert lines["", "email", "clicks"].completion == 2_500
    assert lines["Last call", "", "orders"].completion == 0
    assert lines["", "", "conversion"].actual == 10_000
    assert lines["", "", "uv"].completion is None


def test_an_unsubscription_is_told_to_the_last_copy_before_it(world):
    now = clock.now()
    ann = world.contact()
    _first, (one,) = world.publish([ann], sent_at=now - timedelta(hours=3))
    second, (two,) = world.publish([ann], sent_at=now - timedelta(hours=2))
    _third, (three,) = world.publish([ann], sent_at=now - timedelta(hours=1))
    for copy in (two, three):
        copy.occurrence = copy.pk
        copy.recipient_key = one.recipient_key
        copy.save()
    Suppression.objects.create(
        recipient_key=one.recipient_key,
        channel="email",
        reason="unsubscribed",
        created_at=now - timedelta(minutes=90),
    )
    rows = campaign_results(world.campaign).publications
    assert [row.key for row in rows if row.figures.unsubscribes] == [str(second.public_id)]


def test_window_figures_are_those_of_the_audience_by_the_markets_clock(world):
    zone = ZoneInfo("America/New_York")
    audience = Audience.objects.create(name="All")
    audience.include.add(Segment.objects.create(name="All", rule={"all": True}))
    world.campaign.audience = audience
    world.campaign.save()
    ann = world.contact()
    for at in (
        datetime(2026, 11, 26, 23, 59, 59, tzinfo=zone),
        datetime(2026, 11, 27, tzinfo=zone),
        datetime(2026, 11, 28, 23, 59, 59, tzinfo=zone),
        datetime(2026, 11, 29, tzinfo=zone),
    ):
        world.order(1_050, contact=ann, at=at)
    world.order(9_999, at=datetime(2026, 11, 27, 12, tzinfo=zone))
    summary = campaign_results(world.campaign).summary()
    assert (summary["audience"], summary["buyers"], summary["orders"], summary["revenue_minor"]) == (1, 1, 2, 2_100)
    assert summary["attributed"]["orders"] == 0


def test_a_campaign_without_an_audience_has_those_it_was_sent_to(world):
    world.publish([world.contact("Ann"), world.contact("Bob"), None])
    world.contact("Cat")
    assert campaign_results(world.campaign).window.audience == 2


def test_the_command_prints_json_alone(world):
    Campaign.objects.create(slug="another", name="Another", market=world.market)
    out = StringIO()
    call_command("results", as_json=True, stdout=out)
    rows = json.loads(out.getvalue())
    assert [row["slug"] for row in rows] == ["another", "black-friday"]
    assert set(rows[0]) == {
        "slug",
        "audience",
        "redemptions",
        "redeeming_contacts",
        "buyers",
        "orders",
        "revenue_minor",
        "currency",
        "attributed",
    }
    out = StringIO()
    call_command("results", "--campaign", "black-friday", "--json", stdout=out)
    assert len(json.loads(out.getvalue())) == 1
    out = StringIO()
    call_command("results", stdout=out)
    assert "$0.00" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("results", "--campaign", "nothing", "--json")


def test_a_dashboard_reads_no_hits(world, door, write, django_assert_max_num_queries):
    _mail, (one,) = world.publish([world.contact()])
    write("click", one, n=0)
    tick(door)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(
        connection,
    ) as queries:
        campaign_results(Campaign.objects.get(pk=world.campaign.pk))
    assert not [q for q in queries if "measurement_hit" in q["sql"]]
    assert Rollup.objects.exists()


def euro(world, contact, total, at=None):
    ordered = world.order(total, contact=contact, at=at)
    ordered.currency = "EUR"
    ordered.save()
    return ordered


def test_orders_in_another_currency_are_named_and_counted_at_the_rate_of_their_day(world, door, write):
    ann, bob = world.contact("Ann"), world.contact("Bob")
    world.campaign.audience = Audience.objects.create(name="All")
    world.campaign.audience.include.add(Segment.objects.create(name="All", rule={"all": True}))
    world.campaign.save()
    _mail, copies = world.publish([ann, bob])
    for copy in copies:
        write("click", copy, n=0)
    tick(door)
    at = clock.now()
    campaign = world.campaign
    campaign.starts_on = (at - timedelta(days=2)).date()
    campaign.ends_on = (at + timedelta(days=2)).date()
    campaign.anchor_date = at.date()
    campaign.save()
    world.order(10_000, contact=ann, at=at)
    ordered = euro(world, bob, 1_001, at)
    Refund.objects.create(order=ordered, external_id="r", amount_minor=1_001, occurred_at=at)
    tick(door)

    results = campaign_results(campaign)
    assert (results.total.orders, results.total.gmv_minor, results.total.buyers) == (1, 10_000, 1)
    told = results.as_dict()["other_currencies"]
    named = {
        "currency": "EUR", "orders": 1, "amount_minor": 1_001, "converted": 0, "converted_minor": 0, "sources": []
    }  # fmt: skip
    assert told == {"attributed": [named], "audience": [named]}

    day = at.astimezone(ZoneInfo(world.market.timezone)).date()
    ExchangeRate.objects.create(day=day, base="EUR", quote="USD", rate="1.085", source="ECB")
    assert campaign_results(campaign).total.orders == 1, "only a market that converts does"
    world.market.converts = True
    world.market.save()
    results = campaign_results(Campaign.objects.get(pk=campaign.pk))
    assert (results.total.orders, results.total.gmv_minor, results.total.buyers) == (2, 11_086, 2)
    assert (results.total.refunds_minor, results.total.net_minor) == (1_086, 10_000)
    assert (results.window.orders, results.window.revenue_minor, results.window.buyers) == (2, 11_086, 2)
    assert sum(row.figures.gmv_minor for row in results.stages) == 11_086
    assert sum(one.gmv_minor for one in results.timeline) == 11_086
    counted = {
        "currency": "EUR", "orders": 0, "amount_minor": 0, "converted": 1, "converted_minor": 1_086, "sources": ["ECB"]
    }  # fmt: skip
    assert results.as_dict()["other_currencies"] == {"attributed": [counted], "audience": [counted]}


def test_the_day_of_the_sale_stays_in_the_figures_when_a_stage_comes_after_it(world):
    world.campaign.audience = Audience.objects.create(name="All")
    world.campaign.audience.include.add(Segment.objects.create(name="All", rule={"all": True}))
    world.campaign.save()
    world.order(4_200, contact=world.contact(), at=datetime(2026, 11, 27, 12, tzinfo=ZoneInfo("America/New_York")))
    world.stage.start_offset = world.stage.end_offset = None
    world.stage.save()
    world.add_stage("After", 1, 2)
    assert campaign_results(Campaign.objects.get(pk=world.campaign.pk)).window.revenue_minor == 4_200
