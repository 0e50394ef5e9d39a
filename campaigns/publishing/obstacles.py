"""What keeps a publication from going on, in sentences with a next step and who can take it.

The publication's page, the calendar, ``GET publications/{id}`` and the panel on the first page all ask here, so that they
never say different things.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState as State
from campaigns.publishing import reasons
from campaigns.publishing.models import Run
from campaigns.publishing.states import RunState
from channels.models import ChannelAccount
from core import clock, obstacles
from core.obstacles import Obstacle

WANTS_TO_GO = frozenset({State.APPROVED, State.SCHEDULED, State.LIVE, State.PAUSED, State.HELD})
"""States in which something may stand in the way: before, it is a plan; afterwards, it is over."""

Health = ChannelAccount.Health


def of(publication: Publication) -> list[Obstacle]:
    """What stands in the way of one publication; empty when nothing does."""
    return of_all([publication])[publication.pk]


def of_all(publications: Iterable[Publication]) -> dict[int, list[Obstacle]]:
    """The same for many, by primary key: what stands in everybody's way is asked for once. Takes two queries at most when
    the rows bring their `account` along."""
    rows = list(publications)
    concerned = [row for row in rows if row.state in WANTS_TO_GO]
    found: dict[int, list[Obstacle]] = {row.pk: [] for row in rows}
    if not concerned:
        return found
    standing = obstacles.standing()
    held_runs = _held_runs(concerned)
    for row in concerned:
        found[row.pk] = [
            *standing,
            *_of_the_hold(row, standing),
            *_of_the_account(row),
            *_of_the_waves(row, held_runs.get(row.pk, [])),
        ]
    return found


def sentences(found: Iterable[Obstacle]) -> list[str]:
    """Each as one line of text."""
    return [str(one) for one in found]


@dataclass(frozen=True, slots=True)
class Shown:
    """An obstacle on a screen: `url` leads those who may mend it there; `line` is all of it as text."""

    obstacle: Obstacle
    url: str

    @property
    def line(self) -> str:
        """As one line of text."""
        return str(self.obstacle)


def shown_to(user: Any, found: Iterable[Obstacle]) -> list[Shown]:
    """As one person sees them: a link only where it lets them in."""
    return [
        Shown(one, one.address if one.permission and user is not None and user.has_perm(one.permission) else "")
        for one in found
    ]


# --- One kind each ---------------------------------------------------------------------------------------------------


def _of_the_hold(publication: Publication, standing: list[Obstacle]) -> list[Obstacle]:
    if publication.state != State.HELD:
        return []
    if publication.state_reason == "installation":
        if any(one.code == "held" for one in standing):
            return []  # that says it already
        return [
            Obstacle(
                code="publication_held",
                sentence=_("It was held while this installation looked like a copy."),
                step=_("It goes on by itself now that the installation is confirmed."),
                passes=True,
            )
        ]
    return [
        Obstacle(
            code="publication_held",
            sentence=_("Held: %(reason)s") % {"reason": reasons.words(publication.state_reason)},
            who=_("Whoever may send can release it."),
        )
    ]


def _of_the_account(publication: Publication) -> list[Obstacle]:
    account = publication.account
    if account is None:
        return [
            Obstacle(
                code="account_missing",
                sentence=_("It has no channel account any more."),
                step=_("Take it back to the plan and choose another one."),
                who=_("Whoever may plan can do that."),
            )
        ]
    if account.health == Health.FIX_SETTINGS:
        return [
            Obstacle(
                code="account_needs_attention",
                sentence=_("The account “%(account)s” needs attention: %(why)s")
                % {
                    "account": account.name,
                    "why": _ended(account.last_error) or _("the provider let nothing through."),
                },
                step=_("Mend its settings; it is tried again every minute, and nothing is lost meanwhile."),
                who=_("An administrator can do that."),
                address=_address("channels_account:edit", account.pk),
                permission="channels.change_channelaccount",
            )
        ]
    if account.health == Health.WAITING:
        return [_waits(account)]
    return []


def _waits(account: ChannelAccount) -> Obstacle:
    why = _ended(account.last_error) or _("the provider asked to wait.")
    until = account.blocked_until
    if until is not None and until > clock.now():
        sentence = _("The account “%(account)s” waits for its provider until %(when)s: %(why)s")
    else:
        sentence = _("The account “%(account)s” waits for its provider: %(why)s")
    return Obstacle(
        code="account_waits",
        sentence=sentence % {"account": account.name, "when": _at(until), "why": why},
        step=_("It is tried again by itself; nobody has to do anything."),
        address=_address("channels_account:edit", account.pk),
        permission="channels.change_channelaccount",
        passes=True,
    )


def _of_the_waves(publication: Publication, runs: list[Run]) -> list[Obstacle]:
    if publication.state == State.HELD:
        return []  # every run of it is held for the same reason
    return [
        Obstacle(
            code="wave_held",
            sentence=_("The wave of %(when)s is held: %(reason)s")
            % {"when": _at(run.due_at), "reason": reasons.words(run.state_reason)},
            who=_("Whoever may send can release it."),
        )
        for run in runs
    ]


def _held_runs(publications: list[Publication]) -> dict[int, list[Run]]:
    found: dict[int, list[Run]] = {}
    for run in Run.objects.filter(publication__in=publications, state=RunState.HELD).order_by("due_at", "pk"):
        found.setdefault(run.publication_id, []).append(run)
    return found


def _ended(sentence: str) -> str:
    sentence = sentence.strip()
    return sentence if not sentence or sentence[-1] in ".!?。！？" else f"{sentence}."


def _at(instant: datetime | None) -> str:
    return date_format(timezone.localtime(instant), "SHORT_DATETIME_FORMAT") if instant else ""


def _address(name: str, *arguments: object) -> str:
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
