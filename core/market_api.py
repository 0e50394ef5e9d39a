"""Markets over HTTP."""

from typing import Any

from django.http import HttpRequest
from ninja import Schema

from core import markets
from core.api import In, Router, Status, bearer, idempotent, page_of
from core.errors import Missing
from core.models import Market

router = Router(tags=["markets"])


class MarketIn(In):
    """A new market. `country` is an ISO 3166 code, `currency` ISO 4217, `timezone` an IANA name, `languages` the site's."""

    code: str
    name: str
    country: str
    currency: str
    timezone: str
    languages: list[str]
    is_default: bool = False


class MarketPatch(In):
    """What shall change; what is left out stays."""

    name: str | None = None
    country: str | None = None
    currency: str | None = None
    timezone: str | None = None
    languages: list[str] | None = None
    is_default: bool | None = None


class MarketOut(Schema):
    """A market."""

    code: str
    name: str
    country: str
    currency: str
    timezone: str
    languages: list[str]
    is_default: bool


class MarketsOut(Schema):
    """One page of markets."""

    items: list[MarketOut]
    next_cursor: str | None


def _out(market: Market) -> dict[str, Any]:
    own = ("code", "name", "country", "currency", "timezone", "is_default")
    return {**{name: getattr(market, name) for name in own}, "languages": market.locales}


def _values(body: Schema) -> dict[str, Any]:
    values = {name: value for name, value in body.dict(exclude_unset=True).items() if value is not None}
    values.pop("code", None)
    if "languages" in values:
        values["locales"] = values.pop("languages")
    return values


def _get(code: str) -> Market:
    market = Market.objects.filter(code=code).first()
    if market is None:
        raise Missing(f"There is no market “{code[:20]}”. GET markets lists them.")
    return market


@router.get("/markets", auth=bearer("markets:read"), response=MarketsOut, summary="List markets")
def list_markets(request: HttpRequest, cursor: str = "", limit: int = 100) -> Any:
    """Every market, oldest first."""
    return page_of(Market.objects.all(), request, _out)


@router.get("/markets/{code}", auth=bearer("markets:read"), response=MarketOut, summary="Read a market")
def read_market(request: HttpRequest, code: str) -> Any:
    """One market."""
    return _out(_get(code))


@router.post("/markets", auth=bearer("markets:write"), response={201: MarketOut}, summary="Create a market")
@idempotent
def create_market(request: HttpRequest, body: MarketIn) -> Any:
    """The first market of an installation is its default one."""
    return Status(201, _out(markets.create(body.code, _values(body), request.auth)))  # type: ignore[attr-defined]


@router.patch("/markets/{code}", auth=bearer("markets:write"), response=MarketOut, summary="Change a market")
@idempotent
def change_market(request: HttpRequest, code: str, body: MarketPatch) -> Any:
    """Only what the body names changes; the code never does."""
    return _out(markets.change(_get(code), _values(body), request.auth))  # type: ignore[attr-defined]
