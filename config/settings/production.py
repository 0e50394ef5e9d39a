"""Production: PostgreSQL, RabbitMQ or Redis, several hosts, HTTPS in front. Whatever must be said has no default."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import env, media

REQUIRED = (
    "ALMANAC_SECRET_KEY",
    "ALMANAC_BASE_URL",
    "DATABASE_URL",
    "ALMANAC_BROKER_URL",
    "ALMANAC_STAFF_MAIL_HOST",
)
env.require("production", REQUIRED)

from config.settings.base import *  # noqa: E402, F403 - first of all, what is missing
from config.settings.base import ALMANAC_BASE_URL, SECRET_KEY_FALLBACKS, SILENCED_SYSTEM_CHECKS  # noqa: E402

DEBUG = False
ALMANAC_MIGRATES_ITSELF = False
"""Several hosts share the database: `manage.py migrate` is a step of the deployment, taken once."""

if env.text("ALMANAC_FAILPOINTS", "") and not env.flag("ALMANAC_FAILPOINTS_ALLOWED", default=False):
    # A variable left over from a test would kill workers of a real shop.
    raise ImproperlyConfigured("ALMANAC_FAILPOINTS is for tests: unset it. (A test sets ALMANAC_FAILPOINTS_ALLOWED=1.)")

SECRET_KEY = env.text("ALMANAC_SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("ALMANAC_SECRET_KEY must have at least 50 characters.")
ALMANAC_HASH_KEY = env.text("ALMANAC_HASH_KEY", [SECRET_KEY, *SECRET_KEY_FALLBACKS][-1])

DATABASES = {"default": env.database("DATABASE_URL", {})}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database in production: postgres://…")

if urlsplit(ALMANAC_BASE_URL).scheme != "https":
    raise ImproperlyConfigured("ALMANAC_BASE_URL must begin with https:// in production.")

_broker = env.broker("ALMANAC_BROKER_URL")
CELERY_BROKER_URL = _broker.url
CELERY_BROKER_TRANSPORT_OPTIONS = _broker.options
CELERY_TASK_DEFAULT_QUEUE_TYPE = _broker.queue_type

_cache = env.text("ALMANAC_CACHE_URL", "")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _cache}
    if _cache
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "almanac_cache"}
}

STORAGES = {
    "default": media.storage(),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.flag("ALMANAC_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.integer("ALMANAC_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("ALMANAC_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("ALMANAC_HSTS_PRELOAD", default=False)
if SECURE_HSTS_PRELOAD and not SECURE_HSTS_INCLUDE_SUBDOMAINS:
    raise ImproperlyConfigured(
        "ALMANAC_HSTS_PRELOAD needs ALMANAC_HSTS_SUBDOMAINS: browsers preload whole domains only."
    )
SILENCED_SYSTEM_CHECKS = [
    *SILENCED_SYSTEM_CHECKS,
    # HSTS for every subdomain, for years, is for the owner of the domain to ask for: Almanac has one host of it.
    "security.W005",
    "security.W021",
]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.text("ALMANAC_STAFF_MAIL_HOST"),
            "port": env.integer("ALMANAC_STAFF_MAIL_PORT", default=587),
            "username": env.text("ALMANAC_STAFF_MAIL_USER", ""),
            "password": env.text("ALMANAC_STAFF_MAIL_PASSWORD", ""),
            "use_tls": env.flag("ALMANAC_STAFF_MAIL_TLS", default=True),
            "timeout": 20,
        },
    }
}
"""Mail to staff (password resets); campaigns go through channel accounts."""
