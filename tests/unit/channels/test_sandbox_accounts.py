"""The demo's accounts: found again, moved to other ports, and really able to send."""

import json

import pytest

from channels import registry, selectors
from channels.base import EmailPart, Job, NullFlight, PostPart, PushPart, Result
from channels.models import ChannelAccount
from channels.sandbox.accounts import NAMES, ensure
from core.errors import TryLater
from core.texts import Text

pytestmark = pytest.mark.django_db

PARTS = {
    "smtp": EmailPart(Text(("Linen",)), Text(("<p>now</p>",)), Text(("now",)), "Shop", "news@shop.example"),
    "x": PostPart("Linen days"),
    "fcm": PushPart(Text(("Linen",)), Text(("now",)), Text(("https://shop.example/",))),
}
PARTS["sendgrid"] = PARTS["smtp"]
ADDRESSES = {"smtp": "anna@mail.example", "sendgrid": "anna@mail.example", "x": "", "fcm": "device-1"}


def test_every_account_is_a_sandbox_and_sends(sandbox, owner):
    for slug, account in sandbox.accounts(owner).items():
        assert account.is_sandbox and account.name == NAMES[slug]
        provider = registry.open_provider(account)
        job = Job(f"ref-{slug}", ADDRESSES[slug], PARTS[slug])
        (outcome,) = provider.send([job], NullFlight())
        provider.close()
        assert outcome.result == Result.ACCEPTED, outcome
        (arrival,) = sandbox.arrivals(slug)
        assert arrival.ref == ("" if slug == "x" else f"ref-{slug}")


def test_it_is_done_once_and_follows_the_ports(sandbox, owner):
    first = sandbox.accounts(owner)
    again = sandbox.accounts(owner)
    assert {slug: account.pk for slug, account in first.items()} == {slug: it.pk for slug, it in again.items()}
    assert ChannelAccount.objects.count() == 4
    moved = ensure(2525, sandbox.http_port, owner, folder=sandbox.folder)
    assert selectors.shown_settings(moved["smtp"])["port"] == 2525
    again = json.dumps(sandbox.control("GET", "state"))
    assert selectors.webhook_url(first["sendgrid"]) in again


def test_a_sandbox_that_does_not_run_is_told(sandbox, owner):
    sandbox.kill()
    with pytest.raises(TryLater, match="not running"):
        sandbox.accounts(owner)
    sandbox.start()
