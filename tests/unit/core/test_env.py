"""Settings come from the environment, and a wrong one stops the start with its name."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import env

PRODUCTION = {
    "ALMANAC_PROFILE": "production",
    "ALMANAC_SECRET_KEY": "s" * 60,
    "DATABASE_URL": "postgres://almanac@db.example:5432/almanac",
    "ALMANAC_BROKER_URL": "amqp://almanac@broker.example//",
    "ALMANAC_BASE_URL": "https://shop.example",
    "ALMANAC_STAFF_MAIL_HOST": "smtp.shop.example",
}


def start(tmp_path, code="print('started')", /, **variables):
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
    }
    setup = "import os; from config import env; os.environ['DJANGO_SETTINGS_MODULE'] = env.settings_module(); "
    setup += "import django; django.setup(); "
    return subprocess.run(
        [sys.executable, "-c", setup + code],
        cwd=settings.BASE_DIR,
        env={**clean, "ALMANAC_HOME": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_with_everything_said(tmp_path):
    assert start(tmp_path, **PRODUCTION).stdout.strip() == "started"


@pytest.mark.parametrize("missing", sorted(set(PRODUCTION) - {"ALMANAC_PROFILE"}))
def test_production_does_not_start_without(tmp_path, missing):
    done = start(tmp_path, **{name: value for name, value in PRODUCTION.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALMANAC_PROFILE", "prod"),
        ("ALMANAC_SECRET_KEY", "short"),
        ("DATABASE_URL", "mysql://db/almanac"),
        ("DATABASE_URL", "sqlite:////tmp/a.sqlite3"),
        ("ALMANAC_BROKER_URL", "filesystem://"),
        ("ALMANAC_BROKER_URL", "folder://localhost"),
        ("ALMANAC_BASE_URL", "http://shop.example"),
        ("ALMANAC_OVERDUE_SECONDS", "soon"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(tmp_path, name, value):
    done = start(tmp_path, **{**PRODUCTION, name: value})
    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


def test_the_embedded_profile_needs_nothing_and_keeps_its_secret(tmp_path):
    assert start(tmp_path).stdout.strip() == "started"
    secret = tmp_path / "secret_key"
    assert secret.stat().st_mode & 0o077 == 0
    before = secret.read_text()
    assert start(tmp_path).returncode == 0
    assert secret.read_text() == before


@pytest.mark.parametrize(
    ("url", "engine", "name"),
    [
        ("postgres://u:p%40ss@h:5433/shop?sslmode=require", "django.db.backends.postgresql", "shop"),
        ("sqlite:////srv/almanac.sqlite3", "django.db.backends.sqlite3", "/srv/almanac.sqlite3"),
    ],
)
def test_database_urls(monkeypatch, url, engine, name):
    monkeypatch.setenv("X_URL", url)
    database = env.database("X_URL", {})
    assert (database["ENGINE"], database["NAME"]) == (engine, name)
    if "PASSWORD" in database:
        assert database["PASSWORD"] == "p@ss"
        assert database["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("url", "queue_type"), [("amqp://guest:guest@h:5672//", "quorum"), ("rediss://h:6379/1", "classic")]
)
def test_a_named_broker_is_set_up_alike_in_both_profiles(tmp_path, url, queue_type):
    show = (
        "from django.conf import settings as s; print(s.CELERY_BROKER_URL, s.CELERY_TASK_DEFAULT_QUEUE_TYPE, end=' '); "
    )
    show += "print(sorted(s.CELERY_BROKER_TRANSPORT_OPTIONS.items()))"
    told = {
        start(tmp_path, show, **profile, ALMANAC_BROKER_URL=url).stdout
        for profile in ({}, {name: value for name, value in PRODUCTION.items() if name != "ALMANAC_BROKER_URL"})
    }
    assert len(told) == 1
    assert told.pop().startswith(f"{url} {queue_type} ")


def test_an_unknown_broker_stops_the_embedded_profile_too(tmp_path):
    done = start(tmp_path, ALMANAC_BROKER_URL="memory://")
    assert "ALMANAC_BROKER_URL" in done.stderr.strip().splitlines()[-1]


def test_flags_are_read_strictly(monkeypatch):
    monkeypatch.setenv("X_FLAG", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="X_FLAG"):
        env.flag("X_FLAG", default=True)
