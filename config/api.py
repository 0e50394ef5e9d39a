"""The HTTP API, put together: every room's router under ``/api/v1/``."""

from importlib import import_module

from ninja import NinjaAPI

from core.api import install_problem_details

ROUTERS = (
    "core.market_api",
    "core.rate_api",
    "channels.api",
    "campaigns.audiences.api",
    "campaigns.promotions.api",
    "cms.api",
    "campaigns.planning.api",
    "campaigns.publishing.api",
    "campaigns.measurement.api",
)

api = NinjaAPI(
    title="Almanac",
    version="1",
    description="Contacts, messages, campaigns, publications and their ledger, orders and results.",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api",
)
install_problem_details(api)
for module in ROUTERS:
    api.add_router("", import_module(module).router)
