"""Trying an account: its sign-in, or one message to an address of one's own."""

from datetime import timedelta
from html import escape

from django.utils.translation import gettext as _
from wagtail.log_actions import log

from channels import registry
from channels.base import Blame, Channel, EmailPart, Job, NullFlight, Outcome, Part, PushPart, Result
from channels.models import ChannelAccount
from channels.services.health import note_health
from core.errors import FixSettings, Invalid
from core.ids import uuid7
from core.models import User
from core.texts import Text

Health = ChannelAccount.Health
TRIAL_SECONDS = 30.0


def check(account: ChannelAccount) -> str:
    """Sign in without sending; answers a sentence and notes the account's health.

    Raises `FixSettings` or `TryLater` with what to do, `Missing` when the provider offers nothing to try.
    """
    provider = registry.open_provider(account)
    provider.deadline = TRIAL_SECONDS
    try:
        said = provider.check()
    except FixSettings as error:
        note_health(account, Health.FIX_SETTINGS, detail=error.message)
        raise
    finally:
        provider.close()
    note_health(account, Health.OK)
    return said


def send_test(account: ChannelAccount, address: str, by: User | None) -> Outcome:
    """Send one message to `address` (an e-mail address or a device token) and return what became of it.

    Raises `Invalid` for accounts whose messages would be public, and for an empty address.
    """
    if account.channel == Channel.SOCIAL.value:
        raise Invalid(_("A test on this account would be a public post. Try the sign-in instead."))
    if not address.strip():
        raise Invalid(_("Say where the test shall go."))
    provider = registry.open_provider(account)
    provider.deadline = TRIAL_SECONDS
    try:
        (outcome,) = provider.send([Job(f"test-{uuid7()}", address.strip(), _part(account))], NullFlight())
    finally:
        provider.close()
    if outcome.blame in {Blame.ACCOUNT, Blame.POLICY}:
        note_health(account, Health.FIX_SETTINGS, detail=outcome.detail)
    elif outcome.result == Result.ACCEPTED:
        note_health(account, Health.OK)
    log(instance=account, action="almanac.account.test", user=by, data={"result": outcome.result.value})
    return outcome


def _part(account: ChannelAccount) -> Part:
    title = _("A test from Almanac")
    words = _("If you can read this, the account “%(name)s” works.") % {"name": account.name}
    if account.channel == Channel.PUSH.value:
        return PushPart(Text.of(title), Text.of(words), Text.of(""), ttl=timedelta(minutes=10))
    return EmailPart(Text.of(title), Text.of(f"<p>{escape(words)}</p>"), Text.of(words), "", "")
