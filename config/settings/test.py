"""Tests: a scratch home, the embedded database unless ``ALMANAC_TEST_DATABASE=postgres`` asks for the real server."""

import os
import tempfile
from pathlib import Path

_home = Path(tempfile.gettempdir()) / f"almanac-tests-{os.getpid()}"
os.environ["ALMANAC_HOME"] = str(_home)
os.environ.setdefault("ALMANAC_SECRET_KEY", "only-for-tests-" + "x" * 50)
os.environ.setdefault("ALMANAC_ALLOWED_PRIVATE_HOSTS", "127.0.0.1,localhost,::1")
for _name in ("DATABASE_URL", "ALMANAC_BROKER_URL", "ALMANAC_BASE_URL"):
    os.environ.pop(_name, None)

from config import env  # noqa: E402
from config.settings.embedded import *  # noqa: E402, F403
from config.settings.embedded import DATABASES  # noqa: E402

if os.environ.get("ALMANAC_TEST_DATABASE") == "postgres":
    DATABASES["default"] = env.database("ALMANAC_TEST_POSTGRES_URL", {})
    DATABASES["default"]["TEST"] = {"NAME": f"test_almanac_{os.getpid()}"}
else:
    DATABASES["default"]["TEST"] = {"NAME": str(_home / "test.sqlite3")}

(_home / "static").mkdir(exist_ok=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_TASK_ALWAYS_EAGER = False
AXES_ENABLED = False
ALMANAC_API_PER_MINUTE = 0  # a test that is about it names its own
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
