"""Every noun is listed, found, followed and read in the same way."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.audiences.models import Contact
from campaigns.promotions.models import Product
from config.api import api
from core import clock
from core.models import Market
from core.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, market):
    token = create_token("robot", ["*"])

    def ask(method, path, body=None, content_type="application/json"):
        sent = "" if body is None else body if isinstance(body, (str, bytes)) else json.dumps(body)
        return client.generic(
            method, f"/api/v1/{path}", sent, content_type=content_type, headers={"Authorization": f"Bearer {token}"}
        )

    return ask


@pytest.fixture
def shop(ask, monkeypatch):
    """One of everything, made over the API where that can be; the ids by noun."""
    rows = (
        '{"external_id": "1", "email": "ann@example.com", "first_name": "Ann", "consents": ["email"], "locale": "en"}\n'
    )
    assert ask("POST", "contacts/bulk", rows, "application/x-ndjson").json()["created"] == 1

    def make(path, body):
        answer = ask("POST", path, body)
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]

    ids = {"contacts": str(Contact.objects.get().public_id), "markets": Market.objects.get().code}
    ids["contact-lists"] = make("contact-lists", {"name": "Guests", "contacts": ["1"]})
    ids["segments"] = make("segments", {"name": "Everyone", "rule": {"all": True}})
    ids["audiences"] = make("audiences", {"name": "All", "include": [ids["segments"]]})
    ids["suppressions"] = make("suppressions", {"address": "bo@example.com"})
    ids["messages"] = make(
        "messages", {"name": "Hello", "renditions": {"email": {"subject": "Hi", "html": "<p>Hi</p>"}}}
    )
    ids["products"] = make("products", {"sku": "MUG", "name": "Mug"})
    window = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2100-01-01T00:00:00Z"}
    ids["offers"] = make(
        "offers", {"name": "Sale", "currency": "USD", "code": "SALE", "products": [ids["products"]], **window}
    )
    order = {"external_id": "o-1", "contact": "1", "currency": "USD", "total": "5.00", "code": "sale"}
    ids["orders"] = make("orders", order)
    ids["campaigns"] = make("campaigns", {"name": "Black Friday", "anchor": "2026-11-27"})
    ids["stages"] = make(f"campaigns/{ids['campaigns']}/stages", {"name": "Launch", "start_offset": 0})
    smtp = {"host": "127.0.0.1", "port": 2525, "security": "none"}
    ids["channel-accounts"] = make("channel-accounts", {"provider": "smtp", "name": "Mail", "settings": smtp})
    plan = {"stage": ids["stages"], "channel": "email", "content": ids["messages"], "audience": ids["audiences"]}
    ids["publications"] = make("publications", {**plan, "account": ids["channel-accounts"]})
    monkeypatch.setattr("campaigns.measurement.figures.Results.is_empty", False)
    ids["reviews"] = make(f"campaigns/{ids['campaigns']}/reviews", {"findings": "It went well."})
    ids["redemptions"] = ask("GET", "redemptions").json()["items"][0]["id"]
    ids["tokens"] = ask("GET", "tokens").json()["items"][0]["id"]
    ids["pages"] = ""
    return ids


NOUNS = (
    "contacts", "contact-lists", "segments", "audiences", "messages", "campaigns", "stages", "publications",
    "channel-accounts", "offers", "products", "markets", "orders", "redemptions", "reviews", "suppressions", "tokens",
)  # fmt: skip
KEYS = {"markets": "code"}


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_is_listed_followed_and_read(ask, shop, noun):
    key = KEYS.get(noun, "id")
    (item,) = ask("GET", noun).json()["items"]
    assert item[key] == shop[noun]
    assert ask("GET", f"{noun}/{shop[noun]}").json()[key] == shop[noun]
    for missing in (uuid4(), "nothing", "%00", "9" * 30):
        answer = ask("GET", f"{noun}/{missing}")
        assert answer.status_code == 404, (missing, answer.content)
        assert answer["Content-Type"] == "application/problem+json"
    changed = item.get("updated_at") or item["frozen_at"]
    since = ask("GET", f"{noun}?updated_since={changed}")
    assert [one[key] for one in since.json()["items"]] == [shop[noun]], since.content
    later = (clock.now() + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ask("GET", f"{noun}?updated_since={later}").json() == {"items": [], "next_cursor": None}
    for bad in ("yesterday", "2026-11-27T09:00:00", "0001-01-01T00:00:00%2B14:00"):
        assert ask("GET", f"{noun}?updated_since={bad}").status_code == 422


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("contacts?q=ann", 1), ("contacts?q=bob", 0), ("contacts?email=ANN@example.com", 1), ("contacts?email=x@y.example", 0),
        ("contacts?consent=email", 1), ("contacts?consent=push", 0), ("contacts?external_id=1&locale=EN", 1),
        ("contact-lists?q=gue", 1), ("segments?q=every%20one", 1), ("segments?q=every%20two", 0),
        ("suppressions?address=bo@example.com", 1), ("suppressions?address=ann@example.com", 0),
        ("suppressions?reason=manual&channel=email", 1), ("suppressions?reason=bounced", 0),
        ("messages?q=hello&live=true&locale=en", 1), ("messages?live=false", 0),
        ("offers?code=sale&phase=open", 1), ("offers?phase=over", 0), ("products?q=mug", 1), ("products?category=x", 0),
        ("orders?contact=1&code=SALE", 1), ("orders?currency=EUR", 0), ("orders?occurred_before=2020-01-01T00:00:00Z", 0),
        ("campaigns?market=us&anchor_from=2026-11-01&anchor_before=2026-12-01", 1), ("campaigns?kind=content", 0),
        ("publications?state=planned&channel=email&day_from=2026-11-27&day_before=2026-11-28", 1),
        ("publications?state=live", 0), ("markets?country=us&is_default=true", 1), ("markets?is_default=false", 0),
        ("tokens?works=true", 1), ("tokens?works=false", 0), ("redemptions?coupon=sale", 1), ("reviews?q=well", 1),
        ("channel-accounts?health=ok&provider=smtp", 1), ("channel-accounts?channel=push", 0),
    ],
)  # fmt: skip
def test_filters_and_search_find_what_they_say(ask, shop, question, found):
    answer = ask("GET", question)
    assert len(answer.json()["items"]) == found, answer.content


@pytest.mark.parametrize(
    "question", ["publications?state=gone", "contacts?consent=pigeon", "products?q=", "offers?phase=x"]
)
def test_a_value_that_a_filter_does_not_know_is_refused(ask, question):
    assert ask("GET", question).status_code == 422


CHANGES = [
    ("contact-lists", {"name": "Others", "remove": ["1"]}, {"name": "Others", "contacts": 0}),
    ("segments", {"name": "Nobody"}, {"name": "Nobody", "rule": {"all": True}}),
    ("products", {"category": "Cups"}, {"category": "Cups", "sku": "MUG"}),
    ("offers", {"price": "4.50"}, {"price_minor": 450, "price_now_minor": 450, "code": "SALE"}),
    ("offers", {"products": []}, {"products": []}),
    ("campaigns", {"objective": "Sell"}, {"objective": "Sell", "anchor_date": "2026-11-27"}),
    ("campaigns", {"anchor": "2026-11-28"}, {"anchor_date": "2026-11-28"}),
    ("stages", {"end_offset": 2}, {"start_offset": 0, "end_offset": 2, "name": "Launch"}),
    ("publications", {"title": "Mine", "version": 1}, {"title": "Mine", "version": 2, "channel": "email"}),
    ("publications", {"account": None, "moment": {"now": True}}, {"account": None, "moment": {"now": True}}),
    ("channel-accounts", {"name": "Post", "settings": {"port": 2526}}, {"name": "Post"}),
    ("markets", {"name": "USA"}, {"name": "USA", "currency": "USD"}),
    ("messages", {"name": "Bye"}, {"name": "Bye", "renditions": {"email": {"subject": "Hi", "html": "<p>Hi</p>"}}}),
    (
        "messages",
        {"renditions": {"email": None, "social": {"text": "Now"}}},
        {"renditions": {"social": {"text": "Now"}}, "live": True},
    ),
]


@pytest.mark.parametrize(("noun", "body", "found"), CHANGES)
def test_a_patch_changes_what_it_names_and_nothing_else(ask, shop, noun, body, found):
    before = clock.now()
    answer = ask("PATCH", f"{noun}/{shop[noun]}", body)
    assert answer.status_code == 200, answer.content
    read = ask("GET", f"{noun}/{shop[noun]}").json()
    assert {name: read[name] for name in found} == found
    assert {name: answer.json()[name] for name in found} == found
    since = before.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert [one.get("id", one.get("code")) for one in ask("GET", f"{noun}?updated_since={since}").json()["items"]] == [
        shop[noun]
    ]


def test_a_patch_of_settings_keeps_the_other_ones(ask, shop):
    ask("PATCH", f"channel-accounts/{shop['channel-accounts']}", {"settings": {"port": 2526}})
    read = ask("GET", f"channel-accounts/{shop['channel-accounts']}").json()
    assert (read["settings"]["host"], read["settings"]["port"]) == ("127.0.0.1", 2526)


def test_a_change_that_somebody_else_made_meanwhile_is_not_overwritten(ask, shop):
    assert ask("PATCH", f"publications/{shop['publications']}", {"title": "A", "version": 1}).status_code == 200
    assert ask("PATCH", f"publications/{shop['publications']}", {"title": "B", "version": 1}).status_code == 409


@pytest.mark.parametrize(
    ("noun", "status"),
    [
        ("contacts", 204), ("contact-lists", 204), ("suppressions", 204), ("products", 204), ("publications", 204),
        ("segments", 409), ("stages", 409), ("messages", 409), ("offers", 409), ("orders", 405), ("campaigns", 405),
        ("channel-accounts", 405), ("markets", 405), ("reviews", 405), ("redemptions", 405), ("audiences", 405),
    ],
)  # fmt: skip
def test_what_nothing_needs_can_be_deleted_and_nothing_else(ask, shop, noun, status):
    assert ask("DELETE", f"{noun}/{shop[noun]}").status_code == status
    assert ask("GET", f"{noun}/{shop[noun]}").status_code == (404 if status == 204 else 200)


def test_a_list_that_a_segment_uses_stays(ask, shop):
    ask("PATCH", f"segments/{shop['segments']}", {"rule": {"list": shop["contact-lists"]}})
    assert ask("DELETE", f"contact-lists/{shop['contact-lists']}").status_code == 409


def test_an_erased_contact_is_gone_and_her_order_stays(ask, shop):
    ask("DELETE", f"contacts/{shop['contacts']}")
    assert ask("GET", "contacts").json()["items"] == []
    assert ask("GET", f"orders/{shop['orders']}").json()["contact"] is None


def test_a_contact_is_found_by_the_shops_id_and_shows_what_she_agreed_to(ask, shop):
    read = ask("GET", "contacts/1").json()
    assert read["id"] == shop["contacts"]
    assert read["endpoints"] == [{"channel": "email", "address": "ann@example.com", "platform": "", "status": "active"}]
    assert [(one["channel"], one["granted"]) for one in read["consents"]] == [("email", True)]


def test_a_changed_consent_is_a_changed_contact(ask, shop):
    before = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    rows = '{"external_id": "1", "consents": ["push"]}\n'
    assert ask("POST", "contacts/bulk", rows, "application/x-ndjson").json()["updated"] == 1
    assert len(ask("GET", f"contacts?updated_since={before}").json()["items"]) == 1


def walk(ask, question, between=lambda: None):
    seen, cursor = [], ""
    while cursor is not None:
        answer = ask("GET", f"{question}{cursor and '&cursor=' + cursor}")
        assert answer.status_code == 200, answer.content
        seen += [one["sku"] for one in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        between()
    return seen


@pytest.mark.parametrize("since", ["", "&updated_since=2020-01-01T00:00:00Z"])
def test_pages_hold_still_though_rows_are_added_and_many_changed_at_one_instant(ask, since):
    Product.objects.bulk_create(Product(sku=f"s{number:03}", name="x") for number in range(100))
    Product.objects.filter(sku__lt="s050").update(updated_at=clock.now())  # all at the same
    added = iter(range(1000))
    seen = walk(
        ask,
        f"products?limit=7{since}",
        lambda: Product.objects.create(sku=f"late{next(added)}", name="x") if next(added) < 9 else None,
    )
    assert sorted(one for one in seen if one.startswith("s")) == [f"s{number:03}" for number in range(100)]
    assert len(seen) == len(set(seen))


def test_who_follows_the_changes_sees_a_row_that_changes_on_the_way_again(ask):
    Product.objects.bulk_create(Product(sku=f"s{number}", name="x") for number in range(6))
    changed = []

    def change():
        if not changed:
            changed.append(Product.objects.filter(sku="s0").update(name="y"))

    assert walk(ask, "products?limit=2&updated_since=2020-01-01T00:00:00Z", change) == [
        "s0",
        "s1",
        "s2",
        "s3",
        "s4",
        "s5",
        "s0",
    ]


def test_a_cursor_belongs_to_its_question(ask):
    Product.objects.bulk_create(Product(sku=f"s{number}", name="x") for number in range(3))
    cursor = ask("GET", "products?limit=1").json()["next_cursor"]
    assert ask("GET", f"products?limit=2&cursor={cursor}").status_code == 200  # another size is the same question
    for other in (f"products?q=x&cursor={cursor}", f"offers?cursor={cursor}", "products?cursor=forged"):
        assert ask("GET", other).status_code == 422


@pytest.mark.parametrize("question", ["products?limit=5", "products?limit=5&updated_since=2020-01-01T00:00:00Z"])
def test_a_page_counts_nothing_and_asks_as_often_however_many_rows_there_are(ask, question):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert ask("GET", question).status_code == 200
        assert not [one for one in asked if "COUNT(" in one["sql"].upper()]
        return len(asked)

    queries()  # the token notes that it was used
    Product.objects.bulk_create(Product(sku=f"s{number}", name="x") for number in range(5))
    few = queries()
    Product.objects.bulk_create(Product(sku=f"t{number}", name="x") for number in range(300))
    assert queries() == few


def test_the_pages_of_a_list_that_follows_changes_come_from_the_index(ask):
    Product.objects.bulk_create(Product(sku=f"t{number}", name="x") for number in range(300))
    cursor = ask("GET", "products?limit=5&updated_since=2020-01-01T00:00:00Z").json()["next_cursor"]
    with CaptureQueriesContext(connection) as asked:
        ask("GET", f"products?limit=5&updated_since=2020-01-01T00:00:00Z&cursor={cursor}")
    (sql,) = [one["sql"] for one in asked if "promotions_product" in one["sql"] and "LIMIT" in one["sql"]]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as database:
        database.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = " ".join(row[3] for row in database.fetchall())
    assert "promotions_product_updated" in plan
    assert "TEMP B-TREE" not in plan


def test_occasions_are_listed_by_day_in_pages(ask, market):
    everything = ask("GET", "occasions?year=2026").json()["items"]
    assert [one["day"] for one in everything] == sorted(one["day"] for one in everything)
    first = ask("GET", "occasions?year=2026&limit=3").json()
    second = ask("GET", f"occasions?year=2026&limit=3&cursor={first['next_cursor']}").json()
    assert first["items"] + second["items"] == everything[:6]
    assert [one["key"] for one in ask("GET", "occasions?year=2026&q=black").json()["items"]] == ["black-friday"]
    assert ask("GET", "occasions/black-friday?year=2026").json()["day"] == "2026-11-27"
    assert ask("GET", "occasions/no-such-day").status_code == 404
    assert ask("GET", "occasions?country=xx").status_code == 422


def test_pages_are_read(ask, owner):
    from wagtail.models import Page

    home = Page.objects.filter(depth=2).first()
    page = home.add_child(instance=Page(title="About", slug="about"))
    page.save_revision(user=owner).publish()
    (listed,) = ask("GET", "pages?q=about").json()["items"]
    assert listed["title"] == "About"
    assert ask("GET", f"pages/{listed['id']}").json() == listed


def test_every_noun_of_the_api_is_in_this_test():
    listed = {
        path.split("/")[3]
        for path, ops in api.get_openapi_schema()["paths"].items()
        if "get" in ops and "{" not in path
    }
    assert listed - {"webhooks", "webhook-deliveries"} == {*NOUNS, "pages", "occasions", "rates"}
