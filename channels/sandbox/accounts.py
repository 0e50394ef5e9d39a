"""Channel accounts that point at the sandbox."""

from typing import Any

from channels import selectors
from channels.models import ChannelAccount
from channels.sandbox.keys import Keys
from channels.sandbox.server import folder
from channels.sandbox.store import Store
from channels.services import accounts
from core.models import User

SENDGRID_KEY = "SG.sandbox"


def settings_for(smtp_port: int, http_port: int, keys: Keys) -> dict[str, dict[str, Any]]:
    """Provider settings for a sandbox on these ports, by provider."""
    base_url = f"http://127.0.0.1:{http_port}"
    return {
        "smtp": {"host": "127.0.0.1", "port": smtp_port, "security": "none"},
        "sendgrid": {"api_key": SENDGRID_KEY, "base_url": base_url, "webhook_public_key": keys.events_public},
        "x": {
            "consumer_key": "sandbox",
            "consumer_secret": "sandbox",
            "access_token": "1-sandbox",
            "access_token_secret": "sandbox",
            "base_url": base_url,
        },
        "fcm": {
            "project_id": "almanac-sandbox",
            "service_account": keys.service_account("almanac-sandbox", f"{base_url}/token"),
            "base_url": base_url,
        },
    }


NAMES = {"smtp": "Mail server", "sendgrid": "SendGrid", "x": "X", "fcm": "App push"}


def sandbox_accounts(
    smtp_port: int,
    http_port: int,
    by: User | None = None,
    *,
    keys: Keys | None = None,
    store: Store | None = None,
) -> dict[str, ChannelAccount]:
    """The four accounts by provider, made or brought up to date with these ports. They carry the sandbox badge.

    SendGrid's events are set to come to this installation's webhook door.
    """
    given = settings_for(smtp_port, http_port, keys or Keys(folder()))
    found: dict[str, ChannelAccount] = {}
    for provider, settings in given.items():
        account = ChannelAccount.objects.filter(provider=provider, is_sandbox=True).order_by("pk").first()
        if account is None:
            account = accounts.create(provider, f"{NAMES[provider]} (sandbox)", settings, by, is_sandbox=True)
        else:
            accounts.change(account, account.name, settings, by)
        found[provider] = account
    url = selectors.webhook_url(found["sendgrid"])
    if store is not None:
        store.set_hook(SENDGRID_KEY, url)
    else:
        with Store(folder()) as opened:
            opened.set_hook(SENDGRID_KEY, url)
    return found
