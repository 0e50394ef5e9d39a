"""The HTTP API, put together: every room's router under ``/api/v1/``."""

from importlib import import_module

from ninja import NinjaAPI

from core.api import install_problem_details

ROOMS = (
    "channels",
    "campaigns.audiences",
    "campaigns.promotions",
    "cms",
    "campaigns.planning",
    "campaigns.publishing",
    "campaigns.measurement",
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
for room in ROOMS:
    api.add_router("", import_module(f"{room}.api").router)
