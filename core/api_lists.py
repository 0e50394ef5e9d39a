"""One idea of a list, for every noun: filters, a search, what changed since, and pages that hold still.

A room declares what its list is made of; the handle, its description and its strictness follow::

    listing(router, "/offers", "offers:read", OfferOut, _offers, _out,
            filters={"market": Filter("market__code", "Code of a market.")}, search=("name", "code"))

A page is a place in an order (a *keyset*), never a number of rows to pass over: rows that come or go meanwhile neither hide
nor repeat others, and the thousandth page costs what the first one does. Nothing is counted.
"""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field, create_model

from core import signing
from core.api import In, Instant, NinjaRouter, bearer
from core.errors import Invalid

__all__ = [
    "LARGEST_PAGE",
    "PAGE_SIZE",
    "Asked",
    "Filter",
    "cursor_at",
    "listing",
    "page_schema",
    "place_of",
    "slice_of",
]

PAGE_SIZE = 100
LARGEST_PAGE = 1000

type Narrow = Callable[[QuerySet[Any], Any], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter: the lookup it becomes (or a function that narrows the rows), what it means, what it takes."""

    lookup: str | Narrow
    about: str
    kind: Any = str

    def narrow(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """The rows that `value` leaves."""
        return self.lookup(rows, value) if callable(self.lookup) else rows.filter(**{self.lookup: value})


class Asked(In):
    """What every list takes."""

    limit: int = Field(PAGE_SIZE, ge=1, le=LARGEST_PAGE, description="Rows of a page.")
    cursor: str | None = Field(
        None, max_length=500, description="`next_cursor` of the page before, for the same question; opaque."
    )


SINCE = "Only what changed at this instant or later, in the order of the changes. Ask again from the last `updated_at` you saw."
SEARCH = "Words to search for, all of them."


def page_schema(item: type[Schema]) -> type[Schema]:
    """The schema of a page of `item`."""
    return create_model(
        f"{item.__name__.removesuffix('Out')}Page",
        __base__=Schema,
        __doc__="One page. `next_cursor` is null on the last one.",
        items=(list[item], ...),  # type: ignore[valid-type]
        next_cursor=(str | None, ...),
    )


def listing[Row: Model](
    router: NinjaRouter,
    path: str,
    scope: str,
    item: type[Schema],
    rows: Callable[..., QuerySet[Row]],
    out: Callable[[Row], dict[str, Any]],
    *,
    name: str = "",
    about: str = "",
    filters: Mapping[str, Filter] | None = None,
    search: Sequence[str] | Narrow = (),
    updated: str = "updated_at",
) -> None:
    """Add the list of a noun to `router`.

    `rows` gets what stands in braces in `path`. `search` names lookups of which one must hold for each word, or is a function
    of the rows and the words. `updated` is the column that tells when a row changed, empty where rows never do.
    """
    filters = filters or {}
    plural = name or path.rsplit("/", 1)[-1].replace("-", "_")
    fields: dict[str, Any] = {
        key: (one.kind | None, Field(None, description=one.about)) for key, one in filters.items()
    }
    if search:
        fields["q"] = (str | None, Field(None, min_length=1, max_length=200, description=SEARCH))
    if updated:
        fields["updated_since"] = (Instant | None, Field(None, description=SINCE))
    asks = create_model(f"{plural.title().replace('_', '')}Asked", __base__=Asked, **fields)
    places = re.findall(r"{(\w+)}", path)

    def view(request: HttpRequest, **given: Any) -> Any:
        asked = given.pop("asked")
        found = rows(**given)
        for key, one in filters.items():
            value = getattr(asked, key)
            if value is not None:
                found = one.narrow(found, value)
        if search and asked.q:
            found = _searched(found, search, asked.q)
        since = asked.updated_since if updated else None
        return _page(found, request, asked, out, updated if since else "", since)

    view.__name__ = f"list_{plural}"
    view.__doc__ = about or f"A page of {plural.replace('_', ' ')}, the oldest first."
    kinds = {"request": HttpRequest, **dict.fromkeys(places, str), "asked": Query[asks]}  # type: ignore[misc, valid-type]
    view.__annotations__ = kinds
    view.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(one, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
            for one, kind in kinds.items()
        ]
    )
    router.get(
        path,
        auth=bearer(scope),
        response=page_schema(item),
        operation_id=f"list_{plural}",
        summary=f"List {plural.replace('_', ' ')}",
    )(view)


def _searched(rows: QuerySet[Any], search: Sequence[str] | Narrow, words: str) -> QuerySet[Any]:
    if callable(search):
        return search(rows, words)
    for word in words.split()[:10]:
        rows = rows.filter(reduce(or_, (Q(**{f"{field}__icontains": word}) for field in search)))
    return rows


# --- Pages -----------------------------------------------------------------------------------------------------------


def _page(
    rows: QuerySet[Any],
    request: HttpRequest,
    asked: Asked,
    out: Callable[[Any], dict[str, Any]],
    updated: str,
    since: datetime | None,
) -> dict[str, Any]:
    """A page in the order of the primary key or, `since` an instant, in that of the changes."""
    question = _question(request)
    place = _opened(asked.cursor, question)
    if since is None:
        rows = rows.order_by("pk")
        rows = rows.filter(pk__gt=place[0]) if place else rows
    else:
        rows = rows.order_by(updated, "pk").filter(**{f"{updated}__gte": since})
        if place:
            at, last = datetime.fromisoformat(place[0]), place[1]
            # The first condition says nothing that the second does not; it is the one an index is entered by.
            rows = rows.filter(Q(**{f"{updated}__gte": at}), Q(**{f"{updated}__gt": at}) | Q(pk__gt=last))
    found = list(rows[: asked.limit + 1])
    shown = found[: asked.limit]
    after: list[Any] | None = None
    if len(found) > asked.limit:
        last_row = shown[-1]
        after = [last_row.pk] if since is None else [_value(last_row, updated).isoformat(), last_row.pk]
    return {"items": [out(row) for row in shown], "next_cursor": _sealed(after, question)}


def place_of(request: HttpRequest, asked: Asked) -> list[Any]:
    """The place that the cursor names, empty at the beginning; for lists that are merged of several."""
    return _opened(asked.cursor, _question(request))


def cursor_at(request: HttpRequest, place: list[Any] | None) -> str | None:
    """The cursor of a place; None for None."""
    return _sealed(place, _question(request))


def slice_of[Thing](
    things: Sequence[Thing], request: HttpRequest, asked: Asked, key: Callable[[Thing], str]
) -> tuple[Sequence[Thing], str | None]:
    """A page of what is worked out and not stored; `key` is its order. Answers the things and the next cursor."""
    place = place_of(request, asked)
    left = sorted((thing for thing in things if not place or key(thing) > place[0]), key=key)
    shown = left[: asked.limit]
    return shown, cursor_at(request, [key(shown[-1])] if len(left) > asked.limit else None)


def _value(row: Any, path: str) -> Any:
    return reduce(getattr, path.split("__"), row)


def _question(request: HttpRequest) -> str:
    """What is asked, but for where to go on: a cursor of one list, or of one filter, says nothing about another."""
    asked = sorted((name, value) for name, value in request.GET.items() if name not in ("cursor", "limit"))
    return hashlib.sha256(json.dumps([request.path, asked]).encode()).hexdigest()[:16]


def _sealed(place: list[Any] | None, question: str) -> str | None:
    return None if place is None else signing.seal("api.cursor", json.dumps([question, *place]).encode())


def _opened(cursor: str | None, question: str) -> list[Any]:
    if not cursor:
        return []
    try:
        of, *place = json.loads(signing.unseal("api.cursor", cursor))
    except (signing.BadToken, ValueError, TypeError) as error:
        raise Invalid("This cursor is not one of ours; begin again without one.", field="cursor") from error
    if of != question:
        raise Invalid(
            "This cursor belongs to another list or other filters: ask as you did for the page before.", field="cursor"
        )
    return place
