"""Providers, found by their modules: one file in ``channels/providers/`` is one provider."""

import importlib
import pkgutil
from functools import cache

from channels import providers
from channels.base import Provider
from channels.models import ChannelAccount
from channels.settings_of import opened
from core.errors import Missing


@cache
def _found() -> dict[str, type[Provider]]:
    classes: dict[str, type[Provider]] = {}
    for module in pkgutil.iter_modules(providers.__path__):
        loaded = importlib.import_module(f"{providers.__name__}.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, Provider) and value.__module__ == loaded.__name__:
                classes[value.slug] = value
    return dict(sorted(classes.items()))


def all_providers() -> list[type[Provider]]:
    """Every provider class, by slug."""
    return list(_found().values())


def provider_class(slug: str) -> type[Provider]:
    """The provider called `slug`; raises `Missing` with the names there are."""
    try:
        return _found()[slug]
    except KeyError as error:
        raise Missing(f"There is no provider “{slug}”. Known are: {', '.join(_found())}.") from error


def register(provider: type[Provider]) -> None:
    """Add a provider that stands outside ``channels/providers/``: a plug-in's, or the one in the documentation."""
    _found()[provider.slug] = provider


def unregister(slug: str) -> None:
    """Take a registered provider away again."""
    _found().pop(slug, None)


def open_provider(account: ChannelAccount) -> Provider:
    """The account's provider with its settings decrypted. Close it when done; it may hold connections."""
    kind = provider_class(account.provider)
    return kind(opened(account, kind))
