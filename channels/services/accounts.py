"""Accounts at providers: made, changed, tried."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from channels import registry, settings_of
from channels.base import Provider
from channels.models import ChannelAccount
from channels.services.health import note_health
from core.errors import Invalid
from core.models import User

Health = ChannelAccount.Health


def create(
    provider: str,
    name: str,
    settings: Mapping[str, Any],
    by: User | None,
    *,
    is_sandbox: bool = False,
) -> ChannelAccount:
    """A new account. Raises `Invalid` naming the setting that is wrong, `Missing` for an unknown provider.

    Nothing is called: whether the provider takes the credentials shows `check`, or the first send.
    """
    kind = registry.provider_class(provider)
    account = ChannelAccount(
        name=_name(name),
        provider=kind.slug,
        channel=kind.capabilities.channel.value,
        is_sandbox=is_sandbox,
        created_by=by,
    )
    settings_of.seal(account, settings_of.read(kind, settings))
    with transaction.atomic():
        account.save()
        log(instance=account, action="almanac.account.create", user=by)
    return account


def change(account: ChannelAccount, name: str, settings: Mapping[str, Any], by: User | None) -> ChannelAccount:
    """Change name and settings. A secret that is left out or empty stays as it was; the account counts as mended."""
    kind = registry.provider_class(account.provider)
    account.name = _name(name)
    settings_of.seal(account, settings_of.read(kind, _with_kept_secrets(kind, account, settings)))
    with transaction.atomic():
        account.save(update_fields=["name", "sealed_settings"])
        note_health(account, Health.OK)
        log(instance=account, action="almanac.account.change", user=by)
    return account


def _with_kept_secrets(kind: type[Provider], account: ChannelAccount, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    stored = asdict(settings_of.opened(account, kind))
    kept = dict(settings)
    for field in kind.setting_fields():
        names = [field.name, *field.metadata.get("aliases", ())]
        if field.metadata.get("secret") and not any(kept.get(name) for name in names):
            for name in names:
                kept.pop(name, None)
            kept[field.name] = stored.get(field.name)
    return kept


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid(_("Give the account a name, so that people can tell it from others."), field="name")
    if len(name) > 120:
        raise Invalid(_("A name has at most 120 characters."), field="name")
    return name
