"""Which content security policy an answer gets: strict on public pages, Wagtail's needs in its admin.

A public page is the same for everybody, so it can hold no nonce: what stands inline in it is allowed by its hash (CSP Level 3,
“hash-source”), and its scripts are files of our own. JSON-LD is data that no browser runs, and needs no permission.
"""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware

_STYLES = "_csp_styles"


def allow_style(request: HttpRequest, css: str) -> None:
    """Let the answer to `request` hold a style element of exactly this text."""
    digest = b64encode(sha256(css.encode()).digest()).decode()
    setattr(request, _STYLES, [*getattr(request, _STYLES, []), f"'sha256-{digest}'"])


class Policy(ContentSecurityPolicyMiddleware):
    """Django's middleware, with ``ALMANAC_ADMIN_CSP`` under ``/admin/``: Wagtail's editor has inline scripts and styles.

    An answer that was given a policy of its own keeps it (a preview is one: it is made for the page's own address).
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Choose the policy by the path, and add what the page has said of its styles."""
        if not hasattr(response, "_csp_config"):
            if request.path_info.startswith("/admin/"):
                response._csp_config = settings.ALMANAC_ADMIN_CSP  # type: ignore[attr-defined]
            elif styles := getattr(request, _STYLES, None):
                response._csp_config = _with_styles(styles)  # type: ignore[attr-defined]
        return super().process_response(request, response)


def _with_styles(hashes: list[str]) -> dict[str, Any]:
    policy: dict[str, Any] = settings.SECURE_CSP
    return {**policy, "style-src": [*policy["style-src"], *dict.fromkeys(hashes)]}
