"""What the choice of an occasion says beside each name."""

import pytest
from django.urls import reverse

from core.models import Market

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(client, owner):
    client.force_login(owner)

    def text(country, **query):
        Market.objects.create(code="xx", name="Shop", country=country, currency="EUR", timezone="UTC")
        answer = client.get(reverse("planning_occasion:index"), {"market": "xx", "year": "2027", **query})
        return " ".join(answer.content.decode().split())

    return text


def test_what_is_announced_every_year_or_regional_says_so(text):
    page = text("AU")
    assert "expected: announced every year" in page.split("Click Frenzy")[1][:400]
    assert "not the same in the whole country" in page.split("Melbourne Cup Day")[1][:400]


def test_each_has_a_link_to_its_source(text):
    page = text("CH")
    about = page.split("<strong>Father&#x27;s Day</strong>")[1][:900]
    assert 'href="http://www.feiertagskalender.ch' in about
    assert "June 6, 2027" in about


def test_the_day_of_another_country_is_shown_on_request_and_named(text):
    page = text("IR", everywhere="on")
    assert "kept elsewhere, on this day in United States" in page.split("<strong>Mother&#x27;s Day</strong>")[1][:600]


def test_the_day_of_another_country_is_not_shown_as_ours(text):
    assert "Mother&#x27;s Day" not in text("IR")


def test_holidays_that_are_not_known_yet_are_said(text):
    assert "The public holidays of Sri Lanka in 2027 are not known yet." in text("LK")
