"""Markets over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import ConfigDict

from core import hours, markets
from core.api import In, Router, Status, bearer, idempotent
from core.api_lists import Filter, listing
from core.errors import Missing
from core.models import Market

router = Router(tags=["markets"])

CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
"""A wall-clock time."""


class Hours(In):
    """A span of wall-clock time of the market, such as 21:00 to 08:00: from its first minute to before its last."""

    start: str = Field(pattern=CLOCK, examples=["21:00"])
    end: str = Field(pattern=CLOCK, examples=["08:00"])


class MarketIn(In):
    """A new market. `country` is an ISO 3166 code, `currency` ISO 4217, `timezone` an IANA name, `languages` the site's.

    What is planned without a time stands in the first of the `good_hours`; a message due in the `quiet_hours` goes at their
    end. `legal_lines` by language stand at the foot of e-mails and pages. With `converts`, orders in another currency count
    at the stored rate of their day.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "de",
                    "name": "Germany",
                    "country": "DE",
                    "currency": "EUR",
                    "timezone": "Europe/Berlin",
                    "languages": ["en"],
                }
            ]
        }
    )

    code: str
    name: str
    country: str
    currency: str
    timezone: str
    languages: list[str]
    is_default: bool = False
    good_hours: list[Hours] = []
    quiet_hours: Hours | None = None
    legal_lines: dict[str, str] = {}
    converts: bool = False


class MarketPatch(In):
    """What shall change; what is left out stays. `quiet_hours`: null takes them away."""

    name: str | None = None
    country: str | None = None
    currency: str | None = None
    timezone: str | None = None
    languages: list[str] | None = None
    is_default: bool | None = None
    good_hours: list[Hours] | None = None
    quiet_hours: Hours | None = None
    legal_lines: dict[str, str] | None = None
    converts: bool | None = None


class MarketOut(Schema):
    """A market."""

    code: str
    name: str
    country: str
    currency: str
    timezone: str
    languages: list[str]
    is_default: bool
    good_hours: list[Hours]
    quiet_hours: Hours | None
    legal_lines: dict[str, str]
    converts: bool
    updated_at: datetime


def _out(market: Market) -> dict[str, Any]:
    own = ("code", "name", "country", "currency", "timezone", "is_default", "legal_lines", "converts", "updated_at")
    quiet = market.quiet
    return {
        **{name: getattr(market, name) for name in own},
        "languages": market.locales,
        "good_hours": [{"start": start, "end": end} for start, end in market.good_hours],
        "quiet_hours": {"start": f"{quiet[0]:%H:%M}", "end": f"{quiet[1]:%H:%M}"} if quiet else None,
    }


def _values(body: Schema) -> dict[str, Any]:
    said = body.dict(exclude_unset=True)
    values = {name: value for name, value in said.items() if value is not None}
    values.pop("code", None)
    if "good_hours" in values:
        values["good_hours"] = [[one["start"], one["end"]] for one in values["good_hours"]]
    if "quiet_hours" in said:
        quiet = values.pop("quiet_hours", None)
        values["quiet_from"] = hours.at(quiet["start"], "quiet_hours") if quiet else None
        values["quiet_until"] = hours.at(quiet["end"], "quiet_hours") if quiet else None
    if "languages" in values:
        values["locales"] = values.pop("languages")
    return values


def _get(code: str) -> Market:
    market = Market.objects.filter(code=code).first()
    if market is None:
        raise Missing(f"There is no market “{code[:20]}”. GET markets lists them.")
    return market


listing(
    router,
    "/markets",
    "markets:read",
    MarketOut,
    Market.objects.all,
    _out,
    filters={
        "country": Filter("country__iexact", "ISO 3166 code."),
        "currency": Filter("currency__iexact", "ISO 4217 code."),
        "is_default": Filter("is_default", "Only the default market, or all others.", bool),
    },
    search=("name", "code"),
)


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
