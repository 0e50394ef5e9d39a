"""Which content security policy an answer gets: strict on public pages, Wagtail's needs in its admin."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware


class Policy(ContentSecurityPolicyMiddleware):
    """Django's middleware, with ``ALMANAC_ADMIN_CSP`` under ``/admin/``: Wagtail's editor has inline scripts and styles.

    An answer that was given a policy of its own keeps it (a preview is one: it is made for the page's own address).
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Choose the policy by the path."""
        if request.path_info.startswith("/admin/") and not hasattr(response, "_csp_config"):
            response._csp_config = settings.ALMANAC_ADMIN_CSP  # type: ignore[attr-defined]
        return super().process_response(request, response)
