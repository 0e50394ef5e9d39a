"""Reads."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from channels import registry, settings_of
from channels.base import Capabilities, Provider
from channels.models import ChannelAccount
from channels.wire.sender import default_sender
from core.errors import FixSettings, Missing


def account(public_id: str) -> ChannelAccount:
    """The account with this public id; raises `Missing`."""
    try:
        return ChannelAccount.objects.get(public_id=UUID(public_id))
    except (ChannelAccount.DoesNotExist, ValueError) as error:
        raise Missing("There is no such channel account.") from error


def accounts(channel: str = "") -> QuerySet[ChannelAccount]:
    """Every account, or those of one channel."""
    rows = ChannelAccount.objects.all()
    return rows.filter(channel=channel) if channel else rows


def capabilities(account: ChannelAccount) -> Capabilities:
    """What the account's provider can do."""
    return registry.provider_class(account.provider).capabilities


def sender(account: ChannelAccount) -> tuple[str, str]:
    """Name and address that e-mail of this account comes from when the message names none."""
    stored = settings_of.opened(account, registry.provider_class(account.provider))
    return getattr(stored, "from_name", "") or "", getattr(stored, "from_email", "") or default_sender()


def shown_settings(account: ChannelAccount) -> dict[str, Any]:
    """The settings without their secrets: a secret is None when unset and an empty text when set."""
    kind = registry.provider_class(account.provider)
    stored = asdict(settings_of.opened(account, kind))
    return {
        field.name: ("" if stored[field.name] else None) if field.metadata.get("secret") else stored[field.name]
        for field in kind.setting_fields()
    }


def webhook_url(account: ChannelAccount) -> str:
    """Where the account's provider sends its events; empty when it sends none."""
    if not capabilities(account).events and not _listens(account):
        return ""
    return f"{settings.ALMANAC_BASE_URL}/hooks/{account.public_id}/"


def _listens(account: ChannelAccount) -> bool:
    """Whether the settings ask for a webhook that not every account of the provider has; asks no provider without such."""
    kind = registry.provider_class(account.provider)
    if kind.listens is Provider.listens:
        return False
    try:
        provider = registry.open_provider(account)
    except FixSettings:  # what cannot be opened takes no events either
        return False
    try:
        return provider.listens()
    finally:
        provider.close()


def sandbox_in_use() -> bool:
    """Whether some account points at the sandbox."""
    return ChannelAccount.objects.filter(is_sandbox=True).exists()
