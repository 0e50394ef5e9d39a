"""Public pages from memory: exact through the switch of a price, new after a change, and nobody's own page to anybody else."""

import gzip
import io
import threading
import time
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wagtail.contrib.redirects.models import Redirect
from wagtail.models import PageViewRestriction, Site

from campaigns.promotions.models import Offer
from cms.models import BrandKit, PromotionPage, SiteChange
from cms.services import changes
from config import front
from core import gate, page_cache
from core.gate import Gate
from core.page_cache import PageCache, takes_gzip
from core.watch import Seen
from tests.unit.cms.conftest import ENDS, OPENS

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
TICK = timedelta(milliseconds=1)


class AskedAtOnce:
    """A watch that asks in the test's own thread: the test's transaction is seen by nobody else."""

    def __init__(self, ask):
        self.ask, self.seen, self.heard, self.fails = ask, None, time.monotonic(), False

    def look(self, now):
        if not self.fails:
            stamp = self.ask()
            if self.seen is None or stamp != self.seen.stamp:
                self.seen = Seen(stamp, self.heard)
            self.heard = now
        return self.seen

    def silent_for(self, now):
        return now - self.heard


class Door(PageCache):
    """The page cache with Django behind it, as a WSGI server calls it; what it makes anew waits for `renew_waiting`."""

    def __init__(self, **options):
        self.made = []
        django = get_wsgi_application()

        def counted(environ, start_response):
            self.made.append(environ["PATH_INFO"])
            return django(environ, start_response)

        self.watch = AskedAtOnce(changes.stamp)
        given = {"session_cookie": "sessionid", "past": front.PAST, "most_bytes": 10_000_000} | options
        super().__init__(given.pop("app", counted), self.watch, given.pop("crowd", Gate(3, 8)), **given)

    def _call_renewer(self):
        pass

    def ask(self, path="/bf/", method="GET", **headers):
        address, _mark, query = path.partition("?")
        environ = {
            "PATH_INFO": address,
            "QUERY_STRING": query,
            "REQUEST_METHOD": method,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SCRIPT_NAME": "",
            "HTTP_HOST": "127.0.0.1:8000",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        return self.answer(environ)

    def answer(self, environ):
        said = {}

        def start_response(status, headers, exc_info=None):
            said["status"], said["headers"] = int(status[:3]), dict(headers)

        said["body"] = b"".join(self(environ, start_response))
        said["html"] = said["body"].decode(errors="replace")
        return said


@pytest.fixture
def door(monkeypatch):
    monkeypatch.setattr(page_cache, "PAUSE", 0.0)
    for signal in (request_started, request_finished):  # the connection holds the test's transaction and must stay
        signal.disconnect(close_old_connections)
    yield Door()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def live(home, promotion):
    home.save_revision().publish()
    promotion.save_revision().publish()
    return promotion


# --- The price --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_prepared", [True, False])
def test_the_price_switches_to_the_instant(door, live, is_prepared):
    with time_machine.travel(OPENS - 2 * SECOND, tick=False) as clock:
        assert "$249.00" in door.ask()["html"]
        assert "$249.00" in door.ask()["html"]
        if is_prepared:
            door.renew_waiting()
            assert door.made == ["/bf/"] * 2
        clock.move_to(OPENS - TICK)
        assert "169" not in door.ask()["html"]
        clock.move_to(OPENS)
        assert "$169.00" in door.ask()["html"]
        clock.move_to(ENDS - TICK)
        assert "$169.00" in door.ask()["html"]
        clock.move_to(ENDS)
        assert "169" not in door.ask()["html"]
        clock.move_to(OPENS - TICK)  # somebody sets the clock back
        assert "169" not in door.ask()["html"]
    assert len(door.made) == 4


def test_the_page_of_the_next_moment_is_made_before_it_and_given_from_it_on(door, live):
    with time_machine.travel(OPENS - SECOND, tick=False) as clock:
        door.ask()
        door.ask()
        door.renew_waiting()
        made = len(door.made)
        assert "169" not in door.ask()["html"]
        clock.move_to(OPENS)
        assert "$169.00" in door.ask()["html"]
        assert len(door.made) == made, "nobody waited at the switch"


def test_a_page_made_across_the_switch_is_made_again(door, live, monkeypatch):
    with time_machine.travel(OPENS - TICK, tick=False) as clock:
        ask = PageCache._asked

        def slow(self, environ, moment):
            answer = ask(self, environ, moment)
            clock.move_to(OPENS)
            return answer

        monkeypatch.setattr(PageCache, "_asked", slow)
        assert "$169.00" in door.ask()["html"]


def test_an_offer_elsewhere_on_a_page_ends_its_life_too(door, home, live):
    home.featured = live
    home.save()
    with time_machine.travel(OPENS - SECOND, tick=False) as clock:
        answer = door.ask("/")
        assert "Starts 27 November" in answer["html"]
        assert answer["headers"]["Cache-Control"] == "public, max-age=1"
        clock.move_to(OPENS)
        assert "Until 30 November" in door.ask("/")["html"]


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ask", "ask", "renew", "move", "reprice"]), st.integers(min_value=-3000, max_value=6000)
        ),
        min_size=3,
        max_size=12,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_in_any_order_of_visits_renewals_and_changes_no_price_is_early_or_late(door, live, steps):
    """Whatever happens: what is shown is what the offer is worth at that instant, at most one change behind for five seconds."""
    changed, price = float("-inf"), 16900
    Offer.objects.get(pk=live.offer_id).save()
    with time_machine.travel(OPENS - 3 * SECOND, tick=False) as clock:
        now = OPENS - 3 * SECOND
        for what, milliseconds in steps:
            if what == "move":
                now += timedelta(milliseconds=milliseconds)
                clock.move_to(now)
            elif what == "renew":
                door.renew_waiting()
            elif what == "reprice":
                price = 17000 + milliseconds
                offer = Offer.objects.get(pk=live.offer_id)
                offer.price_minor, changed = price, time.monotonic()
                offer.save()
            else:
                html = door.ask()["html"]
                is_open = OPENS <= now < ENDS
                assert ("HEARTH26" in html) == is_open, "the phase is exact, always"
                if time.monotonic() - changed > 5.5:
                    assert (f"${price / 100:.2f}" in html) == is_open
    offer = Offer.objects.get(pk=live.offer_id)
    offer.price_minor = 16900
    offer.save()


# --- What is published ------------------------------------------------------------------------------------------------


def shows_soon(door, path, word):
    """Whether the second visitor after a change reads `word`; the first may read what was there, for five seconds."""
    door.ask(path)
    door.renew_waiting()
    return word in door.ask(path)["html"]


def test_a_published_page_shows_and_a_draft_does_not(door, live):
    door.ask()
    page = PromotionPage.objects.get(pk=live.pk)
    page.title = "Winter prices"
    revision = page.save_revision()
    assert not shows_soon(door, "/bf/", "Winter prices")
    assert door.made == ["/bf/"], "a draft changes nothing for visitors"
    revision.publish()
    assert shows_soon(door, "/bf/", "Winter prices")


def test_offers_brand_menus_sites_and_markets_count_as_changes(door, home, live, market):
    door.ask()
    kit = BrandKit.objects.get()
    kit.name = "Hearth & Wool"
    kit.save()
    assert shows_soon(door, "/bf/", "Hearth &amp; Wool")
    offer = Offer.objects.get()
    offer.legal_line = "Only in small numbers."
    offer.save()
    assert shows_soon(door, "/bf/", "Only in small numbers.")
    for change in (market.save, Site.objects.get().save, home.save):
        stamp = changes.stamp()
        change()
        assert changes.stamp() != stamp


def test_what_is_unpublished_is_gone(door, live):
    assert door.ask()["status"] == 200
    live.unpublish()
    door.ask()
    door.renew_waiting()
    assert door.ask()["status"] == 404


def test_a_redirect_and_a_page_appear_where_nothing_was(door, home, live):
    assert door.ask("/sale/")["status"] == 404
    Redirect.add_redirect("/sale/", redirect_to=live, is_permanent=False)
    assert door.ask("/sale/?al=token")["status"] == 302
    home.add_child(instance=PromotionPage(title="Sale", slug="sale", offer=live.offer))
    assert door.ask("/sale/")["status"] == 200


def test_after_five_seconds_nobody_gets_what_was_there_before(door, live, monkeypatch):
    door.ask()
    Offer.objects.get().save()
    monkeypatch.setattr(page_cache, "STALE", 0.0)
    time.sleep(0.01)
    made = len(door.made)
    door.ask()
    door.ask()
    assert len(door.made) == made + 2 - 1


def test_the_first_visitor_after_a_quiet_night_reads_what_was_published_in_it(door, live, monkeypatch):
    door.ask()
    Offer.objects.update(legal_line="Published at midnight.")
    changes.note()
    morning = time.monotonic() + 8 * 3600
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: morning)
    assert "Published at midnight." in door.ask()["html"]


def test_a_database_that_went_back_counts_as_changed(db):
    for _ in range(3):
        changes.note()
    stamps = [changes.stamp()]
    SiteChange.objects.order_by("-pk").first().delete()
    stamps.append(changes.stamp())
    changes.note()
    stamps.append(changes.stamp())
    assert len(set(stamps)) == 3


def test_a_number_that_is_committed_late_counts(db):
    """Two publish at once: the lower number is committed after the higher one was seen."""
    SiteChange.objects.create(pk=902)
    seen = changes.stamp()
    SiteChange.objects.create(pk=901)
    assert changes.stamp() != seen


def test_old_changes_are_thrown_away(db, monkeypatch):
    monkeypatch.setattr(changes, "_PRUNED_EVERY", 1)
    with time_machine.travel(OPENS, tick=False):
        SiteChange.objects.create(pk=1_000_000)
    SiteChange.objects.create(pk=1_000_049)
    changes._saved(Offer)
    assert set(SiteChange.objects.values_list("pk", flat=True)) & {1_000_000, 1_000_049} == {1_000_049}


# --- What is one person's own -----------------------------------------------------------------------------------------


def test_a_visitor_in_a_session_gets_nothing_from_memory_and_puts_nothing_there(door, live, owner):
    client = Client()
    client.force_login(owner)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    for _ in range(2):
        assert door.ask(cookie=cookie)["status"] == 200
    assert door.made == ["/bf/"] * 2
    assert door._pages == {}
    assert door.ask(authorization="Bearer x")["status"] == 200
    assert door._pages == {}


def test_nothing_that_a_visitor_sends_gets_into_anothers_page(door, live):
    first = door.ask(
        "/bf/?al=secret&utm_source=evil",
        accept_language="zh-hans",
        cookie="other=secret; csrftoken=abc",
        user_agent="secret",
        x_forwarded_host="evil.example",
        referer="https://evil.example/",
    )
    second = door.ask(accept_language="en")
    assert first["body"] == second["body"]
    assert door.made == ["/bf/"]
    for word in ("secret", "evil", "csrf"):
        assert word not in second["html"]
    assert "Set-Cookie" not in first["headers"]
    assert first["headers"]["Vary"] == "Accept-Encoding"


def test_a_page_for_some_is_not_kept(door, live):
    PageViewRestriction.objects.create(page=live, restriction_type=PageViewRestriction.LOGIN)
    for _ in range(2):
        assert door.ask()["status"] == 302
    assert door._pages == {}
    PageViewRestriction.objects.all().delete()
    PageViewRestriction.objects.create(page=live, restriction_type=PageViewRestriction.PASSWORD, password="linen")
    answer = door.ask()
    assert "no-store" in answer["headers"]["Cache-Control"] or "password" in answer["html"].lower()
    assert door._pages == {}


def test_a_page_that_becomes_one_for_some_leaves_memory(door, live):
    assert door.ask()["status"] == 200
    PageViewRestriction.objects.create(page=live, restriction_type=PageViewRestriction.LOGIN)
    door.ask()
    door.renew_waiting()
    assert door.ask()["status"] == 302


@pytest.mark.parametrize("path", ["/u/token", "/admin/login/", "/healthz", "/sitemap.xml", "/api/v1/openapi.json"])
def test_what_is_no_public_page_is_never_kept(door, live, path):
    for _ in range(2):
        door.ask(path)
    assert len(door.made) >= 2
    assert door._pages == {}


@pytest.mark.parametrize("path", ["/u/token", "/admin/login/", "/nothing/", "/api/v1/segments"])
def test_what_does_not_say_otherwise_may_be_kept_by_nobody(client, home, path):
    rules = client.get(path)["Cache-Control"]
    assert "private" in rules or "no-store" in rules


def test_another_method_goes_to_django(door, live):
    door.ask()
    assert door.ask(method="POST")["status"] in {403, 405}
    assert door.made == ["/bf/"] * 2


# --- As HTTP has it ---------------------------------------------------------------------------------------------------


def test_head_and_304(door, live):
    whole = door.ask()
    head = door.ask(method="HEAD")
    assert (head["status"], head["body"], head["headers"]) == (200, b"", whole["headers"])
    assert int(whole["headers"]["Content-Length"]) == len(whole["body"])
    tag = whole["headers"]["ETag"]
    for asked in (tag, f'"other", W/{tag}', "*"):
        answer = door.ask(if_none_match=asked)
        assert (answer["status"], answer["body"]) == (304, b"")
        assert answer["headers"]["ETag"] == tag
    assert door.ask(if_none_match='"other"')["status"] == 200


def test_gzip_for_who_takes_it(door, live):
    plain = door.ask()
    zipped = door.ask(accept_encoding="br, gzip;q=0.8")
    assert zipped["headers"]["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped["body"]) == plain["body"]
    assert len(zipped["body"]) * 2 < len(plain["body"])
    assert zipped["headers"]["ETag"] != plain["headers"]["ETag"]
    assert "Content-Encoding" not in door.ask(accept_encoding="br")["headers"]
    assert door.ask(accept_encoding="gzip", if_none_match=zipped["headers"]["ETag"])["status"] == 304


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP;q=1.0", True),
        ("br, gzip ; q=0.001", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("gzip;q=0, *", False),
    ],
)
def test_who_takes_gzip(header, takes):
    assert takes_gzip(header) is takes


def test_hosts_and_schemes_are_apart_and_unknown_hosts_are_refused(door, live, settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "shop.example"]
    assert door.ask()["status"] == 200
    assert door.ask(host="evil.example")["status"] == 400
    assert door.ask(host="shop.example")["status"] == 200
    assert door.ask(x_forwarded_proto="https")["status"] == 200
    assert len(door._pages) == 3
    assert not any("evil" in key[0] for key in door._pages)


def test_the_languages_are_apart(door, home, live, chinese):
    home.copy_for_translation(chinese).save_revision().publish()
    copy = live.copy_for_translation(chinese)
    copy.title = "黑色星期五"
    copy.save_revision().publish()
    for _ in range(2):
        assert "黑色星期五" in door.ask("/zh-hans/bf/", accept_language="en")["html"]
        assert '<html lang="en">' in door.ask("/bf/", accept_language="zh-hans")["html"]


def test_memory_is_bounded_and_the_least_asked_for_goes_first(door, live, home):
    small = Door(most_bytes=40_000)
    for number in range(6):
        home.add_child(instance=PromotionPage(title=f"Page {number}", slug=f"p{number}", offer=live.offer))
    for number in range(6):
        small.ask("/bf/")
        assert small.ask(f"/p{number}/")["status"] == 200
        assert small._size <= 40_000
    assert small._size == sum(page.size for page in small._pages.values())
    assert any(key[1] == "/bf/" for key in small._pages), "what everybody asks for stays"


# --- Many at once, and a database that is away ------------------------------------------------------------------------


def page_of(words, began=None, keep=True):
    """An app that is one public page and takes a moment."""

    def app(environ, start_response):
        if began is not None:
            began.append(environ["PATH_INFO"])
        time.sleep(0.1)
        if keep and page_cache.KEEP in environ:
            environ[page_cache.KEEP].allow(None, None)
        start_response("200 OK", [("Content-Type", "text/html")])
        return [words]

    return app


def test_a_crowd_waits_for_one_page(db):
    began = []
    door = Door(app=page_of(b"hello", began))
    door.watch.ask = lambda: 1
    answers = at_once(50, door.ask)
    assert began == ["/bf/"]
    assert {answer["body"] for answer in answers} == {b"hello"}


def test_beyond_the_waiting_room_one_is_told_to_come_again(db):
    door = Door(app=page_of(b"own", keep=False), crowd=Gate(1, 3, seconds=5))
    door.watch.ask = lambda: 1
    began = time.monotonic()
    answers = at_once(30, lambda: door.ask(f"/page{threading.get_ident()}/"))
    assert time.monotonic() - began < 3
    statuses = [answer["status"] for answer in answers]
    assert statuses.count(200) >= 4
    refused = next(answer for answer in answers if answer["status"] == 503)
    assert refused["headers"]["Retry-After"] == str(gate.AGAIN_AFTER)
    assert "no-store" in refused["headers"]["Cache-Control"]
    assert "Please try again" in refused["html"]


def at_once(count, ask):
    answers, start = [], threading.Barrier(count)

    def visit():
        start.wait()
        answers.append(ask())

    threads = [threading.Thread(target=visit) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_without_a_database_pages_are_given_and_prices_are_not_late(door, live, monkeypatch):
    with time_machine.travel(OPENS - 60 * SECOND, tick=False) as clock:
        before = door.ask()
        door.watch.fails = True

        def away(environ, start_response):
            raise OperationalError("the server is gone")

        monkeypatch.setattr(door, "_app", _says_503)
        clock.move_to(OPENS - TICK)
        assert door.ask()["body"] == before["body"]
        clock.move_to(OPENS)
        assert door.ask()["status"] == 503, "no price is better than a wrong one"


def test_without_a_database_a_page_is_given_for_ten_minutes_only(door, live, monkeypatch):
    door.ask()
    door.watch.fails = True
    monkeypatch.setattr(door, "_app", _says_503)
    start = time.monotonic()
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: start + page_cache.WITHOUT_DATABASE - 1)
    assert door.ask()["status"] == 200
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: start + page_cache.WITHOUT_DATABASE + 1)
    assert door.ask()["status"] == 503


def _says_503(environ, start_response):
    start_response("503 Service Unavailable", [("Retry-After", "5")])
    return [b"The database is restarting."]


def test_ten_queries_at_most(client, home, live, photograph, django_assert_max_num_queries):
    home.featured = live
    home.picture = live.picture = photograph
    for page in (home, live):
        page.save_revision().publish()
    for number in range(12):
        page = PromotionPage(title=f"Page {number}", slug=f"p{number}", offer=live.offer, picture=photograph)
        home.add_child(instance=page)
    for path in ("/", "/bf/"):
        client.get(path)
        with django_assert_max_num_queries(10):
            assert client.get(path).status_code == 200


def test_an_editors_preview_is_not_kept(client, owner, live):
    client.force_login(owner)
    answer = client.get(f"/admin/pages/{live.pk}/view_draft/")
    assert answer.status_code == 200
    assert "public" not in answer.headers.get("Cache-Control", "")
    assert Permission.objects.exists()
