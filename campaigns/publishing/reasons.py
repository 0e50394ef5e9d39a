"""Why a delivery, a run or a publication stands where it stands: stable codes, and the sentence people read."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DELIVERY_REASONS: dict[str, Promise] = {
    "no_address": _("has no address on this channel"),
    "invalid_address": _("the address no longer works"),
    "same_address": _("somebody else in this audience has the same address, or had it in an earlier wave"),
    "no_consent": _("did not agree to marketing on this channel, or withdrew"),
    "suppressed": _("the address is closed: unsubscribed, bounced or complained"),
    "erased": _("the contact was erased"),
    "wave_passed": _("the moment had passed in this time zone"),
    "cancelled": _("the publication was cancelled before"),
    "endpoint": _("the provider says that this address does not exist"),
    "refused": _("the provider refused this message"),
    "render": _("a personal field could not be put into the message"),
    "gave_up": _("the provider put it off too often"),
    "blocked": _("the provider took it; the recipient's server refuses the sender"),
    "bounced": _("the provider took it; the address does not exist"),
    "dropped": _("the provider took it and then dropped it"),
    "no_answer": _("the provider's answer was lost: it may have been sent"),
    "worker_lost": _("the worker was lost in mid-air: it may have been sent"),
    "event": _("the provider's events prove it"),
    "person": _("a person decided it"),
    "journal": _("the worker's journal proves it"),
    "later": _("the provider asked to try later"),
    "account": _("the account needs attention"),
    "duplicate": _("the provider has it already: the first try had arrived"),
}

HOLD_REASONS: dict[str, Promise] = {
    "overdue": _("It missed its moment by too long. Look whether it still makes sense, then release or cancel it."),
    "interrupted": _("Sending stood still for too long. Look whether it still makes sense, then release or cancel it."),
    "clock": _(
        "The clock jumped by more than an hour. Look whether it is right now, then release or cancel it: releasing says "
        "that it is."
    ),
    "installation": _(
        "This database looks like a copy or its address changed. Confirm it under Reports → Installation."
    ),
    "order": _("Account, audience or moment changed after the approval. Cancel it, or put it back and release it."),
    "seal": _("The sealed message is no longer what was approved. Cancel it and plan it anew."),
    "fuse_bounces": _(
        "The fuse stopped it: too many addresses do not exist. Look at the list, then release or cancel."
    ),
    "fuse_blocked": _(
        "The fuse stopped it: too many servers refuse the sender. Look at the account and its reputation, then release or "
        "cancel."
    ),
    "fuse_complaints": _("The fuse stopped it: too many complaints. Look at the message, then release or cancel."),
    "fuse_render": _("Too many messages could not be made. Look at the personal fields, then release or cancel."),
    "fuse_doubts": _(
        "The fuse stopped it: the provider leaves many messages without an answer. Look at the account and at In doubt, "
        "then release or cancel."
    ),
    "doubts": _(
        "The provider left many messages without an answer; they may or may not have arrived. Decide about them under "
        "In doubt, or release it to leave it at that. Reports of the provider that prove them let it go on by itself."
    ),
    "reconcile": _("The ledger does not add up. Run manage.py audit_ledger before anything else."),
    "failed": _("The audience could not be frozen. Look at the audience's rules, then release or cancel."),
}

RUN_REASONS: dict[str, Promise] = {"quiet": _("put off to the end of the market's quiet hours")}


def words(code: str) -> str:
    """The sentence for a code; what is no code (a reviewer's own words) stays as it is."""
    known = DELIVERY_REASONS.get(code) or HOLD_REASONS.get(code) or RUN_REASONS.get(code)
    return str(known) if known is not None else code
