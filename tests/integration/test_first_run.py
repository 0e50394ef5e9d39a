"""The first run in the browser: only with the machine's token, once, and then a shop that can begin."""

import re

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse
from wagtail.models import Site

from campaigns.audiences.models import Contact
from campaigns.planning.models import Campaign
from channels.models import ChannelAccount
from cms.models import HomePage
from config import first_run, shop
from core.errors import FixSettings
from core.models import Market, User
from tests.conftest import make_user

ADDRESS = "/admin/first-run/"
FORM = {
    "name": "Haus & Leinen",
    "main_language": "en",
    "other_languages": ["zh-hans"],
    "country": "DE",
    "currency": "",
    "timezone": "",
    "admin": "ada",
    "admin_email": "ada@shop.example",
    "password": "a long enough word",
    "password_again": "a long enough word",
}


@pytest.fixture
def fresh(db):
    assert not User.objects.exists()


@pytest.fixture
def invited(client, fresh):
    answer = client.get(ADDRESS, {"token": first_run.token()})
    assert answer.url == ADDRESS, "the token does not stay in the address"
    return client


def test_a_stranger_cannot_take_over_an_installation_that_nobody_administers(client, fresh, caplog):
    assert client.get("/admin/").url.startswith("/admin/login/")
    assert client.get("/admin/login/").url == ADDRESS
    for guess in ("", "x", first_run.token()[:-1], "\0", "ü"):
        client.get(ADDRESS, {"token": guess})
        page = client.get(ADDRESS)
        assert page.status_code == 403
        assert first_run.token() not in page.content.decode()
        assert client.post(ADDRESS, FORM).status_code == 403
    assert not User.objects.exists()
    assert not Market.objects.exists()


def test_the_log_tells_who_runs_the_server(client, fresh, caplog, monkeypatch):
    monkeypatch.setattr(first_run, "_told", False)
    client.get(ADDRESS)
    client.get(ADDRESS)
    assert caplog.text.count(first_run.token()) == 1
    assert first_run.invitation().endswith(first_run.token())


def test_whoever_has_the_token_sets_up_the_shop_and_is_signed_in(invited):
    page = invited.get(ADDRESS)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    done = invited.post(ADDRESS, FORM)
    assert done.url == reverse("first_run_account")
    ada = User.objects.get()
    assert ada.is_superuser
    assert ada.check_password("a long enough word")
    market = Market.objects.get()
    assert (market.code, market.currency, market.timezone) == ("de", "EUR", "Europe/Berlin")
    site = Site.objects.get()
    assert (site.site_name, site.hostname) == ("Haus & Leinen", "127.0.0.1")
    assert HomePage.objects.live().count() == 2
    assert set(Group.objects.values_list("name", flat=True)) >= {"Editors", "Marketers", "Reviewers", "Viewers"}
    assert invited.get(reverse("first_run_account")).status_code == 200
    assert invited.get("/admin/").status_code == 200


def test_the_token_opens_nothing_once_there_is_an_administrator(invited, client, owner):
    page = invited.get(ADDRESS, {"token": first_run.token()}, follow=True)
    assert page.redirect_chain[-1][0].startswith("/admin/login/")
    invited.post(ADDRESS, FORM)
    assert User.objects.get() == owner
    assert first_run.invitation() == ""


def test_of_two_with_the_token_one_becomes_the_administrator(invited, monkeypatch):
    administered = iter([False, False, True, True, True])
    monkeypatch.setattr(shop, "is_administered", lambda: next(administered, True))
    page = invited.post(ADDRESS, FORM)
    assert "Somebody else has just set up" in page.content.decode()
    assert not User.objects.exists()


def test_somebody_who_is_no_administrator_has_nothing_to_do_here(client, owner):
    client.force_login(make_user("editor"))
    assert client.get(ADDRESS).status_code == 302
    assert client.post(ADDRESS, FORM).status_code == 302
    assert client.get(reverse("first_run_account")).status_code == 403
    assert not Market.objects.exists()


def test_an_administrator_made_by_command_is_led_through_as_well(client, owner):
    client.force_login(owner)
    assert "Set up the shop" in client.get("/admin/").content.decode()
    page = client.get(ADDRESS).content.decode()
    assert 'name="password"' not in page
    shop_only = {name: FORM[name] for name in ("name", "main_language", "other_languages", "country")}
    assert client.post(ADDRESS, shop_only).url == reverse("first_run_account")
    assert User.objects.get() == owner
    assert shop.is_set_up()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password_again": "another word"}, "The two passwords differ."),
        ({"password": "12345678", "password_again": "12345678"}, "too common"),
        ({"country": "UK"}, "valid choice"),
        ({"name": ""}, "required"),
        ({"admin_email": "ada"}, "valid email"),
        ({"main_language": "xx"}, "valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(invited, changes, says):
    page = invited.post(ADDRESS, {**FORM, **changes})
    assert page.status_code == 200
    assert says in page.content.decode()
    assert not User.objects.exists()
    assert not Market.objects.exists()


def test_other_languages_are_kept_and_read_by_processes_that_start_again(invited, settings, tmp_path, monkeypatch):
    settings.ALMANAC_LANGUAGES_FILE = tmp_path / "languages"
    ran = []
    monkeypatch.setattr(first_run, "_in_a_process_of_its_own", ran.append)
    page = invited.post(ADDRESS, {**FORM, "main_language": "de", "other_languages": ["en"]})
    assert "Your shop is set up" in page.content.decode()
    assert (tmp_path / "languages").read_text().split() == ["de", "en"]
    assert ran[0].languages == ["de", "en"]
    assert "--languages=de,en" in shop.as_options(ran[0])
    assert "a long enough word" not in " ".join(shop.as_options(ran[0]))


def test_languages_of_a_set_up_that_failed_are_forgotten(invited, settings, tmp_path, monkeypatch):
    def fail(wishes):
        raise FixSettings("No room.")

    settings.ALMANAC_LANGUAGES_FILE = tmp_path / "languages"
    monkeypatch.setattr(first_run, "_in_a_process_of_its_own", fail)
    page = invited.post(ADDRESS, {**FORM, "main_language": "de", "other_languages": []})
    assert "No room." in page.content.decode()
    assert not (tmp_path / "languages").exists()
    # Signed in already: the second try needs no token.
    assert invited.post(ADDRESS, FORM).url == reverse("first_run_account")


def test_the_first_account_sends_its_test_message(client, owner, sandbox):
    client.force_login(owner)
    mail = {
        "host": "127.0.0.1",
        "port": sandbox.smtp_port,
        "security": "none",
        "from_email": "news@shop.example",
        "test_to": "ada@shop.example",
    }
    refused = client.post(reverse("first_run_account"), {**mail, "port": 1})
    assert refused.status_code == 200
    assert shop.first_account().name == "127.0.0.1", "what was typed is kept"
    done = client.post(reverse("first_run_account"), mail, follow=True)
    assert "The mail server took the test message" in done.content.decode()
    assert ChannelAccount.objects.count() == 1


def steps(page):
    found = re.search(r'<ul class="al-first">(.*?)</ul>', page, re.DOTALL)
    return re.findall(r"<a [^>]*>([^<]+)</a>", found[1]) if found else []


def test_the_checklist_grows_shorter_until_it_is_gone(client, owner, market, sandbox):
    client.force_login(owner)
    assert steps(client.get("/admin/").content.decode()) == ["Set up the shop"]
    client.post(ADDRESS, {name: FORM[name] for name in ("name", "main_language", "other_languages", "country")})
    assert steps(client.get("/admin/").content.decode()) == [
        "Connect a channel account",
        "Send a test message",
        "Bring in your customers",
        "Invite a colleague",
        "Plan your first campaign",
    ]
    call_command("setup", "--no-input", "--name", "X", "--country", "US", "--admin", "owner",
                 "--admin-email", "owner@shop.example", "--mail-host", "127.0.0.1", "--mail-port",
                 str(sandbox.smtp_port), "--mail-security", "none", "--mail-from", "news@shop.example",
                 "--test-to", "ada@shop.example")  # fmt: skip
    left = steps(client.get("/admin/").content.decode())
    assert left == ["Bring in your customers", "Invite a colleague", "Plan your first campaign"]
    Campaign.objects.create(slug="x", name="X", market=market)
    make_user("colleague")
    Contact.objects.create(external_id="1", market=market)
    assert "First steps" not in client.get("/admin/").content.decode()


def test_a_role_sees_only_what_it_may_do(client, owner, market):
    shop.set_up(
        shop.Wishes("X", "US", "USD", "America/New_York", ["en", "zh-hans"], "owner", "owner@shop.example"), print
    )
    editor = make_user("editor")
    editor.groups.add(Group.objects.get(name="Editors"))
    client.force_login(editor)
    assert steps(client.get("/admin/").content.decode()) == []
