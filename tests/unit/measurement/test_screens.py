"""The results page and the reviews, as the people who may use them get them."""

import csv
import re
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from campaigns.audiences.models import Audience, Segment
from campaigns.measurement import overview
from campaigns.measurement.drain import OrderReader, drain
from campaigns.measurement.export import safe, to_csv
from campaigns.measurement.models import Review
from campaigns.measurement.present import charts, present
from campaigns.measurement.selectors import campaign_results
from campaigns.measurement.services import reviews
from campaigns.planning.models import Campaign, Target
from campaigns.promotions.models import Refund
from core import clock
from core.errors import Conflict, Invalid
from core.models import Market

pytestmark = pytest.mark.django_db


def allow(user, *codenames):
    group = Group.objects.create(name="-".join(codenames))
    group.permissions.add(
        Permission.objects.get(codename="access_admin"),
        *Permission.objects.filter(content_type__app_label="measurement", codename__in=codenames),
    )
    user.groups.add(group)


@pytest.fixture
def busy(world, door, write):
    """A campaign with a click, a page view and an order."""
    ann = world.contact("Ann")
    world.publication, (copy,) = world.publish([ann])
    write("click", copy, n=0)
    write("page", copy, p="/sale/", v="v" * 22)
    drain(door.folder)
    world.ordered = world.order(12_345, contact=ann)
    OrderReader().read()
    for metric, value in (("gmv", 50_000), ("uv", 4), ("orders", 2)):
        Target.objects.create(campaign=world.campaign, metric=metric, value=value)
    return world


def url(name, *args):
    return reverse(f"measurement_results:{name}", args=args)


def test_strangers_see_nothing(client, stranger, busy):
    review = reviews.freeze(busy.campaign, findings="x", decisions="", by=None)
    allow(stranger)
    client.force_login(stranger)
    for address in (
        url("index"),
        url("campaign", "black-friday"),
        url("live", "black-friday"),
        url("csv", "black-friday"),
        url("freeze", "black-friday"),
        url("reviews"),
        url("review", review.public_id),
        url("review_csv", review.public_id),
    ):
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert "Results" not in client.get(reverse("wagtailadmin_home")).content.decode()


def test_who_may_look_may_not_freeze(client, marketer, busy):
    allow(marketer, "view_review")
    client.force_login(marketer)
    page = client.get(url("campaign", "black-friday"))
    assert page.status_code == 200
    assert url("freeze", "black-friday") not in page.content.decode()
    assert client.post(url("freeze", "black-friday"), {"findings": "x"}).status_code == 302
    assert not Review.objects.exists()


def test_the_page_shows_figures_targets_and_parts_that_add_up(client, owner, busy):
    client.force_login(owner)
    text = client.get(url("campaign", "black-friday")).content.decode()
    assert "$123.45" in text
    assert "25% of $500.00" in text
    # 500.00 planned, 123.45 came: visitors, conversion and order value add up to the difference.
    assert "-$376.55" in text
    (numbers,) = campaign_results(busy.campaign).drivers()
    assert sum(numbers["parts"].values()) == -37_655
    for heading in ("Over time", "By stage", "By channel", "From message to order", "The whole audience"):
        assert heading in text


def test_an_empty_campaign_says_what_will_appear_and_what_to_do(client, owner, world):
    client.force_login(owner)
    text = client.get(url("campaign", "black-friday")).content.decode()
    assert re.search(r"<div class=\"m-empty\" data-empty>\s*<h2>Nothing has happened yet", text)
    assert "What to do now" in text


def test_hostile_names_are_shown_as_text(client, owner, busy):
    busy.campaign.name = "</script><script>alert(1)</script>"
    busy.campaign.save()
    busy.publication.title = "<img src=x onerror=alert(1)>"
    busy.publication.save()
    client.force_login(owner)
    text = client.get(url("campaign", "black-friday")).content.decode()
    assert "<script>alert(1)" not in text
    assert "<img src=x" not in text


def test_the_live_answer_follows(client, owner, busy, write, door):
    client.force_login(owner)
    before = client.get(url("live", "black-friday")).json()
    assert "$123.45" in before["parts"]["kpis"]
    busy.order(10_000, contact=busy.ordered.contact)
    OrderReader().read()
    after = client.get(url("live", "black-friday"))
    assert "$223.45" in after.json()["parts"]["kpis"]
    assert "no-store" in after["Cache-Control"]
    assert after.json()["charts"]["timeline"]["labels"]


def test_a_review_is_frozen_by_who_may(client, reviewer, busy):
    allow(reviewer, "view_review", "add_review")
    client.force_login(reviewer)
    page = client.get(url("freeze", "black-friday")).content.decode()
    assert "$123.45" in page
    empty = client.post(url("freeze", "black-friday"), {"findings": " ", "decisions": "Keep"})
    assert empty.status_code == 200
    assert "Keep" in empty.content.decode()
    done = client.post(url("freeze", "black-friday"), {"findings": "Good.", "decisions": "Again."})
    review = Review.objects.get()
    assert done.headers["Location"] == url("review", review.public_id)
    assert review.frozen_by == reviewer
    shown = client.get(url("review", review.public_id)).content.decode()
    assert "Good." in shown
    assert "Nothing: the numbers of today are those of the review." in shown
    assert "Good." in client.get(url("reviews")).content.decode()


def frozen_part(text):
    return text[text.index("<div data-frozen>") : text.index("</article>")]


def test_later_refunds_change_nothing_in_a_review_and_stand_beside_it(client, owner, busy):
    review = reviews.freeze(busy.campaign, findings="Good.", decisions="", by=owner)
    client.force_login(owner)
    before = client.get(url("review", review.public_id)).content.decode()
    file_before = client.get(url("review_csv", review.public_id)).content
    Refund.objects.create(order=busy.ordered, external_id="r", amount_minor=2_345, occurred_at=clock.now())
    busy.order(10_000, contact=busy.ordered.contact)
    OrderReader().read()
    after = client.get(url("review", review.public_id)).content.decode()
    assert frozen_part(after) == frozen_part(before)
    assert client.get(url("review_csv", review.public_id)).content == file_before
    since = after[after.index("data-restatement") : after.index("<div data-frozen>")]
    assert "+$23.45" in since, "refunds"
    assert "+$100.00" in since, "revenue"
    assert "+$76.55" in since, "after refunds"


def test_a_review_cannot_be_changed_and_a_changed_one_is_found_out(client, owner, busy):
    review = reviews.freeze(busy.campaign, findings="Good.", decisions="", by=owner)
    review.findings = "Bad."
    with pytest.raises(Conflict):
        review.save()
    assert reviews.is_intact(Review.objects.get())
    Review.objects.update(findings="Bad.")
    assert not reviews.is_intact(Review.objects.get())
    client.force_login(owner)
    assert "is not what was frozen" in client.get(url("review", review.public_id)).content.decode()


def test_a_review_keeps_the_definitions_of_its_day(owner, busy, settings):
    review = reviews.freeze(busy.campaign, findings="Good.", decisions="", by=owner)
    settings.ALMANAC_ATTRIBUTION_DAYS = 30
    assert "within 7 days" in " ".join(Review.objects.get().numbers["definitions"].values())
    assert review.numbers["attribution_days"] == 7


def test_a_review_is_read_with_the_digits_of_its_day(busy):
    """Before ISO 4217's digits were taken a Serbian amount was counted in whole dinars; such a review keeps its words."""
    numbers = {**campaign_results(busy.campaign).as_dict(), "currency": "RSD", "currency_digits": 2}
    numbers["attributed"]["gmv_minor"] = 129_950

    def shown(numbers):
        return str(present(numbers)["figures"]), charts(numbers)["digits"]

    assert "RSD1,299.50" in shown(numbers)[0]
    assert shown(numbers)[1] == 2
    del numbers["currency_digits"]
    assert "RSD129,950" in shown(numbers)[0]
    assert shown(numbers)[1] == 0


def test_nothing_cannot_be_reviewed(owner, world):
    with pytest.raises(Invalid):
        reviews.freeze(world.campaign, findings="Good.", decisions="", by=owner)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1"])
def test_a_name_is_never_a_formula_in_the_file(busy, text):
    assert safe(text) == f"'{text}"
    numbers = campaign_results(busy.campaign).as_dict()
    numbers["name"] = text
    numbers["publications"][0]["label"] = text
    cells = [cell for row in csv.reader(StringIO(to_csv(numbers).replace("\0", ""))) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r") or re.match(r"-\D", cell)]


def test_the_file_holds_the_figures(client, owner, busy):
    client.force_login(owner)
    answer = client.get(url("csv", "black-friday"))
    assert answer["Content-Disposition"] == 'attachment; filename="black-friday.csv"'
    rows = list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))
    assert ["attributed", "Black Friday", "gmv_minor", "12345"] in rows


def test_the_index_shows_orders_searches_and_pages_figures(client, owner, busy, market):
    for number in range(21):
        Campaign.objects.create(
            slug=f"old-{number}", name=f"Old {number:02}", market=market, anchor_date=date(2024, 1, 1)
        )
    client.force_login(owner)
    first = client.get(url("index")).content.decode()
    assert "$123.45" in first
    assert "Page 1 of 2" in first
    assert names(first)[0] == "Black Friday"
    assert names(client.get(url("index"), {"p": 2, "order": "name"}).content.decode()) == ["Old 19", "Old 20"]
    assert names(client.get(url("index"), {"order": "-gmv_minor"}).content.decode())[0] == "Black Friday"
    assert names(client.get(url("index"), {"q": "friday united"}).content.decode()) == ["Black Friday"]
    assert len(names(client.get(url("index"), {"state": "over", "p": 2}).content.decode())) <= 20
    assert "No campaign fits" in client.get(url("index"), {"q": "nothing\0"}).content.decode()
    assert client.get(url("index"), {"order": "sideways", "state": "x", "p": "x"}).status_code == 200


def names(page):
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', page)


def test_the_figures_of_the_index_are_those_of_the_results(busy):
    (line,) = overview.lines()
    total = campaign_results(busy.campaign).total
    assert (line.uv, line.orders, line.gmv_minor) == (total.uv, total.orders, total.gmv_minor)
    assert line.uv == 1


def test_campaigns_are_compared_side_by_side(client, owner, busy, market):
    Campaign.objects.create(slug="quiet", name="Quiet", market=market)
    client.force_login(owner)
    page = client.get(url("compare"), {"c": ["quiet", "black-friday"]}).content.decode()
    assert "<td>$0.00</td><td>$123.45</td><td>+$123.45</td>" in page
    assert "Choose at least two" in client.get(url("compare"), {"c": ["nothing"]}).content.decode()
    euro = Market.objects.create(code="de", name="Germany", country="DE", currency="EUR", locales=["en"])
    Campaign.objects.create(slug="euro", name="Euro", market=euro)
    page = client.get(url("compare"), {"c": ["euro", "black-friday"]}).content.decode()
    assert "<td>€0.00</td><td>$123.45</td><td>–</td>" in page


def test_the_page_leads_with_the_figures_there_are(client, owner, world):
    client.force_login(owner)
    audience = Audience.objects.create(name="All")
    audience.include.add(Segment.objects.create(name="All", rule={"all": True}))
    world.campaign.audience = audience
    world.campaign.save()
    ann = world.contact()
    world.order(4_200, contact=ann, at=datetime(2026, 11, 27, 12, tzinfo=UTC))
    page = client.get(url("campaign", "black-friday")).content.decode()
    assert 'data-kpi="audience-revenue"' in page
    assert "What the audience bought on the campaign&#x27;s days" in page
    assert campaign_results(world.campaign).as_dict()["lead"] == "audience"


def test_a_running_campaign_is_compared_with_its_plan_so_far(client, owner, busy, monkeypatch):
    noon = datetime(2026, 11, 28, 0, 0, tzinfo=ZoneInfo("America/New_York"))
    monkeypatch.setattr(clock, "now", lambda: noon)
    client.force_login(owner)
    page = client.get(url("campaign", "black-friday")).content.decode()
    assert "50% of the campaign" in page
    assert "Whole campaign, plan until now" in page
    told = campaign_results(busy.campaign).as_dict()["pace"]
    by_metric = {line["metric"]: (line["so_far"], line["pace"], line["projected"]) for line in told["targets"]}
    assert by_metric["gmv"] == (25_000, 4_938, 24_690)
    assert sum(told["drivers"][0]["parts"].values()) == 12_345 - 25_000
    monkeypatch.setattr(clock, "now", lambda: noon + timedelta(days=2))
    assert campaign_results(busy.campaign).as_dict()["pace"] is None
    assert "Plan so far" not in client.get(url("live", "black-friday")).json()["parts"]["pace"]


def test_orders_in_another_currency_are_named_wherever_figures_stand(client, owner, busy, django_user_model):
    other = busy.order(5_000, contact=busy.ordered.contact)
    other.currency = "EUR"
    other.save()
    OrderReader().read()
    client.force_login(owner)
    words = "1 order in EUR left out (€50.00)"
    review = reviews.freeze(busy.campaign, findings="Good.", decisions="", by=owner)
    for address in (
        url("campaign", "black-friday"),
        url("index"),
        url("freeze", "black-friday"),
        url("review", review.public_id),
        url("compare") + "?c=black-friday&c=black-friday",
    ):
        page = client.get(address).content.decode()
        assert words in page or "at least two" in page, address
    rows = list(csv.reader(StringIO(client.get(url("csv", "black-friday")).content.decode("utf-8-sig"))))
    assert ["other currencies, attributed", "EUR", "left_out_orders", "1"] in rows
    assert ["other currencies, attributed", "EUR", "left_out_amount_minor", "5000"] in rows
    told = campaign_results(busy.campaign).as_dict()["other_currencies"]["attributed"]
    assert (told[0]["currency"], told[0]["orders"]) == ("EUR", 1)
