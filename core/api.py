"""What every room's `api.py` is made of: strict input, tokens, problem details, and writes that may be repeated.

A room exposes ``router``; `config.api` puts them together under ``/api/v1/``. Errors are RFC 9457 problem details. Lists are
`core.api_lists`, how often a token may ask is `core.api_rates`, and what the description says of all this `core.api_docs`.
"""

import functools
import hashlib
import json
import logging
import math
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, transaction
from django.db.models import Model, ProtectedError, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Schema
from ninja import Router as NinjaRouter
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.responses import NinjaJSONEncoder, Status
from ninja.security import HttpBearer
from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from wagtail.models import APIToken

from core import api_rates, clock, scopes
from core.errors import AlmanacError, Conflict, Invalid, Missing, NotAllowed, TryLater
from core.models import IdempotencyRecord, TokenGrant, User

__all__ = [
    "MOST_BODY",
    "In",
    "Instant",
    "NinjaRouter",
    "Router",
    "Schema",
    "Status",
    "Warned",
    "as_row_id",
    "as_uuid",
    "bearer",
    "delete",
    "given",
    "idempotent",
    "install_problem_details",
    "named",
    "one",
]

log = logging.getLogger(__name__)

MOST_BODY = 8 * 1024 * 1024
"""Bytes of a body that is one JSON text. NDJSON is read line by line and may be of any length."""
MOST_LEVELS = 50
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_TOUCH_EVERY = timedelta(minutes=1)
_GIVE_UP_AFTER = timedelta(minutes=10)
"""A first request that has not answered for so long is taken to be dead, and its key may be used again."""


# --- What is sent ----------------------------------------------------------------------------------------------------


class In(Schema):
    """The base of everything that is sent to us, nested parts too: a field we do not know is a mistake, and said.

    A misspelt field would otherwise be taken, thrown away and answered with 201; the loss shows weeks later in a result.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _run_root_validator(cls, values: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        # Ninja's own wraps each object, so that rows of the database can be read; what is sent to us is plain, and this is
        # half of what reading an order costs.
        return handler(values)

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        # The database refuses it, only when the row is written and with no word about the field.
        check_storable(value)
        return value


def check_storable(value: Any, levels: int = MOST_LEVELS) -> None:
    """Raise ``ValueError`` with a sentence for what no database column holds, however deep in `value` it stands."""
    match value:
        case str():
            if "\x00" in value:
                raise ValueError("holds a NUL character (U+0000), which cannot be stored. Take it out.")
            if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError("holds half a character (a lone surrogate), which cannot be stored. Take it out.")
        case float():
            if not math.isfinite(value):
                raise ValueError("holds a number that is none (NaN or infinity).")
        case dict() | list():
            if not levels:
                raise ValueError(f"is nested more than {MOST_LEVELS} levels deep.")
            parts = [part for pair in value.items() for part in pair] if isinstance(value, dict) else value
            for part in parts:
                check_storable(part, levels - 1)


def _within_centuries(moment: datetime) -> datetime:
    if not FIRST <= moment < LAST:
        raise ValueError(f"must lie between {FIRST.year} and {LAST.year}.")
    return moment


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_within_centuries),
    Field(examples=["2026-11-27T15:04:05Z"], json_schema_extra={"format": "date-time"}),
]
"""An instant with its offset from UTC (RFC 3339)."""


def given(body: Schema, *, clears: Collection[str] = ()) -> dict[str, Any]:
    """What a PATCH names. Null leaves a field as it is, but empties those of `clears`."""
    values = {name: getattr(body, name) for name in body.model_fields_set}
    return {name: value for name, value in values.items() if value is not None or name in clears}


class Warned(Schema):
    """Something that was taken but cannot be used as it is."""

    field: str = Field(description="Which field of what was sent.")
    message: str = Field(description="What it means, and what to do.")


class Router(NinjaRouter):
    """Ninja's router, which also refuses query parameters, and fields of a body, where a handle declares none.

    A filter with a typing mistake would be ignored otherwise, and the answer to another question believed; “schedule” with a
    time in its body would be taken, and the time thrown away.
    """

    def add_api_operation(self, path: str, methods: list[str], view_func: Callable[..., Any], **options: Any) -> None:
        """Register the handle, with the check in front of it."""
        super().add_api_operation(path, methods, view_func, **options)
        operation = self.path_operations[path].operations[-1]
        known = {
            name
            for model in operation.models
            if model.__ninja_param_source__ == "query"
            for name in model.__ninja_flatten_map__
        }
        takes_body = "requestBody" in (options.get("openapi_extra") or {}) or any(
            model.__ninja_param_source__ in ("body", "form", "file") for model in operation.models
        )
        operation.takes_body = takes_body  # type: ignore[attr-defined]
        operation.view_func = _without_strangers(operation.view_func, known, takes_body)
        operation.throttle_objects.append(api_rates.PerToken())


def _has_fields(request: HttpRequest) -> bool:
    said = request.body.strip()  # before POST, which would leave nothing of it to be read
    if request.content_type == "multipart/form-data":
        return bool(request.POST or request.FILES)
    return said not in (b"", b"{}", b"null")


def _without_strangers(view: Callable[..., Any], known: set[str], takes_body: bool) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if strange := sorted(set(request.GET) - known):
            there = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
            names = ", ".join(name[:40] for name in strange[:5])
            raise Invalid(f"This address does not know the query parameter {names}. {there}", field=strange[0][:40])
        if not takes_body and _has_fields(request):
            raise Invalid("This address takes no fields: send it without a body.")
        if any(isinstance(value, str) and "\x00" in value for value in kwargs.values()):
            raise Missing("There is nothing with such an id.")
        return view(request, *args, **kwargs)

    return wrapper


# --- Who asks --------------------------------------------------------------------------------------------------------


class bearer(HttpBearer):
    """``Authorization: Bearer …`` with a token whose grant holds `scope` (or ``*``). `request.auth` is its user."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        scopes.check([scope])
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """The token's user; None (401) for an unknown, revoked or expired token; `NotAllowed` without the scope."""
        now = clock.now()
        grant = (
            TokenGrant.objects.select_related("token__user")
            .filter(token__key_hash__in=APIToken.candidate_key_hashes(token), token__revoked_at=None)
            .filter(Q(expires_at=None) | Q(expires_at__gt=now))
            .first()
        )
        if grant is None or not grant.token.user.is_active:
            return None
        request.api_token = grant.token  # type: ignore[attr-defined]
        if self.scope not in grant.scopes and scopes.EVERYTHING not in grant.scopes:
            raise NotAllowed(
                f"This token may not do that: it needs the scope “{self.scope}”. Make one with manage.py create_token."
            )
        if grant.token.last_used_at is None or grant.token.last_used_at < now - _TOUCH_EVERY:
            APIToken.objects.filter(pk=grant.token.pk).update(last_used_at=now)
        user: User = grant.token.user
        request.user = user
        return user


# --- What went wrong -------------------------------------------------------------------------------------------------


def problem(status: int, code: str, detail: str, *, extra: Mapping[str, Any] | None = None) -> JsonResponse:
    """An RFC 9457 answer; `code` is stable and for machines, `detail` a sentence for people."""
    body = {"type": f"urn:almanac:problem:{code}", "title": code.replace("_", " "), "status": status, "detail": detail}
    return JsonResponse({**body, **(extra or {})}, status=status, content_type="application/problem+json")


def _our_error(request: HttpRequest, error: AlmanacError) -> HttpResponse:
    response = problem(error.status, error.code, error.message, extra=error.details)
    if isinstance(error, TryLater) and error.retry_at:
        response["Retry-After"] = str(max(1, int((error.retry_at - clock.now()).total_seconds())))
    return response


def _bad_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    # The first two steps are where it stood (body, query, path) and what the view calls that.
    errors = [
        {"where": ".".join(str(step) for step in item["loc"][2:] or item["loc"][1:]), "message": item["msg"]}
        for item in error.errors
    ]
    first = errors[0] if errors else {"where": "", "message": "The request does not have the expected shape."}
    words = f"{first['where']}: {first['message']}".lstrip(": ")
    return problem(422, "invalid", words, extra={"field": first["where"], "errors": errors})


def _no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = problem(401, "unauthenticated", "Send a valid API token: Authorization: Bearer …")
    response["WWW-Authenticate"] = "Bearer"
    return response


@csrf_exempt
def no_such_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    """What every address under the API answers that is none of its own."""
    return problem(
        404, "missing", f"There is nothing at /api/{rest[:200]}. See /api/v1/openapi.json for what there is."
    )


def wrong_method(response: HttpResponse) -> HttpResponse:
    """The problem that stands for a plain “method not allowed”."""
    allowed = response.headers.get("Allow", "")
    told = problem(405, "method_not_allowed", f"This address takes {allowed}." if allowed else "Use another method.")
    told.headers["Allow"] = allowed
    return told


def _ninjas_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, "invalid", str(error))


def _too_often(request: HttpRequest, error: Throttled) -> HttpResponse:
    return problem(
        429,
        "too_many_requests",
        "This token asks more often than it may. Wait as long as Retry-After says; send in bulk.",
    )


def too_large(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """The problem that a body is which is larger than what is read as a whole."""
    return problem(
        413,
        "too_large",
        f"The body is larger than {MOST_BODY // 1024 // 1024} MB. Send less at once; NDJSON may be of any length, without "
        "an Idempotency-Key: its rows are idempotent by themselves.",
    )


def install_problem_details(api: NinjaAPI) -> None:
    """Make every error of `api` a problem-details answer."""
    api.add_exception_handler(AlmanacError, _our_error)  # type: ignore[arg-type]
    api.add_exception_handler(ValidationError, _bad_shape)  # type: ignore[arg-type]
    api.add_exception_handler(AuthenticationError, _no_token)  # type: ignore[arg-type]
    api.add_exception_handler(HttpError, _ninjas_error)  # type: ignore[arg-type]
    api.add_exception_handler(Throttled, _too_often)  # type: ignore[arg-type]
    api.add_exception_handler(RequestDataTooBig, too_large)  # type: ignore[arg-type]


# --- Rows ------------------------------------------------------------------------------------------------------------


def as_uuid(text: str) -> UUID | None:
    """The UUID that `text` writes, if any."""
    try:
        return UUID(text)
    except ValueError:
        return None


def as_row_id(text: str) -> int | None:
    """The number of a row that has no other public id, if `text` may be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def one[Row: Model](rows: QuerySet[Row], public_id: str, word: str) -> Row:
    """What the address names by its public id; raises `Missing`. `word` is what it is called."""
    key = as_uuid(public_id)
    row = rows.filter(public_id=key).first() if key else None
    if row is None:
        raise Missing(f"There is no {word} with the id {public_id[:60]}.")
    return row


def named[Row: Model](rows: QuerySet[Row], public_id: str, field: str) -> Row:
    """What a field of the body names by its public id; raises `Invalid`."""
    key = as_uuid(public_id)
    row = rows.filter(public_id=key).first() if key else None
    if row is None:
        raise Invalid(f"{field}: there is nothing with the id {public_id[:60]}.", field=field)
    return row


def delete(row: Model, word: str) -> Status[None]:
    """Delete `row` and answer 204; raises `Conflict` while something else needs it."""
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        users = sorted({str(other._meta.verbose_name) for other in error.protected_objects})
        raise Conflict(
            f"This {word} is used by another thing ({', '.join(users)[:200]}) and stays.", code="in_use"
        ) from error
    return Status(204, None)


# --- Writes that may be repeated -------------------------------------------------------------------------------------


def _plain(payload: Any) -> Any:
    return json.loads(json.dumps(payload, cls=NinjaJSONEncoder))


def _claim(user: User, key: str, request_hash: str) -> IdempotencyRecord | None:
    """The record of an earlier answer, or None when this request is the first and now holds the key."""
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.create(user=user, key=key, request_hash=request_hash)
        return None
    except IntegrityError:
        earlier = IdempotencyRecord.objects.get(user=user, key=key)
    if earlier.request_hash != request_hash:
        raise Conflict("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    if earlier.status is not None:
        return earlier
    stale = IdempotencyRecord.objects.filter(
        pk=earlier.pk, status=None, created_at__lt=clock.now() - _GIVE_UP_AFTER
    ).update(created_at=clock.now())
    if stale:
        return None
    raise Conflict("The first request with this Idempotency-Key is still running.", code="idempotency_key_in_use")


def idempotent(view: Callable[..., Any] | None = None, *, atomic: bool = True) -> Any:
    """Honour ``Idempotency-Key``: the same key and request get the first answer again, without a second effect.

    The answer is kept in the transaction of the change itself (`atomic`). With ``atomic=False`` the view commits by itself
    and must be harmless to repeat, because a crash between its last commit and ours lets it run again.
    """
    if view is None:
        return functools.partial(idempotent, atomic=atomic)

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            if not atomic:
                return view(request, *args, **kwargs)
            with transaction.atomic():
                return view(request, *args, **kwargs)
        if len(key) > 255:
            raise Invalid("An Idempotency-Key has at most 255 characters.")
        user: User = request.auth  # type: ignore[attr-defined]
        seen = f"{request.method} {request.get_full_path()}\n".encode() + request.body
        earlier = _claim(user, key, hashlib.sha256(seen).hexdigest())
        if earlier is not None:
            return Status(earlier.status or 200, earlier.body)
        record = IdempotencyRecord.objects.filter(user=user, key=key)
        try:
            if atomic:
                with transaction.atomic():
                    return _answer(view(request, *args, **kwargs), record)
            return _answer(view(request, *args, **kwargs), record)
        except BaseException:
            record.filter(status=None).delete()
            raise

    wrapper.is_idempotent = True  # type: ignore[attr-defined]  # for the description
    return wrapper


def _answer(result: Any, record: QuerySet[IdempotencyRecord]) -> Status[Any]:
    status, payload = (result.status_code, result.value) if isinstance(result, Status) else (200, result)
    plain = _plain(payload)
    record.update(status=status, body=plain)
    return Status(status, plain)
