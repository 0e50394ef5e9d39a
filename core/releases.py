"""Is this process of an earlier release than the database? Then it begins nothing new.

While a release rolls through, processes of the old and of the new one run side by side on the tables of the new one. An old
worker does not know what they ask of it, so it finishes what is in the air, begins nothing, and says so; the queue is the
database, and the new workers go on with it. Whether it is old it sees from Django's table of applied migrations: the
database has one, of ours, that its code does not.
"""

import threading
import time
from functools import cache
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

BELIEVED = 2.0
"""Seconds for which an answer holds: so long may an old process begin something after the tables were changed."""
_lock = threading.Lock()
_known: tuple[float, str, bool] | None = None


@cache
def of_this_code() -> frozenset[tuple[str, str]]:
    """The migrations that this code knows, as (app, name); only of our own apps."""
    ours = {app.label for app in apps.get_app_configs() if Path(app.path).is_relative_to(settings.BASE_DIR)}
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(key for key in loader.disk_migrations or {} if key[0] in ours)


def is_older() -> bool:
    """Whether the database has a migration of ours that this code does not know; asked every `BELIEVED` seconds."""
    global _known
    name = str(connection.settings_dict["NAME"])
    with _lock:
        known = _known
    now = time.monotonic()
    if known is not None and known[1] == name and now - known[0] < BELIEVED:
        return known[2]
    answer = _ask()
    with _lock:
        _known = (now, name, answer)
    return answer


def _ask() -> bool:
    here = of_this_code()
    labels = {app for app, _name in here}
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return any(app in labels and (app, name) not in here for app, name in cursor.fetchall())
