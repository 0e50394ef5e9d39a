"""What the environment must say: named at once, in one sentence, for every kind of process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import env

ROOT = Path(settings.BASE_DIR)
GOOD = {
    "ALMANAC_PROFILE": "production",
    "ALMANAC_SECRET_KEY": "only-for-this-test-" + "x" * 50,
    "ALMANAC_BASE_URL": "https://shop.example",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
    "ALMANAC_BROKER_URL": "amqp://127.0.0.1:9//",
    "ALMANAC_STAFF_MAIL_HOST": "smtp.shop.example",
}


def run(arguments, home, **variables):
    clean = {name: value for name, value in os.environ.items() if not re.match("ALMANAC_|DATABASE_|DJANGO_", name)}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**clean, "ALMANAC_HOME": str(home), **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


SHOW = "from config import env; env.use_settings(); from django.conf import settings; print({})"


@pytest.mark.parametrize(
    "arguments",
    [["manage.py", "up"], ["-m", "celery", "-A", "config.celery", "worker"], ["-c", "import config.wsgi"]],
    ids=["command", "worker", "web"],
)
def test_all_that_is_missing_is_named_in_one_sentence_without_a_trace(arguments, tmp_path):
    given = {name: GOOD[name] for name in ("ALMANAC_PROFILE", "ALMANAC_BASE_URL")}
    done = run(arguments, tmp_path, **given)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Almanac cannot start: ALMANAC_SECRET_KEY, DATABASE_URL, ALMANAC_BROKER_URL and ALMANAC_STAFF_MAIL_HOST are required "
        "in the production profile and are not set: docs/reference/settings.md says what belongs there."
    )


def test_one_that_is_missing_or_wrong_is_a_sentence_too(tmp_path):
    done = run(["manage.py", "check"], tmp_path, **{**GOOD, "ALMANAC_SECRET_KEY": ""})
    assert "ALMANAC_SECRET_KEY is required in the production profile and is not set" in done.stderr
    done = run(["manage.py", "check"], tmp_path, **{**GOOD, "ALMANAC_LEASE_SECONDS": "soon"})
    assert done.returncode == 1
    assert done.stderr.strip() == "Almanac cannot start: ALMANAC_LEASE_SECONDS must be a whole number, not “soon”."
    done = run(["manage.py", "check"], tmp_path, ALMANAC_PROFILE="prod")
    assert done.stderr.strip() == (
        "Almanac cannot start: ALMANAC_PROFILE must be “embedded” or “production”, not “prod”."
    )


def test_hsts_for_subdomains_and_preload_is_off_unless_asked_for(tmp_path):
    show = SHOW.format(
        "settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD"
    )
    assert run(["-c", show], tmp_path, **GOOD).stdout.split() == ["31536000", "False", "False"]
    asked = {"ALMANAC_HSTS_SUBDOMAINS": "1", "ALMANAC_HSTS_PRELOAD": "1"}
    assert run(["-c", show], tmp_path, **GOOD, **asked).stdout.split() == ["31536000", "True", "True"]
    half = run(["-c", show], tmp_path, **GOOD, ALMANAC_HSTS_PRELOAD="1")
    assert "ALMANAC_HSTS_PRELOAD needs ALMANAC_HSTS_SUBDOMAINS" in half.stderr


def test_a_secret_may_stand_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("ALMANAC_SOMETHING_FILE", str(tmp_path / "key"))
    assert env.text("ALMANAC_SOMETHING") == "from a file"
    env.require("production", ["ALMANAC_SOMETHING"])
    monkeypatch.setenv("ALMANAC_SOMETHING", "said")
    assert env.text("ALMANAC_SOMETHING") == "said"
    monkeypatch.delenv("ALMANAC_SOMETHING")
    monkeypatch.setenv("ALMANAC_SOMETHING_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match=r"ALMANAC_SOMETHING_FILE: .* cannot be read"):
        env.text("ALMANAC_SOMETHING")


@pytest.mark.parametrize("wrong", ["a b", "-x", "a/b", "ü", "x" * 64])
def test_a_queue_has_a_name_that_can_stand_in_other_names(wrong, monkeypatch):
    monkeypatch.setenv("ALMANAC_QUEUE", wrong)
    with pytest.raises(ImproperlyConfigured, match="ALMANAC_QUEUE must be a name"):
        env.name("ALMANAC_QUEUE", "almanac")


def read_by_the_code() -> set[str]:
    source = "".join(path.read_text() for path in [*ROOT.glob("config/**/*.py"), *ROOT.glob("core/**/*.py")])
    asked = re.findall(r"""env\.\w+\(\s*f?["']((?:ALMANAC|DATABASE)_\w+)["']""", source)
    asked += re.findall(r"""os\.environ\.get\(["'](ALMANAC_\w+)["']""", source)
    asked += re.findall(r"""^\s*profile = text\("(ALMANAC_\w+)\"""", source, re.MULTILINE)
    internal = {"ALMANAC_TEST_POSTGRES_URL", "ALMANAC_TEST_DATABASE", "ALMANAC_DEMO_PLACE"}
    return {*asked, "ALMANAC_FAILPOINTS"} - internal


def test_the_page_of_settings_is_the_code():
    page = (ROOT / "docs/reference/settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\S*) ?\|", page, re.MULTILINE)
    assert len(rows) == len({name for name, _required in rows})
    assert {name for name, _required in rows} == read_by_the_code()
    source = (ROOT / "config/settings/production.py").read_text()
    required = set(re.findall(r'^    "(\w+)",$', source[: source.index("env.require")], re.MULTILINE))
    assert {name for name, mark in rows if mark == "**yes**"} == required
