"""Stored secrets under the present key: what is renewed, what stays, what no key opens."""

import pytest
from django.core.management import CommandError, call_command

from channels import registry, settings_of
from channels.models import ChannelAccount
from channels.services import accounts
from core import crypto

pytestmark = pytest.mark.django_db
OLD, NEW = "old-key-" + "o" * 50, "new-key-" + "n" * 50
SMTP = {
    "host": "127.0.0.1",
    "port": 2525,
    "security": "none",
    "from_email": "news@shop.example",
    "password": "canary",
    "username": "u",
}


def password(account):
    account.refresh_from_db()
    return settings_of.opened(account, registry.provider_class("smtp")).password


def test_secrets_move_to_the_present_key_once(settings, capsys):
    settings.SECRET_KEY = OLD
    account = accounts.create("smtp", "Shop", SMTP, None)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    before = account.sealed_settings
    call_command("rotate_keys", "--check")
    assert "0 stored secrets are under the present key; 1 open with a former key only." in capsys.readouterr().out
    account.refresh_from_db()
    assert account.sealed_settings == before
    call_command("rotate_keys")
    assert "1 were encrypted anew" in capsys.readouterr().out
    settings.SECRET_KEY_FALLBACKS = []
    assert password(account) == "canary"
    call_command("rotate_keys")
    assert "1 stored secrets are under the present key; 0 were" in capsys.readouterr().out


def test_what_no_key_opens_is_named_and_left(settings):
    settings.SECRET_KEY = OLD
    account = accounts.create("smtp", "Shop", SMTP, None)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, []
    for options in (["--check"], []):
        with pytest.raises(CommandError, match=f"No key that is set opens channels.ChannelAccount:{account.pk}"):
            call_command("rotate_keys", *options)
    settings.SECRET_KEY_FALLBACKS = [OLD]
    assert password(account) == "canary"


def test_a_row_that_somebody_saves_meanwhile_stays_theirs(settings, monkeypatch):
    settings.SECRET_KEY = OLD
    account = accounts.create("smtp", "Shop", SMTP, None)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    encrypt = crypto.encrypt_json

    def somebody_is_faster(value, *, bound_to):
        ChannelAccount.objects.update(sealed_settings=encrypt({**SMTP, "password": "theirs"}, bound_to=bound_to))
        return encrypt(value, bound_to=bound_to)

    monkeypatch.setattr(crypto, "encrypt_json", somebody_is_faster)
    crypto.rotate()
    assert password(account) == "theirs"
