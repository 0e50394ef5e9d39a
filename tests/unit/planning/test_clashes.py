"""What does not go together: seeded cases with known answers, none on a clean year, and fast."""

import time as wall
from datetime import date, time, timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from wagtail.models import Page, PageViewRestriction

from campaigns.audiences.models import Audience, Contact, Segment
from campaigns.audiences.services import audiences
from campaigns.planning import clashes
from campaigns.planning.clashes import Kind, Severity
from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.services import demo
from cms.services import messages

DAY = date(2026, 11, 27)


@pytest.fixture
def people(db):
    """Twelve in English, eight in German; ten of all with a first name."""
    for n in range(20):
        Contact.objects.create(
            external_id=str(n), locale="en" if n < 12 else "de", first_name="A" if 7 <= n < 17 else ""
        )


@pytest.fixture
def reach(people):
    rules = {
        "all": {"all": True},
        "english": {"field": "locale", "op": "eq", "value": "en"},
        "german": {"field": "locale", "op": "eq", "value": "de"},
        "named": {"field": "first_name", "op": "eq", "value": "A"},
    }
    segments = {name: Segment.objects.create(name=name, rule=rule) for name, rule in rules.items()}

    def make(*include, exclude=()):
        return audiences.create("", [segments[n] for n in include], [segments[n] for n in exclude])

    return make


def find(**options):
    return clashes.find(Publication.objects.select_related("stage__campaign__market"), **options)


def test_the_same_people_within_hours(launch, plan, reach):
    one = plan(launch, DAY, time(9), audience=reach("all"), title="Mail")
    other = plan(launch, DAY, time(11), audience=reach("all"), title="App", channel="push")
    (clash,) = find(hours=6)
    assert (clash.kind, clash.severity, clash.people) == (Kind.SAME_PEOPLE, Severity.WARNING, 20)
    assert clash.publications == (one, other)
    assert "“Mail” and “App” reach 20 of the same people within 2 hours" in clash.sentence
    assert find(hours=2) == []


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"include": ["english"]}, {"include": ["german"]}, 0),
        ({"include": ["english"]}, {"include": ["named"]}, 5),
        ({"include": ["english", "german"]}, {"include": ["named"]}, 10),
        ({"include": ["all"], "exclude": ["english"]}, {"include": ["english"]}, 0),
        ({"include": ["all"], "exclude": ["named"]}, {"include": ["english"]}, 7),
    ],
)
def test_the_overlap_is_counted(launch, plan, reach, one, other, shared):
    plan(launch, DAY, time(9), audience=reach(*one["include"], exclude=one.get("exclude", ())))
    plan(launch, DAY, time(10), audience=reach(*other["include"], exclude=other.get("exclude", ())))
    assert [clash.people for clash in find()] == ([shared] if shared else [])


def test_zones_are_compared_as_instants(launch, plan, reach):
    plan(launch, DAY, time(9), "America/New_York", audience=reach("all"))
    plan(launch, DAY, time(14), "Europe/London", audience=reach("all"))  # the same instant
    plan(launch, DAY, time(9), "Asia/Shanghai", audience=reach("all"))  # thirteen hours before
    (clash,) = find()
    assert "at the same time" in clash.sentence


def test_what_reaches_nobody_clashes_with_nothing(launch, plan, reach, accounts):
    plan(launch, DAY, time(9), audience=reach("all"))
    plan(launch, DAY, time(9), channel="social")
    plan(launch, DAY, time(9))
    plan(launch, DAY, time(9), audience=reach("all"), state="cancelled")
    plan(launch, DAY, time(9), audience=reach("all"), state="failed")
    plan(launch, moment=Moment.now(), audience=reach("all"))
    plan(launch, moment=Moment.fixed(DAY, None, "UTC"), audience=reach("all"))
    assert find() == []


def test_what_is_over_on_both_sides_is_no_warning_any_more(launch, plan, reach):
    plan(launch, DAY, time(9), audience=reach("all"), state="done")
    plan(launch, DAY, time(10), audience=reach("all"), state="done")
    assert find() == []
    plan(launch, DAY, time(11), audience=reach("all"))
    assert len(find()) == 2


@pytest.fixture
def page(db):
    root = Page.objects.get(depth=1)
    return root.add_child(instance=Page(title="Sale", slug="sale-x", live=False))


def test_a_link_to_an_unpublished_page(launch, plan, page):
    publication = plan(launch, content_kind="page", content_key=page.translation_key)
    (clash,) = find()
    assert (clash.kind, clash.severity, clash.publications) == (Kind.UNPUBLISHED_PAGE, Severity.ERROR, (publication,))
    assert "“Sale”, which is not published" in clash.sentence
    page.save_revision().publish()
    assert find() == []


def test_a_page_that_goes_live_in_time_is_fine(launch, plan, page, owner):
    soon = timezone.now().replace(year=2027, month=3, day=1)
    page.go_live_at = soon
    page.save_revision(approved_go_live_at=soon)
    page.save()
    late = plan(launch, date(2027, 2, 27), content_kind="page", content_key=page.translation_key, title="Too early")
    plan(launch, date(2027, 3, 3), content_kind="page", content_key=page.translation_key)
    (clash,) = find()
    assert clash.publications == (late,)
    assert "goes live only afterwards" in clash.sentence


def test_a_page_that_is_gone_or_private_by_then(launch, plan, page):
    page.save_revision().publish()
    plan(launch, content_kind="page", content_key=page.translation_key)
    Page.objects.filter(pk=page.pk).update(expire_at=timezone.now().replace(year=2026, month=11, day=26))
    assert "taken down" in find()[0].sentence
    Page.objects.filter(pk=page.pk).update(expire_at=None)
    assert find() == []
    PageViewRestriction.objects.create(page=page, restriction_type="login")
    assert "not everyone may see" in find()[0].sentence


def test_a_message_that_leads_to_one_of_our_own_pages(launch, plan, owner):
    from wagtail.models import Site

    home = Site.objects.get(is_default_site=True).root_page
    page = home.add_child(instance=Page(title="Landing", slug="landing", live=False))
    html = f'<p><a href="{settings.ALMANAC_BASE_URL}/landing/?a=1&amp;b=2">Go</a> <a href="https://shop.example/x">x</a></p>'
    message = messages.create("Hello", {"email": {"subject": "Hi", "html": html, "text": "Hi"}}, owner)
    plan(launch, content_kind="message", content_key=message.translation_key)
    assert ["Landing" in clash.sentence for clash in find()] == [True]
    page.save_revision().publish()
    assert find() == []


@pytest.mark.parametrize("text", ["立即抢购{}，全场五折。", "点击{}查看", "（{}）", "Here: {}."])
def test_a_link_in_running_text_leads_to_our_page_too(launch, plan, owner, text):
    from wagtail.models import Site

    home = Site.objects.get(is_default_site=True).root_page
    home.add_child(instance=Page(title="Landing", slug="landing", live=False))
    written = text.format(f"{settings.ALMANAC_BASE_URL}/landing/")
    message = messages.create("Hello", {"email": {"subject": "Hi", "text": written}}, owner)
    plan(launch, content_kind="message", content_key=message.translation_key)
    assert ["Landing" in clash.sentence for clash in find()] == [True]


def test_a_clean_year_raises_no_false_alarm_and_the_demo_exactly_two(market, marketer, reach, accounts):
    made = demo.build(market=market, owner=marketer, audience=reach("all"), accounts=accounts)
    assert len(made) == 11
    assert len(find()) == 2
    assert {c.publications[0].stage.campaign.slug for c in find()} == {"black-friday-2026"}
    others = Publication.objects.exclude(stage__campaign=made[0]).select_related("stage__campaign__market")
    assert others.count() == 40
    assert clashes.find(others) == []


def test_the_demo_is_built_once(market, marketer):
    first = demo.build(market=market, owner=marketer)
    count = Publication.objects.count()
    assert demo.build(market=market, owner=marketer) == first
    assert Publication.objects.count() == count


def test_five_hundred_within_a_second(launch, plan, reach, django_assert_max_num_queries):
    sets = [("all",), ("english",), ("german",), ("named",), ("english", "named")]
    for n in range(500):
        if n < 20:
            plan(launch, DAY + timedelta(days=n), time(9), audience=reach(*sets[n % 5]))
    base = Publication.objects.first()
    kinds = list(Audience.objects.all())
    Publication.objects.bulk_create(
        Publication(
            stage=launch,
            channel="email",
            title=f"n{n}",
            audience=kinds[n % len(kinds)],
            moment_kind=base.moment_kind,
            moment_date=DAY + timedelta(days=n // 6),
            moment_time=time((n * 4) % 24),
            moment_zone="UTC",
        )
        for n in range(480)
    )
    rows = list(Publication.objects.select_related("stage__campaign__market"))
    assert len(rows) == 500
    started = wall.perf_counter()
    with django_assert_max_num_queries(60):  # PostgreSQL is told beside each count to compile nothing
        found = clashes.find(rows)
    assert found
    assert wall.perf_counter() - started < 1
