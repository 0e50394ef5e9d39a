"""What stands in front of Django in a web process."""

from collections.abc import Hashable

from django.conf import settings
from wagtail.models import Site

from campaigns.measurement.edge import edge
from cms.services import changes
from core.gate import App, Gate, limited
from core.page_cache import PageCache
from core.watch import Watch

HEALTH = ("/healthz", "/readyz", "/metrics")
"""Who asks whether the process is well gets an answer, however many wait."""
PAST = (
    "/admin/",
    "/api/",
    "/static/",
    "/media/",
    "/documents/",
    "/hooks/",
    *HEALTH,
    "/u/",
    "/c/",
    "/o/",
    "/_util/",
)
"""What begins like this is no public page: it is never asked for on behalf of others."""


def before(django: App) -> App:
    """`django` with the gate, the page cache and the edge in front of it."""
    slots, waiting = settings.ALMANAC_WEB_THREADS, settings.ALMANAC_WEB_WAITING
    app = limited(django, Gate(slots, waiting), HEALTH)
    if settings.ALMANAC_PAGE_CACHE_MB:
        # A crowd leaves a slot, and half of the waiting room, to those who work here and to the shop's own calls.
        crowd = Gate(max(1, slots - 1), max(1, waiting // 2))
        app = PageCache(
            app,
            Watch(_stamp),
            crowd,
            session_cookie=settings.SESSION_COOKIE_NAME,
            past=PAST,
            most_bytes=settings.ALMANAC_PAGE_CACHE_MB * 1024 * 1024,
        )
    return edge(app)


_last: list[Hashable] = [None]


def _stamp() -> Hashable:
    """The stamp of the site; after a change the addresses of the site are worked out anew too."""
    stamp = changes.stamp()
    if stamp != _last[0]:
        _last[0] = stamp
        Site.clear_site_root_paths_cache()
    return stamp
