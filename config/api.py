"""The HTTP API, put together: every room's router under ``/api/v1/``."""

from importlib import import_module

from django.conf import settings

from core.api import MOST_BODY, install_problem_details
from core.api_docs import Api, Docs
from core.api_lists import LARGEST_PAGE, PAGE_SIZE

ROUTERS = (
    "core.market_api",
    "core.rate_api",
    "core.token_api",
    "core.webhook_api",
    "channels.api",
    "campaigns.audiences.api",
    "campaigns.promotions.api",
    "campaigns.promotions.offers_api",
    "cms.api",
    "campaigns.planning.api",
    "campaigns.publishing.api",
    "campaigns.measurement.api",
)
ABOUT = f"""
Contacts, messages, campaigns, publications and their ledger, orders and results.

- **Tokens**: `Authorization: Bearer …`. Each has scopes, and may have an end; `manage.py create_token` makes one.
- **Lists** come in pages of {PAGE_SIZE} (`limit`, at most {LARGEST_PAGE}): pass `next_cursor` as `cursor` until it is null.
  `updated_since` gives what changed, in the order of the changes.
- **Writes** may be repeated with an `Idempotency-Key`.
- **What we do not know is refused** (422): fields in nested parts too, and query parameters.
- **Errors** are problem details (RFC 9457).
- **Limits**: {settings.ALMANAC_API_PER_MINUTE or "any number of"} requests a minute for each token;
  {MOST_BODY // 1024 // 1024} MB for a body; NDJSON may be of any length.
"""

api = Api(
    title="Almanac",
    version="1",
    description=ABOUT.strip(),
    docs=Docs(settings={"docExpansion": "none", "defaultModelsExpandDepth": 0, "filter": True}),
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="api",
)
install_problem_details(api)
for module in ROUTERS:
    api.add_router("", import_module(module).router)
