"""A database that an earlier state of the project left behind is upgraded, and everything in it is still there."""

import json
import os
import secrets
import subprocess
import sys

import pytest
from django.conf import settings

from tests import upgrades
from tests.installation import MANAGE, postgres_database

LOAD = "import django; django.setup(); from tests import upgrades; upgrades.load({name!r})"

LOOK = """
import json
from django.db import connection
from campaigns.audiences.models import Contact
from campaigns.planning.models import Publication
from campaigns.promotions.models import Order
from campaigns.publishing import selectors
from campaigns.publishing.models import Run
with connection.cursor() as cursor:
    tables = connection.introspection.table_names(cursor)
    counts = {}
    for table in tables:
        cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
        counts[table] = cursor.fetchone()[0]
ledgers = [selectors.ledger(publication) for publication in Publication.objects.filter(runs__state="done").distinct()]
money = sum(order.total_minor for order in Order.objects.all())
print(json.dumps({"counts": counts, "ledgers": ledgers, "money": money, "contacts": Contact.objects.count()}))
"""


class Place:
    """An installation of which only the database matters."""

    def __init__(self, home, database_url=""):
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
        }
        self.env = {
            **clean,
            "ALMANAC_HOME": str(home),
            "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
            "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
            **({"DATABASE_URL": database_url} if database_url else {}),
        }

    def run(self, *command):
        done = subprocess.run(command, env=self.env, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def manage(self, *arguments):
        return self.run(*MANAGE, *arguments)


def upgrade(place, name):
    state = upgrades.read(name)
    place.run(sys.executable, "-c", LOAD.format(name=name))
    place.manage("migrate", "--verbosity", "0")
    found = json.loads(place.manage("shell", "--no-imports", "-c", LOOK))
    kept = ("publishing_", "audiences_", "promotions_", "planning_", "measurement_", "cms_", "links_", "channels_")
    for table, content in state["tables"].items():
        if table.startswith(kept) and table in found["counts"]:
            assert found["counts"][table] >= len(content["rows"]), table
    order = state["tables"]["promotions_order"]
    column = order["columns"].index("total_minor")
    assert found["money"] == sum(row[column] for row in order["rows"])
    assert found["ledgers"]
    for ledger in found["ledgers"]:
        assert ledger["targeted"] == sum(count for state, count in ledger.items() if state != "targeted")
    place.manage("audit_ledger")  # exits with 1 when a single row does not add up
    place.manage("check")


@pytest.mark.slow
@pytest.mark.parametrize("name", upgrades.states())
def test_on_sqlite(name, tmp_path):
    upgrade(Place(tmp_path), name)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("name", upgrades.states())
def test_on_postgresql(name, tmp_path):
    with postgres_database(os.environ["ALMANAC_TEST_POSTGRES_URL"]) as url:
        upgrade(Place(tmp_path, url), name)
