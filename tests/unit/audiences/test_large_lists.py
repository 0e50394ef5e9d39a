"""Lists at a million rows: found by an index, counted no further than they are listed, segments not counted in passing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.audiences import views
from campaigns.audiences.models import Contact, Segment
from campaigns.audiences.services import contacts
from campaigns.publishing.services import doubts

pytestmark = pytest.mark.django_db


def plan_of(query):
    text, params = query.query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of a few rows is read whole otherwise
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + text, params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.fixture
def people(db):
    report = contacts.upsert(
        {
            "external_id": f"c{n}",
            "email": f"c{n}@shop.example",
            "first_name": f"Ann{n}",
            "last_name": "Müller" if n % 2 else "Meyer",
        }
        for n in range(30)
    )
    assert report.created == 30


def found(*words):
    return sorted(views.searched(Contact.objects.all(), list(words)).values_list("external_id", flat=True))


def test_a_small_shop_finds_by_a_part_of_a_name(people):
    assert found("nn2") == sorted(f"c{n}" for n in (2, *range(20, 30)))
    assert found("ann3", "mül") == ["c3"]


def test_a_large_one_finds_by_whole_words_an_id_or_an_address(people, monkeypatch):
    monkeypatch.setattr(views, "FEW", 0)
    assert found("ann3") == ["c3"]
    assert found("ANN3", "müller") == ["c3"]
    assert found("c7") == ["c7"]
    assert found("c9@shop.example") == ["c9"]
    assert len(found("Meyer")) == 15
    assert found("nobody@shop.example") == found("nn") == []


def test_a_large_search_walks_no_table(people, monkeypatch):
    monkeypatch.setattr(views, "FEW", 0)
    for words in (["ann3"], ["ann3", "müller"], ["c9@shop.example"]):
        plan = plan_of(views.searched(Contact.objects.filter(erased_at__isnull=True), words).order_by())
        assert "SCAN audiences_contact" not in plan.replace('"', ""), plan
        assert "Seq Scan on audiences_contact" not in plan, plan


def test_a_list_is_counted_no_further_than_it_is_shown(people, monkeypatch, client, owner):
    monkeypatch.setattr(views, "LISTED", 10)
    monkeypatch.setattr(views.ContactIndexView, "listed", 10)
    client.force_login(owner)
    with CaptureQueriesContext(connection) as seen:
        page = client.get(reverse("audiences_contact:index")).content.decode()
    counts = [one["sql"] for one in seen if "COUNT(*)" in one["sql"] and "audiences_contact" in one["sql"]]
    assert all("LIMIT 10" in sql for sql in counts), counts
    assert "The first 10 are listed" in page


def test_segments_are_not_counted_while_they_are_listed(people, client, owner):
    Segment.objects.create(name="All", rule={"all": True})
    Segment.objects.create(name="Broken", rule={"strange": 1})
    client.force_login(owner)
    with CaptureQueriesContext(connection) as seen:
        page = client.get(reverse("audiences_segment:index"))
    assert page.status_code == 200
    assert not [one for one in seen if "audiences_contact" in one["sql"] and "COUNT" in one["sql"]]


def test_doubts_are_read_by_their_partial_index():
    for query in (doubts.all_doubts()[:25], doubts.by_publication()[:50]):
        assert "publishing_delivery_doubt" in plan_of(query)
