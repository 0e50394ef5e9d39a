"""Exchange rates over HTTP."""

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Field, Schema

from core import rates
from core.api import In, Router, Status, bearer, idempotent, page_of
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


class RatesOut(Schema):
    """One page of rates."""

    items: list[RateOut]
    next_cursor: str | None


@router.get("/rates", auth=bearer("markets:read"), response=RatesOut, summary="List exchange rates")
def list_rates(
    request: HttpRequest,
    base: str = "",
    quote: str = "",
    since: date | None = None,
    until: date | None = None,
    cursor: str = "",
    limit: int = 100,
) -> Any:
    """Stored rates of the days from `since` to `until`, in the order in which they were stored."""
    wanted = {"base": base, "quote": quote, "day__gte": since, "day__lte": until}
    rows = ExchangeRate.objects.filter(**{name: value for name, value in wanted.items() if value})
    return page_of(rows, request, rates.as_text)


@router.post("/rates", auth=bearer("markets:write"), response={201: StoredOut}, summary="Store exchange rates")
@idempotent
def store_rates(request: HttpRequest, body: RatesIn) -> Any:
    """Each day and pair of currencies has one rate; telling it again changes nothing, telling another one corrects it."""
    given = [rates.Given(one.day, one.base, one.quote, rates.figure(one.rate), one.source) for one in body.rates]
    new, changed = rates.store(given, request.auth)  # type: ignore[attr-defined]
    return Status(201, {"new": new, "changed": changed})
