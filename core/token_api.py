"""API tokens over HTTP: which there are, and how one is revoked. None is made here: a token must not make a stronger one."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from core import clock, services
from core.api import Router, Status, as_row_id, bearer
from core.api_lists import Filter, listing
from core.errors import Missing
from core.models import TokenGrant

router = Router(tags=["tokens"])


class TokenOut(Schema):
    """A token; never the token itself, of which only the beginning is known."""

    id: str
    name: str = Field(description="The service account.")
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    works: bool
    updated_at: datetime


def _grants() -> QuerySet[TokenGrant]:
    return TokenGrant.objects.select_related("token__user")


def _out(grant: TokenGrant) -> dict[str, Any]:
    token = grant.token
    return {
        "id": str(grant.pk),
        "name": token.user.get_username(),
        "prefix": token.prefix,
        "scopes": grant.scopes,
        "created_at": token.created,
        "expires_at": grant.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
        "works": grant.works,
        "updated_at": grant.updated_at,
    }


def _working(rows: QuerySet[TokenGrant], wanted: bool) -> QuerySet[TokenGrant]:
    works = Q(token__revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=clock.now()))
    return rows.filter(works if wanted else ~works)


def _grant(id: str) -> TokenGrant:
    key = as_row_id(id)
    grant = _grants().filter(pk=key).first() if key is not None else None
    if grant is None:
        raise Missing(f"There is no token with the id {id[:60]}.")
    return grant


listing(
    router,
    "/tokens",
    "tokens:read",
    TokenOut,
    _grants,
    _out,
    filters={"works": Filter(_working, "Only tokens that are neither revoked nor expired, or all others.", bool)},
    search=("token__user__username", "token__prefix"),
)


@router.get("/tokens/{id}", auth=bearer("tokens:read"), response=TokenOut, summary="Read a token")
def read_token(request: HttpRequest, id: str) -> Any:
    """One token."""
    return _out(_grant(id))


@router.delete("/tokens/{id}", auth=bearer("tokens:write"), response={204: None}, summary="Revoke a token")
def revoke_token(request: HttpRequest, id: str) -> Any:
    """It does not work from now on, and stays on the list. A token may revoke itself."""
    services.revoke_token(_grant(id), request.auth)  # type: ignore[attr-defined]
    return Status(204, None)
