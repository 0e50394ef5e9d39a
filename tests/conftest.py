"""The shared cast and the ground rules of every test."""

import os
import shutil
import warnings

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import translation

from tests.sandbox import sandbox  # noqa: F401 - a fixture for every test


def pytest_sessionstart(session):
    """Translations first: Django keeps a catalogue that it has read once, also an empty one. Then what tests ask of npm."""
    from config import assets
    from core.errors import FixSettings

    assets.compile_translations()
    try:
        assets.install_packages(for_tests=True)
    except FixSettings as error:
        warnings.warn(f"Tests that need npm packages are skipped or fail: {error.message}", stacklevel=1)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """A service that is not named is a skip; one that is named and missing is a failure, in the test itself."""
    emptying = {item for item in items if _empties_the_tables(item)}
    for marker, variable in (
        ("postgres", "ALMANAC_TEST_POSTGRES_URL"),
        ("rabbitmq", "ALMANAC_TEST_RABBITMQ_URL"),
        ("redis", "ALMANAC_TEST_REDIS_URL"),
        ("exim", "ALMANAC_TEST_EXIM"),
        ("postfix", "ALMANAC_TEST_POSTFIX"),
        ("dovecot", "ALMANAC_TEST_DOVECOT"),
    ):
        if not os.environ.get(variable):
            skip = pytest.mark.skip(reason=f"{variable} is not set")
            for item in items:
                if marker in item.keywords:
                    item.add_marker(skip)
    if not chromium():
        skip = pytest.mark.skip(reason="no Chromium on this machine")
        for item in items:
            if "browser" in item.keywords:
                item.add_marker(skip)
    yield
    # Last, and after pytest has grouped the browser tests to the front: they leave the tables empty behind them.
    items.sort(key=emptying.__contains__)


SECOND_HALF = pytest.StashKey()


def pytest_collection_finish(session):
    """The half on PostgreSQL begins at once: each half waits, for a server or for a browser, while the other works."""
    wanted = any(
        "second_half" in item.fixturenames and not any(item.iter_markers("skip"))
        for item in session.items
        if isinstance(item, pytest.Function)
    )
    if wanted and not session.config.option.collectonly:
        from tests.test_postgresql import Half

        session.config.stash[SECOND_HALF] = Half()


@pytest.fixture
def second_half(pytestconfig):
    return pytestconfig.stash[SECOND_HALF]


def _empties_the_tables(item) -> bool:
    mark = item.get_closest_marker("django_db")
    asked = mark is not None and mark.kwargs.get("transaction")
    return bool(asked or {"transactional_db", "live_server"} & set(item.fixturenames))


@pytest.fixture(autouse=True)
def beginning(request):
    """What migrations filled and a test before this one has emptied: the language, the roots, the site.

    Django could copy the rows back by itself (`serialized_rollback`), but not Wagtail's, which hang on content types that
    get new ids.
    """
    if not _empties_the_tables(request.node):
        return
    request.getfixturevalue("transactional_db")
    from wagtail.models import Collection, Locale, Page, Site

    Locale.objects.get_or_create(language_code="en")
    root = Page.get_first_root_node() or Page.add_root(title="Root", slug="root")
    if Collection.get_first_root_node() is None:
        Collection.add_root(name="Root")
    if not Site.objects.exists():
        home = root.get_first_child() or root.add_child(instance=Page(title="Home", slug="home"))
        Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)


@pytest.fixture(autouse=True)
def one_clock(monkeypatch):
    """When a test moves the time, time passes: the ledger's clock goes with the machine's, as it does when nobody sets it."""
    from core import clock
    from core.steady import Reading

    def together():
        now = clock.now().timestamp()
        return Reading(now, now, 0.0)

    monkeypatch.setattr(clock, "_steady", together)
    monkeypatch.setattr(clock, "server_now", clock.now)


@pytest.fixture(autouse=True)
def english():
    """A request leaves its language on the thread; no test starts in another's."""
    with translation.override("en"):
        yield


def chromium() -> str | None:
    return os.environ.get("ALMANAC_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_unconfigure(config):
    if half := config.stash.get(SECOND_HALF, None):
        half.end()
    shutil.rmtree(settings.ALMANAC_HOME, ignore_errors=True)


def make_user(name, **fields):
    return get_user_model().objects.create_user(username=name, password="pass-word-1", **fields)


@pytest.fixture
def owner(db):
    return get_user_model().objects.create_superuser(
        username="owner", password="pass-word-1", email="owner@shop.example"
    )


@pytest.fixture
def editor(db):
    return make_user("editor")


@pytest.fixture
def marketer(db):
    return make_user("marketer")


@pytest.fixture
def reviewer(db):
    return make_user("reviewer")


@pytest.fixture
def stranger(db):
    return make_user("stranger")


@pytest.fixture
def market(db):
    from core.models import Market

    return Market.objects.create(
        code="us",
        name="United States",
        country="US",
        currency="USD",
        timezone="America/New_York",
        locales=["en"],
        is_default=True,
    )


@pytest.fixture(scope="session")
def built_assets():
    """Bundles and translations, for tests that look at pages."""
    from config import assets

    assets.build(collect=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium, kept off the network."""
    return {
        **browser_type_launch_args,
        "executable_path": chromium(),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }
