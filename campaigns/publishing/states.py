"""The lives of a run, a chunk and a delivery, as data."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.transitions import Machine


class RunState(models.TextChoices):
    """Where one wave stands."""

    WAITING = "waiting", _("waiting for its moment")
    FREEZING = "freezing", _("freezing the audience")
    LIVE = "live", _("live")
    PAUSED = "paused", _("paused")
    HELD = "held", _("held")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    FAILED = "failed", _("failed")


R = RunState

RUN = Machine(
    "state",
    {
        "freeze": {R.WAITING: R.FREEZING},
        "start": {R.FREEZING: R.LIVE},
        "pause": {R.LIVE: R.PAUSED},
        "resume": {R.PAUSED: R.LIVE},
        "hold": {R.WAITING: R.HELD, R.LIVE: R.HELD, R.FREEZING: R.HELD},
        "release": {R.HELD: R.WAITING},
        "release_live": {R.HELD: R.LIVE},
        "cancel": {
            R.WAITING: R.CANCELLED,
            R.FREEZING: R.CANCELLED,
            R.LIVE: R.CANCELLED,
            R.PAUSED: R.CANCELLED,
            R.HELD: R.CANCELLED,
        },
        "finish": {R.LIVE: R.DONE},
        # A person has something sent again that had been in doubt.
        "reopen": {R.DONE: R.LIVE},
        "fail": {R.FREEZING: R.FAILED, R.LIVE: R.FAILED},
    },
)


class DeliveryState(models.TextChoices):
    """Where one recipient's copy stands. The order of the ledger's sum."""

    PENDING = "pending", _("pending")
    CLAIMED = "claimed", _("claimed")
    ATTEMPTING = "attempting", _("being sent")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")
    SKIPPED = "skipped", _("skipped")
    UNKNOWN = "unknown", _("unknown")
    UNCONFIRMED = "unconfirmed", _("unconfirmed")


D = DeliveryState

DELIVERY = Machine(
    "state",
    {
        # `claimed` is what a chunk under lease has not reached yet. It is derived from the chunk (design decision 0002):
        # no row is ever written as `claimed`, so that leasing a chunk costs one row and not a thousand.
        "attempt": {D.PENDING: D.ATTEMPTING},
        "accept": {D.ATTEMPTING: D.ACCEPTED},
        "reject": {D.ATTEMPTING: D.REJECTED, D.PENDING: D.REJECTED},
        "retry": {D.ATTEMPTING: D.PENDING},
        "skip": {D.PENDING: D.SKIPPED},
        "lose": {D.ATTEMPTING: D.UNKNOWN},
        # Evidence: a provider's event, a replay, reading back, the journal, or a person.
        "prove_accepted": {D.UNKNOWN: D.ACCEPTED, D.UNCONFIRMED: D.ACCEPTED, D.ATTEMPTING: D.ACCEPTED},
        # A provider may take a message and then say that it dropped it: also that is a rejection, whichever news is first.
        "prove_rejected": {
            D.UNKNOWN: D.REJECTED,
            D.UNCONFIRMED: D.REJECTED,
            D.ATTEMPTING: D.REJECTED,
            D.ACCEPTED: D.REJECTED,
        },
        # The same refusal to several unlike domains is the account's: these were surely not sent, and wait with it.
        "reconsider": {D.REJECTED: D.PENDING},
        # The journal of the same machine and boot shows that the provider was never called.
        "never_started": {D.ATTEMPTING: D.PENDING},
        "give_up": {D.UNKNOWN: D.UNCONFIRMED},
        # Only a person may, and the log says who: it can make a duplicate.
        "send_again": {D.UNKNOWN: D.PENDING, D.UNCONFIRMED: D.PENDING},
    },
)

SETTLED = frozenset({D.ACCEPTED, D.REJECTED, D.SKIPPED, D.UNCONFIRMED})
"""States in which nothing more will happen by itself."""


class Feedback(models.TextChoices):
    """What providers' events have said of a delivery, in rising order: a later one in this list is never taken back."""

    SENT = "sent", _("sent on")
    DEFERRED = "deferred", _("deferred")
    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced")
    DROPPED = "dropped", _("dropped")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    COMPLAINED = "complained", _("complained")


class ChunkState(models.TextChoices):
    """Where a range of deliveries stands."""

    OPEN = "open", _("open")
    LEASED = "leased", _("leased")
    DONE = "done", _("done")


class ClosingState(models.TextChoices):
    """Where the closing of an address stands that a provider called dead."""

    WAITING = "waiting", _("waits for the fuse")
    CLOSED = "closed", _("closed")
    LET_BE = "let_be", _("left open")
    REOPENED = "reopened", _("opened again")
