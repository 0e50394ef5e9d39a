"""Embedded: one machine, SQLite, local files, a broker that needs no service."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from config import env, media
from config.settings.base import *  # noqa: F403
from config.settings.base import ALLOWED_HOSTS, ALMANAC_BASE_URL, ALMANAC_HOME, SECRET_KEY_FALLBACKS

DEBUG = env.flag("ALMANAC_DEBUG", default=False)
ALMANAC_MIGRATES_ITSELF = True
"""One machine, one owner: whatever needs the tables makes them first."""


def _kept_secret(path: Path) -> str:
    """The secret of this installation, made at its first start and readable by its owner only."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()


SECRET_KEY = env.text("ALMANAC_SECRET_KEY", "") or _kept_secret(ALMANAC_HOME / "secret_key")
ALMANAC_HASH_KEY = env.text("ALMANAC_HASH_KEY", [SECRET_KEY, *SECRET_KEY_FALLBACKS][-1])

DATABASES = {"default": env.database("DATABASE_URL", env.sqlite(ALMANAC_HOME / "almanac.sqlite3"))}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

_broker = env.broker("ALMANAC_BROKER_URL", "folder://localhost")
CELERY_BROKER_URL = _broker.url
CELERY_BROKER_TRANSPORT_OPTIONS = _broker.options
CELERY_TASK_DEFAULT_QUEUE_TYPE = _broker.queue_type
if CELERY_BROKER_URL.startswith("folder://"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(ALMANAC_HOME / "bells"), "polling_interval": 0.2}
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "127.0.0.1", "localhost", "[::1]"]

STORAGES = {
    "default": media.storage(),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

if urlsplit(ALMANAC_BASE_URL).scheme == "https":
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
