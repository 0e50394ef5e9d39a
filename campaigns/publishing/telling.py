"""A publication in words: the steps it goes, where it stands and what to do next, what may be done with it and by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.planning import quiet
from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.states import PUBLICATION
from campaigns.planning.states import PublicationState as State
from campaigns.publishing import permissions, reasons, selectors
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import publications
from campaigns.publishing.states import DeliveryState
from channels.base import Channel
from core.models import User

CHANNEL_ICONS = {Channel.EMAIL: "mail", Channel.SOCIAL: "globe", Channel.PUSH: "mobile-alt"}


# --- Verbs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verb:
    """Something people do with a publication."""

    name: str
    label: str | Promise
    question: str | Promise
    explains: str | Promise
    wanted: tuple[str, ...]
    icon: str
    tone: str = ""
    only_in: frozenset[str] = frozenset()
    sends: bool = False
    done: str | Promise = ""

    def is_open(self, publication: Publication) -> bool:
        """Whether the state allows it."""
        if self.only_in:
            return publication.state in self.only_in
        return PUBLICATION.allows(publication.state, self.name)


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            "submit",
            gettext_lazy("Submit for approval"),
            gettext_lazy("Ask for approval?"),
            gettext_lazy("A reviewer looks at it and approves it or sends it back. Until then you can take it back."),
            permissions.PLAN,
            "resubmit",
            done=gettext_lazy("Submitted. A reviewer finds it under Approvals."),
        ),
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy("Approve exactly this?"),
            gettext_lazy(
                "Approving seals it: these words, pictures, prices and links are what goes out, whatever is edited later. "
                "Nothing is sent until somebody schedules it."
            ),
            permissions.APPROVE,
            "check",
            done=gettext_lazy("Approved and sealed. It goes out once somebody schedules it."),
        ),
        Verb(
            "reject",
            gettext_lazy("Send back"),
            gettext_lazy("Send it back to its author?"),
            gettext_lazy("It becomes a plan again. Your reason stands at the top of it."),
            permissions.APPROVE,
            "arrow-left",
            tone="secondary",
            done=gettext_lazy("Sent back with your reason."),
        ),
        Verb(
            "schedule",
            gettext_lazy("Schedule"),
            gettext_lazy("Let it go out?"),
            gettext_lazy("It goes out by itself at its moment. Until then, and while it runs, it can be paused."),
            permissions.SEND,
            "time",
            sends=True,
            done=gettext_lazy("Scheduled. It goes out by itself."),
        ),
        Verb(
            "resume",
            gettext_lazy("Resume"),
            gettext_lazy("Go on sending?"),
            gettext_lazy("It goes on where it stopped. Nobody gets it twice."),
            permissions.SEND,
            "arrow-right-full",
            only_in=frozenset({State.PAUSED}),
            sends=True,
            done=gettext_lazy("Resumed: it goes on where it stopped."),
        ),
        Verb(
            "release",
            gettext_lazy("Release"),
            gettext_lazy("Let it go after all?"),
            gettext_lazy("You have looked at why it was held, and it still makes sense. It goes on at once."),
            permissions.SEND,
            "lock-open",
            only_in=frozenset({State.HELD}),
            sends=True,
            done=gettext_lazy("Released: it goes on."),
        ),
        Verb(
            "pause",
            gettext_lazy("Pause"),
            gettext_lazy("Pause it?"),
            gettext_lazy(
                "Nothing new is sent after a few seconds. What is in the air arrives. You can resume it later."
            ),
            permissions.SEND,
            "minus",
            tone="secondary",
            done=gettext_lazy("Paused. Nothing new is sent until somebody resumes it."),
        ),
        Verb(
            "withdraw",
            gettext_lazy("Take back"),
            gettext_lazy("Take it back to the plan?"),
            gettext_lazy("It can be changed then, and needs approval again before it goes out."),
            permissions.PLAN,
            "edit",
            tone="secondary",
            done=gettext_lazy("Taken back: it is a plan again and can be changed."),
        ),
        Verb(
            "cancel",
            gettext_lazy("Cancel it"),
            gettext_lazy("Cancel it for good?"),
            gettext_lazy("This cannot be undone. Whoever has not got it yet will not get it."),
            permissions.SEND,
            "cross",
            tone="danger",
            done=gettext_lazy("Cancelled. Nothing more of it is sent."),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A verb that the state allows, and whether this person may; otherwise a sentence that says who may."""

    verb: Verb
    allowed: bool
    why_not: str = ""


def offered(publication: Publication, user: User) -> list[Offered]:
    """What can be done with it now, for this person. What the rights do not allow at all is not shown, but approving is
    explained: whoever waits for it wants to know for whom."""
    found = []
    own = user.pk in permissions.authors_of(publication)
    for verb in VERBS.values():
        if not verb.is_open(publication):
            continue
        allowed = permissions.may(user, verb.wanted)
        if verb.name == "approve" and (own or not allowed):
            found.append(Offered(verb, False, who_approves(publication, own=own)))
        elif allowed and not (verb.name == "submit" and publications.problems(publication)):
            found.append(Offered(verb, True))
    return found


def name_of(user: User | None) -> str:
    """What colleagues call somebody."""
    return (user.get_full_name() or user.username) if user else ""


def who_approves(publication: Publication, *, own: bool) -> str:
    """A sentence that names the people who may approve."""
    people = list(permissions.approvers_of(publication)[:4])
    if not people:
        return _("Nobody else may approve yet. Ask an administrator to give a colleague the Reviewers role.")
    names = ", ".join(name_of(person) for person in people[:3])
    if len(people) > 3:
        names = _("%(names)s and others") % {"names": names}
    if own:
        return _("You planned or submitted this, so somebody else approves it: %(names)s.") % {"names": names}
    return _("It waits for one of the reviewers: %(names)s.") % {"names": names}


# --- Where it stands -------------------------------------------------------------------------------------------------

STEPS = (State.PLANNED, State.SUBMITTED, State.APPROVED, State.SCHEDULED, State.LIVE, State.DONE)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way. `mark` is ``done``, ``now``, ``stopped`` or ``ahead``."""

    label: str
    mark: str


def steps(publication: Publication) -> list[Step]:
    """The way of a publication; what is paused, held, cancelled or failed stands at the step it had come to."""
    aside = publication.state not in STEPS
    at = STEPS.index(_reached(publication) if aside else State(publication.state))
    found = []
    for number, state in enumerate(STEPS):
        if number < at or (number == at and state == State.DONE):
            mark = "done"
        elif number == at:
            mark = "stopped" if aside else "now"
        else:
            mark = "ahead"
        label = publication.get_state_display() if mark == "stopped" else state.label
        found.append(Step(str(label), mark))
    return found


def _reached(publication: Publication) -> State:
    if publication.runs.filter(started_at__isnull=False).exists():
        return State.LIVE
    if publication.runs.exists() or publication.state in {State.HELD, State.FAILED, State.PAUSED}:
        return State.SCHEDULED
    if publication.seals.exists():
        return State.APPROVED
    return State.SUBMITTED if publication.submitted_by_id else State.PLANNED


def status_line(publication: Publication, ledger: Mapping[str, int]) -> str:
    """Where it stands, and what is to be done next, in a sentence or two."""
    reason = reasons.words(publication.state_reason)
    match publication.state:
        case State.PLANNED if reason:
            return _("Sent back: “%(reason)s” Change it and submit it again.") % {"reason": reason}
        case State.PLANNED:
            return _("A plan: nothing is sent. Submit it for approval when it is complete.")
        case State.SUBMITTED:
            return _("Waits for approval.")
        case State.APPROVED:
            return _("Approved, but not scheduled: nothing goes out until somebody schedules it.")
        case State.SCHEDULED:
            due = selectors.next_due(publication)
            return _("Goes out by itself: %(when)s.") % {"when": shown(due)} if due else _("Goes out by itself.")
        case State.LIVE:
            waiting = selectors.next_due(publication)
            if waiting and not ledger["pending"] + ledger["claimed"] + ledger["attempting"]:
                return _("Between two waves: the next one starts %(when)s.") % {"when": shown(waiting)}
            return _("Going out now.")
        case State.PAUSED:
            return _("A person paused it. Resume it, or cancel it for good.")
        case State.HELD:
            return _("Held: %(reason)s") % {"reason": reason}
        case State.DONE if doubts := ledger["unknown"] + ledger["unconfirmed"]:
            return ngettext(
                "Has gone out. Of %(count)d copy nobody knows whether it arrived: look at it under In doubt.",
                "Has gone out. Of %(count)d copies nobody knows whether they arrived: look at them under In doubt.",
                doubts,
            ) % {"count": doubts}
        case State.DONE:
            return _("Has gone out. Everyone it was for is accounted for below.")
        case State.CANCELLED:
            return _("Cancelled. Nothing more of it is sent.")
        case _:
            return _("Could not be sent. %(reason)s") % {"reason": reason}


def tone(publication: Publication) -> str:
    """How the state is dressed: ``calm``, ``good``, ``busy``, ``warn`` or ``bad``."""
    return {
        State.SCHEDULED: "good",
        State.DONE: "good",
        State.LIVE: "busy",
        State.PAUSED: "warn",
        State.HELD: "warn",
        State.FAILED: "bad",
        State.CANCELLED: "bad",
    }.get(State(publication.state), "calm")


# --- When ------------------------------------------------------------------------------------------------------------


def shown(instant: datetime | None) -> str:
    """An instant on the viewer's own clock, with its zone named."""
    if instant is None:
        return ""
    local = timezone.localtime(instant)
    return f"{_day(local)}, {local:%H:%M} ({timezone.get_current_timezone_name()})"


def _day(day: date) -> str:
    return f"{date_format(day, 'D')} {date_format(day, 'DATE_FORMAT')}"


@dataclass(frozen=True, slots=True)
class When:
    """The moment as it was planned, and how it reads on the viewer's clock (empty when that is the same)."""

    planned: str
    here: str = ""
    quiet: str = ""


def when(publication: Publication) -> When:
    """The moment of a publication in words, and what quiet hours make of it."""
    return replace(_planned(publication), quiet=_quiet(publication))


def _quiet(publication: Publication) -> str:
    found = quiet.put_off(publication)
    if found is None:
        return ""
    (start, end), goes = found
    told = {"market": publication.stage.campaign.market, "start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
    if isinstance(goes, datetime):
        told["goes"] = shown(goes)
        return _("In the quiet hours of %(market)s (%(start)s–%(end)s): it goes at their end, %(goes)s.") % told
    told["goes"] = f"{_day(goes[0])}, {goes[1]:%H:%M}"
    return (
        _(
            "In the quiet hours of %(market)s (%(start)s–%(end)s): it goes at their end on every customer's own clock, %(goes)s."
        )
        % told
    )


def _planned(publication: Publication) -> When:
    moment = Moment.of(publication)
    if moment.kind == Publication.Moment.NOW:
        return When(_("As soon as it is scheduled"))
    day = _day(moment.day) if moment.day else _("day open")
    at = moment.at.strftime("%H:%M") if moment.at else _("time open")
    bounds = moment.bounds()
    if moment.kind == Publication.Moment.LOCAL:
        planned = _("%(day)s, %(time)s on every customer's own clock") % {"day": day, "time": at}
        if bounds is None:
            return When(planned)
        return When(
            planned,
            _("Around the world from %(first)s to %(last)s") % {"first": shown(bounds[0]), "last": shown(bounds[1])},
        )
    planned = f"{day}, {at} ({moment.zone})"
    same = moment.zone == timezone.get_current_timezone_name()
    return When(planned, _("On your clock: %(when)s") % {"when": shown(bounds[0])} if bounds and not same else "")


# --- One recipient ---------------------------------------------------------------------------------------------------

_EVENTS: Mapping[str, str | Promise] = {
    "frozen": gettext_lazy("The audience was frozen, with this recipient in it."),
    "accepted": gettext_lazy("The provider took it."),
    "rejected": gettext_lazy("The provider refused it."),
    "retry": gettext_lazy("The provider asked to try again later."),
    "ambiguous": gettext_lazy("The provider's answer was lost: nobody knows whether it was sent."),
    "lost": gettext_lazy("The worker was lost in the middle: nobody knows whether it was sent."),
    "queued": gettext_lazy("The provider queued it."),
    "sent": gettext_lazy("The provider sent it on."),
    "delivered": gettext_lazy("The recipient's mail server or device took it."),
    "deferred": gettext_lazy("The recipient's mail server asked the provider to try again later."),
    "bounced": gettext_lazy("It bounced: the recipient's side did not take it."),
    "failed": gettext_lazy("The provider could not send it."),
    "opened": gettext_lazy("It was opened."),
    "clicked": gettext_lazy("A link in it was clicked."),
    "complained": gettext_lazy("The recipient marked it as spam. The address is closed now."),
    "unsubscribed": gettext_lazy("The recipient unsubscribed. The address is closed now."),
}


def verdict(delivery: Delivery) -> str:
    """Why did, or didn't, they get it: one sentence."""
    why = reasons.words(delivery.reason)
    match delivery.state:
        case DeliveryState.ACCEPTED if delivery.feedback == "bounced":
            return _("The provider took it, and then it bounced.")
        case DeliveryState.ACCEPTED:
            return _("It was sent: the provider took it.")
        case DeliveryState.SKIPPED:
            return _("It was not sent: %(why)s.") % {"why": why}
        case DeliveryState.REJECTED:
            return _("It was not sent: %(why)s.") % {"why": why or _("the provider refused it")}
        case DeliveryState.PENDING if delivery.attempts_made:
            return _("Not yet: it is tried again soon.")
        case DeliveryState.PENDING | DeliveryState.CLAIMED:
            return _("Not yet: it waits for its turn.")
        case DeliveryState.ATTEMPTING:
            return _("It is being sent right now.")
        case DeliveryState.UNKNOWN:
            return _("Nobody knows: %(why)s. The provider's reports may still tell.") % {"why": why}
        case _:
            return _("Nobody knows: %(why)s, and no report came. A person has to decide.") % {"why": why}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened to a delivery."""

    at: datetime
    words: str
    detail: str


def history(delivery: Delivery) -> Sequence[Line]:
    """Everything that happened to a delivery, in sentences."""
    return [_line(entry) for entry in selectors.history(delivery)]


def _line(entry: Mapping[str, Any]) -> Line:
    kind, detail = entry["kind"], entry["detail"]
    if kind == "skipped":
        return Line(entry["at"], _("It was skipped: %(why)s.") % {"why": reasons.words(detail)}, "")
    if kind == "attempt":
        return Line(entry["at"], _("Try number %(number)s began.") % {"number": detail}, "")
    return Line(entry["at"], str(_EVENTS.get(kind, kind)), detail)
