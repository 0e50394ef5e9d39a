"""F33: a release rolls through, with old and new code side by side on the new tables."""

import os
import shutil
import signal
import sys
import time

import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness.compare import check
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import ROOT, wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, mailing

pytestmark = [pytest.mark.slow, pytest.mark.faults]

CODE = ("config", "core", "cms", "campaigns", "channels", "calendar", "templates", "locale")
LATER = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishing", "{last}")]
    operations = [
        migrations.AddField("Run", "of_a_later_release", models.CharField(max_length=20, db_default="")),
    ]
"""


MIGRATE = """
import sys, time
from pathlib import Path
from config import env
env.use_settings()
import django
django.setup()
from django.core.management import call_command
ready, go = map(Path, sys.argv[1:])
ready.touch()
while not go.exists():
    time.sleep(0.02)
call_command("migrate", verbosity=0, interactive=False)
"""
"""Begun before anything is sent, so that only the change itself takes time in the middle."""


@pytest.fixture
def mail(tmp_path):
    """A mail server that takes its time."""
    with MailServer(tmp_path, delay=0.5) as server:
        yield server


@pytest.fixture
def later(tmp_path):
    """The code as a later release has it: one more migration, and the field that it adds."""
    new = tmp_path / "later"
    new.mkdir()
    for name in CODE:
        shutil.copytree(ROOT / name, new / name, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    shutil.copy(ROOT / "manage.py", new)
    migrations = new / "campaigns/publishing/migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    (migrations / "9999_of_a_later_release.py").write_text(LATER.format(last=last))
    models = new / "campaigns/publishing/models.py"
    field = '    of_a_later_release = models.CharField(max_length=20, db_default="")\n'
    anchor = "    fuse_off = models.BooleanField("
    models.write_text(models.read_text().replace(anchor, field + anchor, 1))
    return new


def start(place, code, *command):
    """A process of `code`, whatever this one's is."""
    import subprocess

    env = place.env | {"PYTHONPATH": os.pathsep.join([str(code), str(code / "calendar")])}
    return subprocess.Popen(
        [sys.executable, *command], env=env, cwd=code, stdout=place.log, stderr=place.log, start_new_session=True
    )


@everywhere
def test_old_and_new_side_by_side_on_the_new_tables(place, mail, later):
    """The order of docs/how-to/upgrade.md: new tables first. From then on old workers begin nothing, the new ones do it all."""
    ready, go = place.home / "ready", place.home / "go"
    done = start(place, later, "-c", MIGRATE, str(ready), str(go))
    wait_until(ready.exists, 120, "the later release")
    mailing(place, mail, people=150)
    place.up(workers=2)
    wait_until(lambda: mail.total >= 20, GOES_ON_WITHIN, "a start")
    go.touch()
    assert done.wait(120) == 0, place.logged.read_text()[-2000:]
    wait_until(lambda: place.do("why_held") == "older", 20, "the old release to notice")
    time.sleep(3)
    at_rest = mail.total
    time.sleep(3)
    assert mail.total == at_rest < 150, "old workers begin nothing on the new tables"
    now = place.state()
    assert now["ledger"]["unknown"] == 0
    assert now["ledger"]["attempting"] == 0
    new = [start(place, later, "manage.py", "worker", "--number", "9"), start(place, later, "manage.py", "scheduler")]
    try:
        try:
            wait_until(lambda: mail.total > at_rest, GOES_ON_WITHIN + 60, "the new release to go on")
        except AssertionError as error:
            raise AssertionError(f"{error}; {place.state()['state']}\n{place.logged.read_text()[-3000:]}") from None
        for old in [*place.workers, *place.schedulers]:  # side by side until here
            old.send_signal(signal.SIGTERM)
            assert old.wait(30) == 0
        place.workers, place.schedulers = [], []
        place.wait_for_state("done", seconds=240)
        end = check(place, mail)
        assert end["ledger"]["accepted"] == 150
        assert end["ledger"]["unknown"] == 0
    finally:
        for one in new:
            place.kill(one)
