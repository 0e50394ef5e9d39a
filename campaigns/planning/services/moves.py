"""Moving what hangs on an anchor or a stage: everything that has not started goes along by the same number of days.

A publication that was submitted, approved or scheduled goes back to planned, because its order (whom, when) must be approved
again; its words need no new approval as long as they stay as they are. What has started stays where it is and is reported.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.planning import withdrawals
from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION
from campaigns.planning.states import PublicationState as State
from core.errors import Conflict
from core.models import User


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What a move does, or did: `days`, what goes along, which of that needs approval again, and what stays.

    `stayed` are conflicts: they have started (or are held or paused) and keep their day although the plan around them moved.
    """

    days: int
    moved: tuple[Publication, ...]
    withdrawn: tuple[Publication, ...]
    stayed: tuple[Publication, ...]

    def sentence(self) -> str:
        """The report for people, after the move."""
        return self._words(
            ngettext("%(count)d publication moved.", "%(count)d publications moved.", len(self.moved)),
            ngettext(
                "%(count)d stayed where it is, because it has started or is held.",
                "%(count)d stayed where they are, because they have started or are held.",
                len(self.stayed),
            ),
        )

    def promise(self) -> str:
        """The report for people, before the move."""
        return self._words(
            ngettext("%(count)d publication moves along.", "%(count)d publications move along.", len(self.moved)),
            ngettext(
                "%(count)d stays where it is, because it has started or is held.",
                "%(count)d stay where they are, because they have started or are held.",
                len(self.stayed),
            ),
        )

    def steps(self) -> list[tuple[Publication, date, bool]]:
        """What goes along in a preview: the publication, its new day, and whether it needs approval again."""
        return [
            (publication, publication.moment_date + timedelta(days=self.days), publication in self.withdrawn)
            for publication in self.moved
            if publication.moment_date is not None
        ]

    def _words(self, moved: str, stayed: str) -> str:
        parts = [moved % {"count": len(self.moved)}]
        if self.withdrawn:
            parts.append(
                ngettext(
                    "%(count)d of them needs approval again.",
                    "%(count)d of them need approval again.",
                    len(self.withdrawn),
                )
                % {"count": len(self.withdrawn)}
            )
        if self.stayed:
            parts.append(stayed % {"count": len(self.stayed)})
        return " ".join(parts)


def preview(publications: Iterable[Publication], days: int) -> MoveReport:
    """What moving `publications` by `days` would do. Items without a day have nothing to move; cancelled ones are left."""
    moved, withdrawn, stayed = [], [], []
    for publication in publications:
        if publication.moment_date is None or publication.state == State.CANCELLED or days == 0:
            continue
        if publication.state == State.PLANNED:
            moved.append(publication)
        elif PUBLICATION.allows(publication.state, "withdraw"):
            moved.append(publication)
            withdrawn.append(publication)
        else:
            stayed.append(publication)
    return MoveReport(days, tuple(moved), tuple(withdrawn), tuple(stayed))


def apply(publications: Iterable[Publication], days: int, by: User | None) -> MoveReport:
    """Move `publications` by `days`. Call it in a transaction, with the rows locked."""
    report = preview(publications, days)
    for publication in report.moved:
        assert publication.moment_date is not None
        shift(publication, publication.moment_date + timedelta(days=days), by)
    return report


def shift(publication: Publication, to_day: date, by: User | None) -> None:
    """Give one publication another day, withdrawing it first where that is needed."""
    if publication.state != State.PLANNED:
        reason = _("Moved to %(day)s after it was approved or submitted: submit it again.") % {
            "day": date_format(to_day, "DATE_FORMAT")
        }
        if not withdrawals.withdraw(publication, by, reason):
            raise refusal(publication)
    publication.moment_date = to_day
    publication.version += 1
    publication.save(update_fields=["moment_date", "version"])


def refusal(publication: Publication) -> Conflict:
    """Why a publication in its state cannot be moved or edited, and what to do instead."""
    sentences = {
        State.LIVE: _("“%(title)s” is going out now. Pause or cancel it; a moved copy is a new publication."),
        State.PAUSED: _("“%(title)s” is paused. Resume or cancel it first."),
        State.HELD: _("“%(title)s” is held. Release or cancel it first."),
        State.DONE: _("“%(title)s” has gone out and stays where it is. Plan a new publication instead."),
        State.FAILED: _("“%(title)s” has failed and stays where it is. Plan a new publication instead."),
        State.CANCELLED: _("“%(title)s” is cancelled. Plan a new publication instead."),
    }
    changed = _("“%(title)s” changed meanwhile. Look at it again.")
    sentence = sentences.get(State(publication.state), changed)
    return Conflict(sentence % {"title": publication}, code=f"publication_{publication.state}")
