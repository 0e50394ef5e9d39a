"""What both profiles share. A profile may only add what differs."""

import os
import zoneinfo
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from config import env, logs

# The pinned tzdata package wins over the host's, which may be years old.
zoneinfo.reset_tzpath(())

BASE_DIR = Path(__file__).resolve().parents[2]
VERSION = "0.1.0"


def _shipped(name: str) -> Path:
    """A folder of the checkout, or what the wheel ships it as."""
    folder = BASE_DIR / name
    return folder if folder.is_dir() else BASE_DIR / f"almanac_{name}"


# --- Where things are ------------------------------------------------------------------------------------------------

ALMANAC_TEMPLATES = _shipped("templates")
ALMANAC_HOME = env.folder("ALMANAC_HOME", BASE_DIR / "var")
ALMANAC_DEFAULT_URL = f"http://127.0.0.1:{env.integer('ALMANAC_PORT', default=8000, least=1)}"
"""Where it answers while nobody has named an address; `up` tells its children the port."""
ALMANAC_BASE_URL = env.text("ALMANAC_BASE_URL", ALMANAC_DEFAULT_URL).rstrip("/")
ALMANAC_ALLOWED_PRIVATE_HOSTS = env.words("ALMANAC_ALLOWED_PRIVATE_HOSTS")
ALMANAC_MAILDIR_ROOT = env.text("ALMANAC_MAILDIR_ROOT", "")
ALMANAC_OVERDUE_AFTER = timedelta(seconds=env.integer("ALMANAC_OVERDUE_SECONDS", default=3600, least=60))
"""A run that is later than this is held for a person instead of being sent."""
ALMANAC_LEASE_SECONDS = env.integer("ALMANAC_LEASE_SECONDS", default=30, least=2)
"""How long a worker that falls silent keeps its chunk; what it had in the air is in doubt afterwards."""
ALMANAC_DISK_RESERVE = env.integer("ALMANAC_DISK_RESERVE_MB", default=200) * 1024 * 1024
"""Below so many free bytes at home or at an SQLite database nothing new is begun; 0: as long as the disk takes it."""
ALMANAC_TEST_CLOCK = env.text("ALMANAC_TEST_CLOCK", "")
"""For tests of real processes only: a file with the seconds by which the machine's clock was set."""
ALMANAC_CLASH_HOURS = env.integer("ALMANAC_CLASH_HOURS", default=6, least=1)
"""Two messages to the same people closer together than this are shown as a clash on the calendar."""
ALMANAC_CONFIRM_ABOVE = env.integer("ALMANAC_CONFIRM_ABOVE", default=100, least=0)
"""Who sends to more recipients than this types their number first."""

ALMANAC_API_PER_MINUTE = env.integer("ALMANAC_API_PER_MINUTE", default=3000, least=0)
"""Requests a minute that one API token may make on one web host; 0: as many as it likes."""
_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
ALMANAC_WEB_PROCESSES = env.integer("ALMANAC_WEB_PROCESSES", default=max(1, min(4, _cores // 2)), least=1)
"""Web processes of this host; half of the cores by default, at most four: sending needs the others."""
ALMANAC_WEB_THREADS = env.integer("ALMANAC_WEB_THREADS", default=max(4, min(16, 2 * _cores)), least=2)
"""Requests that one web process works on at once; public pages and tracked links that are in memory need none of them."""
ALMANAC_WEB_WAITING = env.integer("ALMANAC_WEB_WAITING", default=48, least=2)
"""Requests that wait behind them, in each process; who comes beyond is told to come again in a moment."""
ALMANAC_PAGE_CACHE_MB = env.integer("ALMANAC_PAGE_CACHE_MB", default=32)
"""Memory for public pages in each web process; 0 makes every page anew for everybody."""

ALMANAC_ATTRIBUTION_DAYS = env.integer("ALMANAC_ATTRIBUTION_DAYS", default=7, least=1)
"""How long after a click an order is still credited to it."""

# --- What is forgotten after a while, in days; 0: never (core.retention) ----------------------------------------------

ALMANAC_KEEP_REPLAYS_DAYS = env.integer("ALMANAC_KEEP_REPLAYS_DAYS", default=30)
ALMANAC_KEEP_SESSIONS_DAYS = env.integer("ALMANAC_KEEP_SESSIONS_DAYS", default=1)
ALMANAC_KEEP_SIGN_INS_DAYS = env.integer("ALMANAC_KEEP_SIGN_INS_DAYS", default=90)
ALMANAC_KEEP_DRAFTS_DAYS = env.integer("ALMANAC_KEEP_DRAFTS_DAYS", default=1)

# --- Django and Wagtail ----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "core",
    "campaigns.links",
    "channels",
    "campaigns.audiences",
    "campaigns.promotions",
    "cms",
    "campaigns.planning",
    "campaigns.publishing",
    "campaigns.measurement",
    "marketing_calendar",
    "wagtail.contrib.redirects",
    "wagtail.contrib.settings",
    "wagtail.contrib.simple_translation",
    "wagtail.contrib.typed_table_block",
    "wagtail.contrib.sitemaps",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail.locales",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    "ninja",
    "axes",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
]

MIDDLEWARE = [
    "config.monitoring.Monitoring",
    "config.middleware.LastAnswers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.csp.Policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.languages.Middleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ALMANAC_TEMPLATES],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.notices.messages",
                "django.template.context_processors.csp",
                "wagtail.contrib.settings.context_processors.settings",
            ],
        },
    },
]

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

ALMANAC_LANGUAGES_FILE = ALMANAC_HOME / "languages"
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [
    (code, _(name)) for code, name in env.languages("ALMANAC_LANGUAGES", ALMANAC_LANGUAGES_FILE)
]
"""What the shop's site and messages speak, the main one first. The admin speaks English and Chinese, whatever the shop does."""
LANGUAGE_CODE = LANGUAGES[0][0]
WAGTAILADMIN_PERMITTED_LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [_shipped("locale")]
WAGTAIL_I18N_ENABLED = True
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = env.path("ALMANAC_STATIC_ROOT", ALMANAC_HOME / "static")
MEDIA_URL = "/media/"
MEDIA_ROOT = ALMANAC_HOME / "media"

WAGTAIL_SITE_NAME = "Almanac"
WAGTAILADMIN_BASE_URL = ALMANAC_BASE_URL
WAGTAILIMAGES_IMAGE_MODEL = "cms.Picture"
WAGTAILIMAGES_EXTENSIONS = ["avif", "gif", "jpg", "jpeg", "png", "webp"]
WAGTAILDOCS_EXTENSIONS = ["csv", "docx", "pdf", "pptx", "txt", "xlsx", "zip"]
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}

MAILERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
"""Transactional mail only (password resets, notices to staff); campaigns go through channel accounts."""
_host = urlsplit(ALMANAC_BASE_URL).hostname or ""
DEFAULT_FROM_EMAIL = env.text(
    "ALMANAC_STAFF_MAIL_FROM", f"almanac@{_host if '.' in _host and not _host[-1].isdigit() else 'localhost'}"
)
"""Who that mail comes from."""

# --- Security --------------------------------------------------------------------------------------------------------

_origin = urlsplit(ALMANAC_BASE_URL)
ALLOWED_HOSTS = [_origin.hostname or "127.0.0.1", *env.words("ALMANAC_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [f"{_origin.scheme}://{_origin.netloc}"]
SECRET_KEY_FALLBACKS = env.words("ALMANAC_SECRET_KEY_FALLBACKS")
ALMANAC_KEY_WAS_TOLD = bool(env.text("ALMANAC_SECRET_KEY", ""))
"""Otherwise the embedded profile keeps a key of its own in `ALMANAC_HOME`."""
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "frame-src": [CSP.SELF, "https://www.youtube-nocookie.com", "https://player.vimeo.com"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
}
ALMANAC_ADMIN_CSP = {
    **SECURE_CSP,
    "script-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:", "blob:"],
}
"""Wagtail's editor brings inline scripts and styles without a nonce."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024
SILENCED_SYSTEM_CHECKS = [
    "security.W019",  # Wagtail's live preview is a frame of our own origin
]

# --- Celery: a bell, never the truth (docs/decisions/0001) -----------------------------------------------------------

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = CELERY_CONTROL_EXCHANGE = env.name("ALMANAC_QUEUE", "almanac")
"""Also the workers' names begin with it, and what is asked of workers goes to ours only: installations can share a broker."""
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_PUBLISH_RETRY = False

# --- What is told ----------------------------------------------------------------------------------------------------

ALMANAC_LOG_FORMAT = env.choice("ALMANAC_LOG_FORMAT", ("line", "json"))
ALMANAC_LOG_LEVEL = env.choice("ALMANAC_LOG_LEVEL", ("WARNING", "DEBUG", "INFO", "ERROR", "CRITICAL"))
LOGGING = logs.configuration(ALMANAC_LOG_FORMAT, ALMANAC_LOG_LEVEL)

ALMANAC_MONITOR_TOKEN = env.secret("ALMANAC_MONITOR_TOKEN", least=16)
"""Whoever brings it as a bearer token may read `/metrics` and what `/readyz` knows; empty: nobody may."""
ALMANAC_SENTRY_DSN = env.text("ALMANAC_SENTRY_DSN", "")
ALMANAC_SENTRY_ENVIRONMENT = env.text("ALMANAC_SENTRY_ENVIRONMENT", "production")
if ALMANAC_SENTRY_DSN:
    env.needs_extra("ALMANAC_SENTRY_DSN", "sentry_sdk", "sentry")
