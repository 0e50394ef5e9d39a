"""Publications as a plan: make one, change it, move it."""

from datetime import date, time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.audiences.models import Audience
from campaigns.planning import withdrawals
from campaigns.planning.models import Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.selectors import stage_window
from campaigns.planning.services import moves
from campaigns.planning.states import EDITABLE, PUBLICATION
from channels.base import Channel
from channels.models import ChannelAccount
from cms import selectors as cms
from core import clock, hours
from core.errors import Conflict, Invalid
from core.models import User

FIELDS = frozenset(
    {"stage", "title", "content_kind", "content_key", "channel", "account", "audience", "moment", "owner"}
)


def plan(
    stage: Stage,
    channel: str,
    content_kind: str = "",
    content_key: UUID | None = None,
    account: ChannelAccount | None = None,
    audience: Audience | None = None,
    moment: Moment | None = None,
    *,
    title: str = "",
    owner: User | None = None,
    by: User | None,
) -> Publication:
    """Put a publication into `stage`. Everything but the channel may still be open: a bare plan is a plan.

    Raises `Invalid` when the parts do not fit: an account of another channel, content that does not exist, a zone nobody
    knows. Without a moment it is planned for the first day of the stage, at the market's first good hour.
    """
    publication = Publication(stage=stage, channel=channel, owner=owner or by, created_by=by)
    values: dict[str, Any] = {
        "content_kind": content_kind,
        "content_key": content_key,
        "account": account,
        "audience": audience,
        "moment": moment or usual_moment(stage),
        "title": title,
    }
    _assign(publication, values)
    with transaction.atomic():
        publication.save()
        log(publication, "almanac.plan", user=by)
    return publication


def edit(publication: Publication, *, by: User | None, version: int | None = None, **changes: Any) -> Publication:
    """Change a planned publication; `changes` are any of `FIELDS`.

    Raises `Conflict` when somebody else changed it since `version`, or when it is no longer planned (withdraw it first).
    """
    if unknown := changes.keys() - FIELDS:
        raise TypeError(f"a publication has no {', '.join(sorted(unknown))}")
    with transaction.atomic():
        current = _locked(publication, version)
        if current.state not in EDITABLE:
            if PUBLICATION.allows(current.state, "withdraw"):
                raise Conflict(
                    _("“%(title)s” is %(state)s. Withdraw it first; then change it and submit it again.")
                    % {"title": current, "state": current.get_state_display()},
                    code=f"publication_{current.state}",
                )
            raise moves.refusal(current)
        _assign(current, changes)
        current.version += 1
        current.save()
        log(current, "almanac.edit_plan", user=by, data={"fields": sorted(changes)})
    _refresh(publication)
    return publication


def move(
    publication: Publication,
    to_date: date,
    to_time: time | None = None,
    *,
    by: User | None,
    zone: str = "",
    version: int | None = None,
    again: bool = True,
) -> moves.MoveReport:
    """Move one publication to another day, and to another time where one is given.

    `zone` says in whose clock `to_date` and `to_time` are meant; without it, in the publication's own. What was submitted,
    approved or scheduled goes back to planned; with ``again=False`` that raises `Conflict` (code ``approval_again``) instead,
    so that a screen can ask first. Raises `Conflict` when it has started, or changed since `version`.
    """
    with transaction.atomic():
        current = _locked(publication, version)
        if current.moment_kind == Publication.Moment.NOW:
            raise Invalid(
                _("This goes out as soon as it is scheduled. Give it a day and a time first."), field="moment"
            )
        day, at = to_date, to_time if to_time is not None else current.moment_time
        if zone and current.moment_kind == Publication.Moment.AT and at is not None:
            own = clock.instant(day, at, zone).astimezone(clock.zone(current.moment_zone or "UTC"))
            day, at = own.date(), own.time()
        before = (current.moment_date, current.moment_time)
        if (day, at) == before:
            return moves.MoveReport(0, (), (), ())
        was_planned = current.state in EDITABLE
        if not was_planned and not PUBLICATION.allows(current.state, "withdraw"):
            raise moves.refusal(current)
        if not was_planned and not again:
            raise Conflict(
                _(
                    "“%(title)s” is %(state)s. Moving it takes that back: it needs approval again, for its new moment only."
                )
                % {"title": current, "state": current.get_state_display()},
                code="approval_again",
            )
        days = (day - before[0]).days if before[0] else 0
        current.moment_time = at
        current.save(update_fields=["moment_time"])
        moves.shift(current, day, by)
        log(current, "almanac.move", user=by, data={"from": _words(*before), "to": _words(day, at)})
    _refresh(publication)
    return moves.MoveReport(days, (publication,), () if was_planned else (publication,), ())


def take_back(publication: Publication, *, by: User | None, version: int | None = None) -> Publication:
    """Withdraw what was submitted, approved or scheduled, so that it can be changed. Raises `Conflict` once it started."""
    with transaction.atomic():
        current = _locked(publication, version)
        if not withdrawals.withdraw(current, by):
            raise moves.refusal(current)
        log(current, "almanac.take_back", user=by)
    _refresh(publication)
    return publication


def remove(publication: Publication, *, by: User | None) -> None:
    """Delete a bare plan. Raises `Conflict` for what was ever submitted: cancel that, so that its history stays."""
    with transaction.atomic():
        current = _locked(publication, None)
        if current.state not in EDITABLE or current.submitted_by_id:
            raise Conflict(_("“%(title)s” has a history. Cancel it instead of deleting it.") % {"title": current})
        log(current, "almanac.remove", user=by, title=str(current))
        current.delete()


def usual_moment(stage: Stage) -> Moment:
    """The first day of the stage at the market's first good hour, by its clock; an open day where the stage has none."""
    first, _last = stage_window(stage)
    market = stage.campaign.market
    return Moment.fixed(first, hours.first_good(market.good_hours, market.quiet), market.timezone)


def _assign(publication: Publication, values: dict[str, Any]) -> None:
    values = dict(values)
    moment = values.pop("moment", None)
    if moment is not None:
        for name, value in moment.checked().fields().items():
            setattr(publication, name, value)
    for name, value in values.items():
        setattr(publication, name, value)
    _check(publication)


def _check(publication: Publication) -> None:
    if publication.channel not in list(Channel):
        raise Invalid(_("“%(channel)s” is no channel.") % {"channel": publication.channel}, field="channel")
    account = publication.account
    if account is not None and account.channel != publication.channel:
        raise Invalid(
            _("“%(account)s” is an account for %(its)s, not for %(channel)s.")
            % {
                "account": account.name,
                "its": account.get_channel_display(),
                "channel": publication.get_channel_display(),
            },
            field="account",
        )
    if publication.channel == Channel.SOCIAL:
        # A post is public: whoever follows the account sees it.
        publication.audience = None
    if bool(publication.content_kind) != bool(publication.content_key):
        raise Invalid(_("Content is named by its kind and its key together."), field="content")
    if publication.content_key:
        if cms.find(publication.content_kind, publication.content_key) is None:
            raise Invalid(_("This content does not exist. Choose a page or a message."), field="content")
        publication.title = publication.title or cms.title(publication.content_kind, publication.content_key)[:200]


def _locked(publication: Publication, version: int | None) -> Publication:
    current = (
        Publication.objects.select_for_update(of=("self",))
        .select_related("stage__campaign__market", "account")
        .get(pk=publication.pk)
    )
    if version is not None and current.version != version:
        raise Conflict(
            _("Somebody else changed “%(title)s” meanwhile. Look at it again, then repeat your change.")
            % {"title": current},
            code="changed_meanwhile",
        )
    return current


def _refresh(publication: Publication) -> None:
    publication.refresh_from_db()


def _words(day: date | None, at: time | None) -> str:
    return f"{day.isoformat() if day else '–'} {at.isoformat('minutes') if at else ''}".strip()
