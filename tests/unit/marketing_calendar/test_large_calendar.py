"""A year with 5,000 items: a month costs the queries of a small one, and the answer holds what the view shows."""

from datetime import date, time, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.audiences import changes
from campaigns.audiences.models import Contact, Segment
from campaigns.audiences.services import audiences
from campaigns.planning.models import Publication

pytestmark = pytest.mark.django_db
MONTH = {"start": "2026-10-26", "end": "2026-12-07"}
MOST_BYTES = 150_000


def url(name):
    return reverse(f"campaign_calendar:{name}")


@pytest.fixture
def reach(db):
    Contact.objects.bulk_create(Contact(external_id=str(n), locale="en" if n % 2 else "de") for n in range(20))
    segments = [
        Segment.objects.create(name=f"S{n}", rule={"field": "locale", "op": "contains", "value": text})
        for n, text in enumerate(("e", "n", "d", "en"))
    ]
    return [audiences.create("", [one], []) for one in segments]


def fill(launch, reach, count):
    """So many items evenly over the year, at nine and at six."""
    Publication.objects.bulk_create(
        (
            Publication(
                stage=launch,
                title=f"Newsletter number {n}",
                channel="email",
                moment_kind=Publication.Moment.AT,
                moment_date=date(2026, 1, 1) + timedelta(days=n * 365 // count),
                moment_time=time(9 if n % 2 else 18),
                moment_zone="America/New_York",
                audience=reach[n % len(reach)],
            )
            for n in range(count)
        ),
        batch_size=500,
    )


def ask(planner, address, query):
    with CaptureQueriesContext(connection) as seen:
        answer = planner.get(address, query)
    assert answer.status_code == 200
    return answer, [one["sql"] for one in seen]


VIEWS = [
    (url_name, query) for url_name, query in (("items", MONTH), ("index", {"view": "month", "date": "2026-11-01"}))
]


@pytest.mark.parametrize(("name", "query"), VIEWS)
def test_the_same_queries_and_at_most_150_kb(planner, launch, reach, name, query, django_capture_on_commit_callbacks):
    cache.clear()
    with django_capture_on_commit_callbacks(execute=True):
        changes.note()
    fill(launch, reach, 50)
    planner.get(url(name), query)
    _small, few = ask(planner, url(name), query)
    Publication.objects.all().delete()
    fill(launch, reach, 5_000)
    planner.get(url(name), query)
    large, many = ask(planner, url(name), query)
    assert len(many) <= len(few)
    assert len(large.content) <= MOST_BYTES, len(large.content)


def test_shared_people_are_counted_once_and_again_when_contacts_change(
    planner, launch, reach, django_capture_on_commit_callbacks
):
    cache.clear()
    with django_capture_on_commit_callbacks(execute=True):
        Contact.objects.create(external_id="new")
    fill(launch, reach, 700)

    def counted():
        _answer, seen = ask(planner, url("items"), MONTH)
        return sum(one.startswith("SELECT COUNT(*)") and '"audiences_contact"' in one for one in seen)

    assert counted() > 0
    assert counted() == 0
    with django_capture_on_commit_callbacks(execute=True):
        Contact.objects.create(external_id="another")
    assert counted() > 0
    assert counted() == 0
    Segment.objects.filter(name="S0").update(rule={"field": "locale", "op": "contains", "value": "de"})
    assert counted() > 0


def test_the_list_has_pages_and_misses_nobody(planner, launch, reach):
    fill(launch, reach, 5_000)
    query = {"view": "list", "date": "2026-11-01"}
    seen = set()
    page = 1
    while True:
        answer = planner.get(url("index"), {**query, "page": page})
        assert len(answer.content) <= 3 * MOST_BYTES
        shown = [row["item"].publication.pk for day in answer.context["days"] for row in day["rows"]]
        assert not seen & set(shown)
        seen.update(shown)
        if not answer.context["later_url"]:
            break
        page += 1
    assert page > 1
    month = Publication.objects.filter(moment_date__year=2026, moment_date__month=11)
    assert seen == set(month.values_list("pk", flat=True))


def test_a_drawn_view_leads_to_the_whole_list(planner, launch, reach):
    fill(launch, reach, 5_000)
    page = planner.get(url("index"), {"view": "month", "date": "2026-11-01"}).content.decode()
    assert "All of these days as a list" in page
    assert "view=list&amp;date=2026-11-01&amp;page=1" in page


def test_items_name_what_they_have_in_common_once(planner, launch, reach):
    fill(launch, reach, 700)
    data = planner.get(url("items"), MONTH).json()
    words, item = data["words"], data["items"][0]
    assert words["stages"][item["of"]]["stageName"] == launch.name
    assert words["channels"][item["channel"]]["channelLabel"]
    assert words["statuses"][item["status"]]["statusIcon"]
    assert len(words["sentences"]) <= 100
    assert "{id}" in words["card"] and "statusLabel" not in item
