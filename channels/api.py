"""Channel accounts over HTTP."""

from typing import Any

from django.http import HttpRequest
from ninja import Schema

from channels import selectors, services
from channels.models import ChannelAccount
from core.api import In, Router, Status, bearer, idempotent, page_of

router = Router(tags=["channels"])


class AccountIn(In):
    """A new account. Which settings there are depends on the provider; unknown ones are refused."""

    provider: str
    name: str
    settings: dict[str, Any]


class AccountOut(Schema):
    """An account without its secrets."""

    id: str
    provider: str
    name: str
    channel: str
    health: str
    last_error: str
    is_sandbox: bool
    webhook_url: str


class AccountsOut(Schema):
    """One page of accounts."""

    items: list[AccountOut]
    next_cursor: str | None


def _out(account: ChannelAccount) -> dict[str, Any]:
    return {
        "id": str(account.public_id),
        "provider": account.provider,
        "name": account.name,
        "channel": account.channel,
        "health": str(account.health),
        "last_error": account.last_error,
        "is_sandbox": account.is_sandbox,
        "webhook_url": selectors.webhook_url(account),
    }


@router.post(
    "/channel-accounts", auth=bearer("channels:write"), response={201: AccountOut}, summary="Create an account"
)
@idempotent
def create_account(request: HttpRequest, body: AccountIn) -> Any:
    """Nothing is called: wrong credentials show at the first send, as the account's `health`."""
    account = services.accounts.create(body.provider, body.name, body.settings, request.auth)  # type: ignore[attr-defined]
    return Status(201, _out(account))


@router.get("/channel-accounts", auth=bearer("channels:read"), response=AccountsOut, summary="List accounts")
def list_accounts(request: HttpRequest, cursor: str = "", limit: int = 100) -> Any:
    """Every account, oldest first."""
    return page_of(selectors.accounts(), request, _out)


@router.get("/channel-accounts/{id}", auth=bearer("channels:read"), response=AccountOut, summary="Read an account")
def read_account(request: HttpRequest, id: str) -> Any:
    """One account with its health."""
    return _out(selectors.account(id))
