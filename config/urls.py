"""Every address of the installation."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

from config import media
from config.api import api
from config.first_run import first_account, first_run, sign_in
from config.views import icon
from core.api import no_such_address

urlpatterns = [
    path("admin/first-run/", first_run, name="first_run"),
    path("admin/first-run/account/", first_account, name="first_run_account"),
    path("admin/login/", sign_in),
    path("admin/", include(wagtailadmin_urls)),
    path("favicon.ico", icon),
    path("api/v1/", api.urls),
    path("api/<path:rest>", no_such_address),
    path("documents/", include(wagtaildocs_urls)),
    path("media/<path:path>", media.view),
    path("", include("channels.urls")),
    path("", include("campaigns.publishing.urls")),
    path("", include("cms.urls")),
    # Pages of the default language have no prefix, so that the shortest address is the main one.
    *i18n_patterns(path("", include(wagtail_urls)), prefix_default_language=False),
]

handler404 = "cms.views.not_found"
handler500 = "cms.views.failed"
