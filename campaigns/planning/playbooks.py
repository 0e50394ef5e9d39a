"""Playbooks: the stages a kind of campaign usually has, as offsets from its anchor."""

from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.planning.models import Campaign, Stage
from campaigns.planning.occasions import Occasion


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a playbook: first and last day, inclusive, counted from the anchor."""

    kind: str
    name: str | Promise
    start_offset: int
    end_offset: int


@dataclass(frozen=True, slots=True)
class Playbook:
    """Steps around one day. For an occasion that lasts, what comes after its day is counted from its last day."""

    key: str
    name: str | Promise
    base: tuple[Step, ...]

    def steps(self, occasion: Occasion) -> tuple[Step, ...]:
        """The stages for `occasion`: steps after the day are put off until its window is over, as a whole."""
        tail = max((occasion.last - occasion.day).days, 0)
        if not tail:
            return self.base
        call = next((step for step in self.base if step.kind == Stage.Kind.LAST_CALL), None)
        more = max(tail - (call.end_offset if call else 0), 0)
        stretched = []
        for step in self.base:
            if step.kind == Stage.Kind.LAUNCH and call is not None and step.start_offset >= 0:
                # A sale of many days (a golden week, Ramadan) runs until its last call begins.
                stretched.append(replace(step, end_offset=call.start_offset + more - 1))
            elif step.start_offset > 0:
                stretched.append(
                    replace(step, start_offset=step.start_offset + more, end_offset=step.end_offset + more)
                )
            else:
                stretched.append(step)
        return tuple(stretched)


K = Stage.Kind

HOLIDAY_SALE = Playbook(
    "holiday_sale",
    _("Holiday sale"),
    (
        Step(K.WARM_UP, _("Warm-up"), -14, -1),
        Step(K.LAUNCH, _("Launch"), 0, 1),
        Step(K.LAST_CALL, _("Last call"), 2, 3),
        Step(K.THANK_YOU, _("Thank-you"), 4, 7),
        Step(K.REVIEW, _("Review"), 8, 14),
    ),
)

BIG_SALE = Playbook(
    "theme_sale",
    _("Sale with a peak day"),
    (
        Step(K.WARM_UP, _("Warm-up"), -14, -4),
        Step(K.LAUNCH, _("Launch"), -3, -1),
        Step(K.PEAK, _("Peak"), 0, 0),
        Step(K.LAST_CALL, _("Last call"), 1, 2),
        Step(K.THANK_YOU, _("Thank-you"), 3, 6),
        Step(K.REVIEW, _("Review"), 7, 14),
    ),
)

MEMBER_DAY = Playbook(
    "member_day",
    _("Member day"),
    (
        Step(K.WARM_UP, _("Announcement"), -5, -1),
        Step(K.LAUNCH, _("Member day"), 0, 0),
        Step(K.THANK_YOU, _("Thank-you"), 1, 3),
        Step(K.REVIEW, _("Review"), 4, 10),
    ),
)

CONTENT = Playbook(
    "content",
    _("Content series"),
    (
        Step(K.WARM_UP, _("Teaser"), -7, -1),
        Step(K.LAUNCH, pgettext_lazy("stage", "Publication"), 0, 13),
        Step(K.REVIEW, _("Review"), 14, 20),
    ),
)

_BY_KIND = {
    Campaign.Kind.HOLIDAY_SALE: HOLIDAY_SALE,
    Campaign.Kind.THEME_SALE: BIG_SALE,
    Campaign.Kind.BRAND_COOP: BIG_SALE,
    Campaign.Kind.MEMBER_DAY: MEMBER_DAY,
    Campaign.Kind.CONTENT: CONTENT,
}


def of(kind: str) -> Playbook:
    """The playbook of a kind of campaign; a holiday sale's for everything without one of its own."""
    return _BY_KIND.get(Campaign.Kind(kind), HOLIDAY_SALE)
