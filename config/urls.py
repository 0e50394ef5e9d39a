"""Every address of the installation."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path
from django.views.static import serve
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

from config.api import api
from config.views import icon
from core.api import no_such_address

urlpatterns = [
    path("admin/", include(wagtailadmin_urls)),
    path("favicon.ico", icon),
    path("api/v1/", api.urls),
    path("api/<path:rest>", no_such_address),
    path("documents/", include(wagtaildocs_urls)),
    path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
    path("", include("channels.urls")),
    path("", include("campaigns.publishing.urls")),
    path("", include("cms.urls")),
    # Pages of the default language have no prefix, so that the shortest address is the main one.
    *i18n_patterns(path("", include(wagtail_urls)), prefix_default_language=False),
]

handler404 = "cms.views.not_found"
handler500 = "cms.views.failed"
