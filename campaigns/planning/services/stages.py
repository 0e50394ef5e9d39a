"""Stages: add one, change its days, move it with everything that hangs on it."""

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.services import moves
from core.errors import Conflict, Invalid
from core.models import User

LIMIT = 3650
"""Ten years: offsets beyond are typing mistakes."""


def add(
    campaign: Campaign,
    name: str,
    *,
    kind: str = Stage.Kind.OTHER,
    start_offset: int | None = None,
    end_offset: int | None = None,
    by: User | None,
) -> Stage:
    """Add a stage after the others. Offsets count days from the anchor; without them it spans the campaign."""
    name = name.strip()
    if not name:
        raise Invalid(_("A stage needs a name, for example “Warm-up”."), field="name")
    start_offset, end_offset = check_days(start_offset, end_offset)
    with transaction.atomic():
        last = campaign.stages.aggregate(last=Max("position"))["last"]
        stage = Stage.objects.create(
            campaign=campaign,
            name=name[:120],
            kind=kind,
            position=0 if last is None else last + 1,
            start_offset=start_offset,
            end_offset=end_offset,
        )
        log(campaign, "almanac.add_stage", user=by, data={"stage": stage.name})
    return stage


def edit(
    stage: Stage,
    *,
    name: str,
    kind: str,
    start_offset: int | None,
    end_offset: int | None,
    by: User | None,
) -> moves.MoveReport:
    """Change a stage's name and days. When its first day changes, what hangs on it moves along by the same days."""
    start_offset, end_offset = check_days(start_offset, end_offset)
    with transaction.atomic():
        current = Stage.objects.select_for_update().get(pk=stage.pk)
        days = 0
        if start_offset is not None and current.start_offset is not None:
            days = start_offset - current.start_offset
        current.name, current.kind = name.strip()[:120] or current.name, kind
        current.start_offset, current.end_offset = start_offset, end_offset
        current.save()
        report = moves.apply(_dependents(current), days, by)
        log(current.campaign, "almanac.edit_stage", user=by, data={"stage": current.name, "days": days})
    stage.refresh_from_db()
    return report


def move(
    stage: Stage, days: int, by: User | None, *, expected_start: int | None = None, again: bool = True
) -> moves.MoveReport:
    """Move a stage by `days`, and every publication in it that has not started.

    Raises `Conflict` when the stage no longer starts at `expected_start`, or, with ``again=False``, when something in it
    would need approval again (code ``approval_again``).
    """
    with transaction.atomic():
        current = Stage.objects.select_for_update().get(pk=stage.pk)
        if current.start_offset is None or current.end_offset is None:
            raise Invalid(
                _("“%(stage)s” spans the whole campaign. Give it a first and a last day before you move it.")
                % {"stage": current}
            )
        if expected_start is not None and current.start_offset != expected_start:
            raise Conflict(
                _("Somebody else moved “%(stage)s” meanwhile. Look at it again, then repeat your change.")
                % {"stage": current},
                code="changed_meanwhile",
            )
        check_days(current.start_offset + days, current.end_offset + days)
        publications = _dependents(current)
        ask_first(moves.preview(publications, days), again)
        current.start_offset += days
        current.end_offset += days
        current.save(update_fields=["start_offset", "end_offset"])
        report = moves.apply(publications, days, by)
        log(current.campaign, "almanac.move_stage", user=by, data={"stage": current.name, "days": days})
    stage.refresh_from_db()
    return report


def preview(stage: Stage, days: int) -> moves.MoveReport:
    """What `move` would do."""
    return moves.preview(stage.publications.select_related("stage__campaign__market"), days)


def remove(stage: Stage, *, by: User | None) -> None:
    """Delete an empty stage; raises `Conflict` while publications are in it."""
    with transaction.atomic():
        if stage.publications.exists():
            raise Conflict(_("“%(stage)s” has publications. Move or delete them first.") % {"stage": stage})
        log(stage.campaign, "almanac.remove_stage", user=by, data={"stage": stage.name})
        stage.delete()


def ask_first(report: moves.MoveReport, again: bool) -> None:
    """Refuse a move that takes back approvals unless the asker agreed to it."""
    if report.withdrawn and not again:
        raise Conflict(
            report.promise(), code="approval_again", moved=len(report.moved), withdrawn=len(report.withdrawn)
        )


def check_days(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """Both offsets or none; one alone is a single day. Raises `Invalid` when the last day is before the first."""
    if start is None and end is None:
        return None, None
    start = end if start is None else start
    end = start if end is None else end
    assert start is not None and end is not None
    if end < start:
        raise Invalid(_("The last day is before the first day."), field="end_offset")
    if max(abs(start), abs(end)) > LIMIT:
        raise Invalid(_("Days from the anchor must be within ten years."), field="start_offset")
    return start, end


def _dependents(stage: Stage) -> list[Publication]:
    return list(
        stage.publications.select_for_update(of=("self",)).select_related("stage__campaign__market").order_by("pk")
    )
