"""How a publication's state is told: a word, a sign and a colour, never a colour alone."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.planning.selectors import LATE
from campaigns.planning.states import PublicationState as State


@dataclass(frozen=True, slots=True)
class Status:
    """One way a publication may stand. `icon` is one of Wagtail's; the colour hangs on `key` in the style sheet."""

    key: str
    label: str | Promise
    icon: str
    hint: str | Promise


STATUSES = {
    status.key: status
    for status in (
        Status(State.PLANNED, _("Planned"), "edit", _("An intention. Submit it when it is ready.")),
        Status(State.SUBMITTED, _("Submitted"), "user", _("Waits for a reviewer's approval.")),
        Status(State.APPROVED, _("Approved"), "check", _("Approved. Schedule it and it will go.")),
        Status(State.SCHEDULED, _("Scheduled"), "time", _("Will go out at its moment.")),
        Status(State.LIVE, _("Live"), "upload", _("Going out now.")),
        Status(State.PAUSED, _("Paused"), "minus", _("Stopped by a person; can go on.")),
        Status(State.HELD, _("Held"), "lock", _("Waits for a person to look at it.")),
        Status(State.DONE, _("Done"), "circle-check", _("Has gone out.")),
        Status(LATE, _("Late"), "history", _("Its moment has passed and it has not gone out.")),
        Status(State.FAILED, _("Failed"), "circle-xmark", _("Could not be sent.")),
        Status(State.CANCELLED, _("Cancelled"), "cross", _("Will not go out.")),
    )
}

CHANNEL_ICONS = {"email": "mail", "social": "globe", "push": "mobile-alt"}
