"""`manage.py setup` makes a shop that can begin, once, and says what is wrong in a sentence."""

import json
import os
import re
import subprocess
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from core.models import Market, User
from tests.installation import MANAGE

OPTIONS = {
    "name": "Haus & Leinen",
    "country": "DE",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "languages": "de,en",
    "admin": "ada",
    "admin-email": "ada@shop.example",
}

LOOK = """
import json
from django.contrib.auth.models import Group
from wagtail.models import Locale, Page, Site, Workflow
from cms.models import HomePage
from core.models import Market, User
site = Site.objects.get()
print(json.dumps({
    "groups": sorted(Group.objects.values_list("name", flat=True)),
    "workflows": sorted(Workflow.objects.filter(active=True).values_list("name", flat=True)),
    "markets": list(Market.objects.values_list("code", "country", "currency", "timezone", "is_default")),
    "admins": list(User.objects.filter(is_superuser=True).values_list("username", "email")),
    "site": [site.hostname, site.port, site.site_name, site.root_page.title],
    "homes": sorted(HomePage.objects.live().values_list("locale__language_code", "title")),
    "pages": Page.objects.count(),
    "locales": sorted(Locale.objects.values_list("language_code", flat=True)),
}))
"""


@pytest.fixture
def place(tmp_path):
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
    }
    env = {**clean, "ALMANAC_HOME": str(tmp_path), "ALMANAC_BASE_URL": "https://almanac.shop.example"}

    def run(*words, **more):
        return subprocess.run(
            [*MANAGE, *words], env={**env, **more}, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=200
        )

    return run


def words(**changes):
    options = {**OPTIONS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return ["setup", "--no-input", *(word for name, value in options.items() if value for word in (f"--{name}", value))]


@pytest.mark.slow
def test_a_shop_is_set_up_once(place):
    done = place(*words(), ALMANAC_ADMIN_PASSWORD="a long enough word")
    assert done.returncode == 0, done.stderr
    assert "password" not in done.stdout
    seen = json.loads(place("shell", "--no-imports", "-c", LOOK).stdout)
    assert {"Editors", "Marketers", "Reviewers", "Viewers"} <= set(seen["groups"])
    assert "Content approval" in seen["workflows"]
    assert seen["markets"] == [["de", "DE", "EUR", "Europe/Berlin", True]]
    assert seen["admins"] == [["ada", "ada@shop.example"]]
    assert seen["site"] == ["almanac.shop.example", 443, "Haus & Leinen", "Haus & Leinen"]
    assert seen["homes"] == [["de", "Haus & Leinen"], ["en", "Haus & Leinen"]]
    assert seen["locales"] == ["de", "en"]
    again = place(*words())
    assert again.returncode == 0, again.stderr
    assert json.loads(place("shell", "--no-imports", "-c", LOOK).stdout) == seen
    assert place("check").returncode == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"country": "UK"}, "GB"),
        ({"currency": "euro"}, "ISO 4217"),
        ({"timezone": "Berlin"}, "IANA"),
        ({"languages": "en,xx"}, "xx"),
        ({"admin_email": "nobody"}, "--admin-email"),
        ({"admin": ""}, "--admin"),
        ({"name": ""}, "--name"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(db, changes, says):
    with pytest.raises(CommandError, match=says) as refused:
        call_command(*words(**{"languages": "en,zh-hans", **changes}))
    assert refused.value.returncode == 2
    assert not Market.objects.exists()
    assert not User.objects.exists()


def test_a_market_and_an_account_come_from_options_and_the_test_message_is_sent(db, sandbox):
    mail = {"mail_host": "127.0.0.1", "mail_port": str(sandbox.smtp_port), "mail_security": "none"}
    mail |= {"mail_from": "news@shop.example", "test_to": "ada@shop.example"}
    out = StringIO()
    call_command(*words(languages="en,zh-hans", currency="", timezone="", **mail), stdout=out)
    assert "Test message: accepted" in out.getvalue()
    assert Market.objects.get().currency == "EUR"
    password = re.search(r"password (\S+) \(it is not shown again\)", out.getvalue())[1]
    assert User.objects.get(username="ada").check_password(password)
