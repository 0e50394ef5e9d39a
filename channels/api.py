"""Channel accounts over HTTP."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from channels import registry, selectors, services
from channels.base import Channel, Result
from channels.models import ChannelAccount
from channels.services import trials
from core.api import In, Router, Status, bearer, given, idempotent
from core.api_lists import Filter, listing
from core.errors import AlmanacError, FixSettings, Invalid, Missing

router = Router(tags=["channels"])


class AccountIn(In):
    """A new account. Which settings there are depends on the provider; unknown ones are refused."""

    provider: str = Field(max_length=40, examples=["smtp"])
    name: str = Field(min_length=1, max_length=120, examples=["Newsletter"])
    settings: dict[str, Any] = Field(examples=[{"host": "relay.example", "port": 587, "security": "starttls"}])


class AccountPatch(In):
    """What shall change. `settings` are merged with what is stored; a secret that is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=120)
    settings: dict[str, Any] | None = None


class TestIn(In):
    """Where the test message goes: an address of your own, or a device token. Without it only the sign-in is tried."""

    to: str | None = Field(None, max_length=4096, examples=["you@shop.example"])


class TestOut(Schema):
    """What the test found: whether it went well, and a sentence."""

    ok: bool
    detail: str
    health: ChannelAccount.Health


class AccountOut(Schema):
    """An account without its secrets."""

    id: str
    provider: str
    name: str
    channel: Channel
    health: ChannelAccount.Health
    last_error: str
    is_sandbox: bool
    webhook_url: str
    settings: dict[str, Any] = Field(description="As stored; a secret is null when unset and an empty text when set.")
    created_at: datetime
    updated_at: datetime


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
        "settings": _settings(account),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def _settings(account: ChannelAccount) -> dict[str, Any]:
    try:
        return selectors.shown_settings(account)
    except FixSettings:  # sealed with a key that is gone: the account's health says it
        return {}


@router.post(
    "/channel-accounts", auth=bearer("channels:write"), response={201: AccountOut}, summary="Create an account"
)
@idempotent
def create_account(request: HttpRequest, body: AccountIn) -> Any:
    """Nothing is called: wrong credentials show at the first send, as the account's `health`."""
    try:
        registry.provider_class(body.provider)
    except Missing as error:
        raise Invalid(error.message, field="provider") from error
    account = services.accounts.create(body.provider, body.name, body.settings, request.auth)  # type: ignore[attr-defined]
    return Status(201, _out(account))


listing(
    router,
    "/channel-accounts",
    "channels:read",
    AccountOut,
    selectors.accounts,
    _out,
    filters={
        "channel": Filter("channel", "The medium.", Channel),
        "provider": Filter("provider", "The integration, such as smtp."),
        "health": Filter("health", "What the last calls said.", ChannelAccount.Health),
    },
    search=("name",),
)


@router.get("/channel-accounts/{id}", auth=bearer("channels:read"), response=AccountOut, summary="Read an account")
def read_account(request: HttpRequest, id: str) -> Any:
    """One account with its health."""
    return _out(selectors.account(id))


@router.patch("/channel-accounts/{id}", auth=bearer("channels:write"), response=AccountOut, summary="Change an account")
@idempotent
def change_account(request: HttpRequest, id: str, body: AccountPatch) -> Any:
    """Only what the body names changes. The account counts as mended afterwards."""
    account = selectors.account(id)
    asked = given(body)
    settings = _merged(account, asked.get("settings", {}))
    return _out(services.accounts.change(account, asked.get("name", account.name), settings, request.auth))  # type: ignore[attr-defined]


def _merged(account: ChannelAccount, told: dict[str, Any]) -> dict[str, Any]:
    """What is stored, without secrets, and over it what was told, by whichever of a setting's names."""
    kept = {name: value for name, value in selectors.shown_settings(account).items() if value not in (None, "")}
    for field in registry.provider_class(account.provider).setting_fields():
        if told.keys() & {field.name, *field.metadata.get("aliases", ())}:
            kept.pop(field.name, None)
    return {**kept, **told}


@router.post("/channel-accounts/{id}/test", auth=bearer("channels:write"), response=TestOut, summary="Test an account")
@idempotent(atomic=False)
def test_account(request: HttpRequest, id: str, body: TestIn) -> Any:
    """Try the sign-in, or send one message to an address of yours. What is found stands in the answer, not in its status."""
    account = selectors.account(id)
    try:
        if body.to is None:
            ok, detail = True, trials.check(account)
        else:
            outcome = trials.send_test(account, body.to, request.auth)  # type: ignore[attr-defined]
            ok, detail = outcome.result == Result.ACCEPTED, outcome.detail
    except Invalid:
        raise
    except AlmanacError as error:
        ok, detail = False, error.message
    account.refresh_from_db()
    return {"ok": ok, "detail": detail, "health": account.health}
