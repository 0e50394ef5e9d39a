"""Public pages: the clock decides the price, machines are told the truth, languages know one another."""

import json
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
import time_machine
from django.core.exceptions import ValidationError
from wagtail.models import Page

from cms import artwork, scheduler
from cms.blocks import player_address
from cms.models import ArticlePage, TopicPage, TutorialPage
from tests.unit.cms.conftest import ENDS, OPENS

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def read(client, url="/bf/"):
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def json_ld(html):
    return [json.loads(text) for text in re.findall(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', html)]


def test_before_the_window_the_sale_price_is_nowhere_in_the_page(client, promotion):
    with time_machine.travel(OPENS - SECOND, tick=False):
        html = read(client)
    assert "169" not in html
    assert "HEARTH26" not in html
    assert "$249.00" in html
    assert "Starts 27 November 2026, 00:00 EST" in html


def test_in_the_window_it_shows_price_code_and_end(client, promotion):
    with time_machine.travel(OPENS, tick=False):
        html = read(client)
    assert "$169.00" in html
    assert "<s>$249.00</s>" in html
    assert "HEARTH26" in html
    assert "While stock lasts." in html
    assert "Until 30 November 2026, 23:59 EST" in html


def test_after_the_window_the_regular_price_is_back(client, promotion):
    with time_machine.travel(ENDS, tick=False):
        html = read(client)
    assert "169" not in html
    assert "HEARTH26" not in html
    assert "$249.00" in html
    assert "This offer is over" in html
    assert "See you in spring." in html


def test_the_home_page_teases_without_the_price(client, home, promotion):
    home.featured = promotion
    home.save()
    with time_machine.travel(OPENS - SECOND, tick=False):
        html = read(client, "/")
    assert "Black Friday" in html
    assert "169" not in html


@pytest.mark.parametrize(("at", "price"), [(OPENS - SECOND, "249"), (OPENS, "169"), (ENDS, "249")])
def test_structured_data_tells_the_price_that_holds(client, promotion, at, price):
    with time_machine.travel(at, tick=False):
        product = next(item for item in json_ld(read(client)) if item["@type"] == "Product")
    assert float(product["offers"]["price"]) == float(price)
    assert product["offers"]["priceCurrency"] == "USD"


def test_no_cache_may_keep_a_page_past_the_switch(client, promotion):
    with time_machine.travel(OPENS - 2 * SECOND, tick=False):
        assert "max-age=2" in client.get("/bf/")["Cache-Control"]
    with time_machine.travel(OPENS + timedelta(days=1), tick=False):
        assert "max-age=5" in client.get("/bf/")["Cache-Control"]


def test_an_author_cannot_tell_the_sale_price_early(promotion):
    promotion.summary = "Now for $169.00 only"
    with pytest.raises(ValidationError, match="Leave the price out"):
        promotion.full_clean()


def test_the_policy_allows_our_own_scripts_only(client, promotion):
    response = client.get("/bf/")
    policy = response["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "nonce" not in policy  # it would be a visitor's own, and the page is everybody's
    html = response.content.decode()
    for style in re.findall(r"<style\b[^>]*>(.*?)</style>", html, re.DOTALL):
        assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    for attributes, text in re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL):
        assert 'type="application/ld+json"' in attributes or not text, "only data stands inline"
    assert " style=" not in html
    assert not re.search(r"\son[a-z]+=", html)
    loaded = re.findall(r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="([^"]+)"', html)
    assert [address for address in loaded if not address.startswith("/")] == []


def test_a_page_says_its_languages(client, home, promotion, chinese):
    home.copy_for_translation(chinese).save_revision().publish()
    copy = promotion.copy_for_translation(chinese)
    copy.title = "黑色星期五"
    copy.save_revision().publish()
    for url in ("/bf/", "/zh-hans/bf/"):
        html = read(client, url)
        assert 'hreflang="en" href="http://127.0.0.1:8000/bf/"' in html
        assert 'hreflang="zh-Hans" href="http://127.0.0.1:8000/zh-hans/bf/"' in html
    assert '<html lang="zh-Hans">' in html
    assert '<link rel="canonical" href="http://127.0.0.1:8000/zh-hans/bf/">' in html
    assert client.get("/zh-hans/bf/")["Content-Language"] == "zh-hans"
    with time_machine.travel(OPENS, tick=False):
        assert "US$169.00" in read(client, "/zh-hans/bf/")


def test_the_site_map_holds_both_languages(client, home, promotion, chinese):
    home.copy_for_translation(chinese).save_revision().publish()
    promotion.copy_for_translation(chinese).save_revision().publish()
    xml = client.get("/sitemap.xml").content.decode()
    assert "<loc>http://127.0.0.1:8000/bf/</loc>" in xml
    assert "<loc>http://127.0.0.1:8000/zh-hans/bf/</loc>" in xml
    assert 'hreflang="zh-Hans"' in xml


def test_robots_are_shown_the_site_map(client, db):
    answer = client.get("/robots.txt")
    assert answer["Content-Type"].startswith("text/plain")
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in answer.content.decode()


@pytest.mark.parametrize("url", ["/nowhere/", "/zh-hans/nowhere/"])
def test_a_missing_page_wears_the_brands_dress(client, home, url):
    answer = client.get(url)
    assert answer.status_code == 404
    assert "Hearth &amp; Linen" in answer.content.decode() or "--brand" in answer.content.decode()


def test_an_article_tells_machines_what_it_is(client, home):
    topic = home.add_child(instance=TopicPage(title="Care", slug="care", show_in_menus=True))
    article = ArticlePage(title='On </script> "linen"', slug="linen", summary="Soft.", author="Ines")
    article.body = [
        ("heading", {"text": "Why", "level": "h2"}),
        ("listing", {"style": "checks", "points": ["One", "Two"]}),
    ]
    topic.add_child(instance=article)
    html = read(client, "/care/linen/")
    kinds = {item["@type"]: item for item in json_ld(html)}
    assert kinds["Article"]["headline"] == 'On </script> "linen"'
    assert [one["name"] for one in kinds["BreadcrumbList"]["itemListElement"]] == ["Home", "Care", article.title]
    assert "<li>Two</li>" in html
    assert "Care</a>" in html


def test_a_tutorial_has_numbered_steps(client, home):
    page = TutorialPage(title="Wash", slug="wash", minutes=50, needed="Vinegar\nA line")
    page.steps = [
        ("step", {"title": "Sort", "text": "<p>By <b>colour</b></p>", "picture": None}),
        ("step", {"title": "Dry", "text": "<p>Damp</p>", "picture": None}),
    ]
    home.add_child(instance=page)
    html = read(client, "/wash/")
    how_to = next(item for item in json_ld(html) if item["@type"] == "HowTo")
    assert how_to["totalTime"] == "PT50M"
    assert [(step["position"], step["name"], step["text"]) for step in how_to["step"]] == [
        (1, "Sort", "By colour"),
        (2, "Dry", "Damp"),
    ]
    assert [supply["name"] for supply in how_to["supply"]] == ["Vinegar", "A line"]
    assert 'id="step-2"' in html


@pytest.mark.parametrize(
    ("url", "player"),
    [
        ("https://www.youtube.com/watch?v=abcdefghijk", "https://www.youtube-nocookie.com/embed/abcdefghijk"),
        ("https://youtu.be/abcdefghijk", "https://www.youtube-nocookie.com/embed/abcdefghijk"),
        ("https://www.youtube.com/live/abcdefghijk", "https://www.youtube-nocookie.com/embed/abcdefghijk"),
        ("https://vimeo.com/12345678", "https://player.vimeo.com/video/12345678?dnt=1"),
        ("https://evil.example/watch?v=abcdefghijk", ""),
        ("https://www.youtube.com/watch?v=%22onload%3d", ""),
    ],
)
def test_only_known_players_are_embedded(url, player):
    assert player_address(url) == player


def test_due_pages_go_live_and_away_at_their_time(promotion):
    now = OPENS
    with time_machine.travel(now, tick=False):
        promotion.unpublish()
        promotion.go_live_at, promotion.expire_at = now + timedelta(hours=1), now + timedelta(hours=2)
        promotion.save_revision().publish()
        assert scheduler.publish_due() == 0
        assert not Page.objects.get(pk=promotion.pk).live
    with time_machine.travel(now + timedelta(minutes=61), tick=False):
        assert scheduler.publish_due() == 1
        assert Page.objects.get(pk=promotion.pk).live
        assert scheduler.publish_due() == 0
    with time_machine.travel(now + timedelta(minutes=121), tick=False):
        assert scheduler.publish_due() == 1
        assert not Page.objects.get(pk=promotion.pk).live


def test_ticks_look_at_most_once_a_minute(promotion, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(scheduler, "_last", [float("-inf")])
    calls = []
    monkeypatch.setattr(scheduler, "publish_due", lambda: calls.append(1) or 0)
    for seconds in (0, 1, 30, 59, 60, 61):
        clock[0] = 1000.0 + seconds
        scheduler.tick()
    assert len(calls) == 2


def test_pictures_are_the_same_every_time():
    assert artwork.picture("linen") == artwork.picture("linen")
    assert len(artwork.picture("linen")) < 200_000


def test_the_legal_line_of_the_market_stands_at_the_foot(client, promotion, market):
    market.legal_lines = {"en": "Hearth & Linen Inc, New York"}
    market.save()
    page = client.get("/bf/").content.decode()
    assert page.index("<footer") < page.index("Hearth &amp; Linen Inc, New York")
