"""Exchange rates over HTTP."""

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Field, Schema

from core import rates
from core.api import In, Router, Status, bearer, idempotent
from core.api_lists import Filter, listing
from core.models import ExchangeRate

router = Router(tags=["markets"])


class RateIn(In):
    """What one `base` was worth in `quote` on a day; `rate` is a decimal text, so that no digit is lost."""

    day: date
    base: str = Field(examples=["EUR"])
    quote: str = Field(examples=["USD"])
    rate: str = Field(max_length=30, examples=["1.0834"])
    source: str = Field(max_length=80, examples=["ECB"])


class RatesIn(In):
    """Rates to be stored: all of them or none."""

    rates: list[RateIn] = Field(min_length=1, max_length=1000)


class RateOut(Schema):
    """A stored rate."""

    day: date
    base: str
    quote: str
    rate: str
    source: str


class StoredOut(Schema):
    """How many are new, and how many took the place of another figure for their day."""

    new: int
    changed: int


listing(
    router,
    "/rates",
    "markets:read",
    RateOut,
    ExchangeRate.objects.all,
    rates.as_text,
    about="Stored exchange rates, in the order in which they were stored.",
    filters={
        "base": Filter("base", "ISO 4217 code."),
        "quote": Filter("quote", "ISO 4217 code."),
        "since": Filter("day__gte", "The first day.", date),
        "until": Filter("day__lte", "The last day.", date),
    },
    updated="",
)


@router.post("/rates", auth=bearer("markets:write"), response={201: StoredOut}, summary="Store exchange rates")
@idempotent
def store_rates(request: HttpRequest, body: RatesIn) -> Any:
    """Each day and pair of currencies has one rate; telling it again changes nothing, telling another one corrects it."""
    given = [rates.Given(one.day, one.base, one.quote, rates.figure(one.rate), one.source) for one in body.rates]
    new, changed = rates.store(given, request.auth)  # type: ignore[attr-defined]
    return Status(201, {"new": new, "changed": changed})
