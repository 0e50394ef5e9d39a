"""Channel accounts that point at the sandbox."""

from pathlib import Path

from django.conf import settings

from channels import selectors
from channels.models import ChannelAccount
from channels.sandbox import control, server
from channels.sandbox.keys import kept
from channels.services import accounts
from core.models import User

NAMES = {
    "smtp": "Shop e-mail (SMTP)",
    "sendgrid": "Shop e-mail (SendGrid)",
    "x": "@hearthandlinen on X",
    "fcm": "Hearth & Linen app",
}
SENDERS = {
    "from_name": "Hearth & Linen",
    "from_email": "news@hearthandlinen.example",
}


def ensure(smtp_port: int, http_port: int, by: User | None, *, folder: Path | None = None) -> dict[str, ChannelAccount]:
    """The four accounts by provider (smtp, sendgrid, x, fcm), made or brought up to date with these ports.

    Tells the sandbox, which must be running, where to post SendGrid's events. Raises `core.errors.TryLater` when it does
    not answer.
    """
    folder = folder or server.home(settings.ALMANAC_HOME)
    keys = kept(folder / server.KEYS_FILE)
    found: dict[str, ChannelAccount] = {}
    for provider, name in NAMES.items():
        given = keys.account_settings(provider, smtp_port=smtp_port, http_port=http_port)
        if provider in {"smtp", "sendgrid"}:
            given |= SENDERS
        account = ChannelAccount.objects.filter(provider=provider, is_sandbox=True).order_by("pk").first()
        if account is None:
            account = accounts.create(provider, name, given, by, is_sandbox=True)
        else:
            accounts.change(account, account.name, given, by)
        found[provider] = account
    control.call(http_port, "settings", {"sendgrid_webhook": selectors.webhook_url(found["sendgrid"])})
    return found
