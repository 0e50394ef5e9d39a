"""Campaigns: open one, from an occasion or bare; change it; move its anchor with everything that hangs on it."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.audiences.models import Audience
from campaigns.planning import occasions, playbooks
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.selectors import default_market, publications_of
from campaigns.planning.services import moves, stages, targets
from campaigns.promotions.models import Offer
from core import clock
from core.errors import Conflict, Invalid
from core.models import Market, User

FIELDS = frozenset({"name", "kind", "objective", "owner", "audience", "offers", "budget_minor", "starts_on", "ends_on"})


def create(
    name: str,
    *,
    market: Market | None = None,
    anchor: "date | str | occasions.Occasion | None" = None,
    kind: str = Campaign.Kind.OTHER,
    slug: str = "",
    objective: str = "",
    owner: User | None = None,
    audience: Audience | None = None,
    offers: Iterable[Offer] = (),
    budget_minor: int | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    by: User | None,
) -> Campaign:
    """Open a campaign without stages.

    `anchor` is a date, or the key of an occasion in the market's country (``black-friday``, the next one that is not over,
    or ``black-friday:2027``). Raises `Invalid` when the name is empty, the occasion is unknown or the days make no sense.
    """
    name = name.strip()
    if not name:
        raise Invalid(_("A campaign needs a name, for example “Black Friday 2026”."), field="name")
    market = market or default_market()
    day, occasion = _anchor(market, anchor)
    check_days(starts_on, ends_on, day)
    with transaction.atomic():
        campaign = Campaign.objects.create(
            name=name[:200],
            slug=free_slug(slug or name),
            kind=kind,
            market=market,
            objective=objective,
            owner=owner or by,
            audience=audience,
            anchor_date=day,
            anchor_occasion=occasion,
            budget_minor=budget_minor,
            starts_on=starts_on,
            ends_on=ends_on,
            created_by=by,
        )
        campaign.offers.set(offers)
        log(campaign, "almanac.open", user=by)
    return campaign


def from_occasion(
    occasion: "occasions.Occasion | str",
    *,
    market: Market,
    year: int | None = None,
    name: str = "",
    kind: str = Campaign.Kind.HOLIDAY_SALE,
    playbook: "playbooks.Playbook | None" = None,
    goals: Mapping[str, int] | None = None,
    by: User | None,
    **fields: Any,
) -> Campaign:
    """Open a campaign on an occasion with the stages of its playbook, in one go.

    `goals` are targets of the whole campaign by metric; `fields` are those of `create`.
    """
    if isinstance(occasion, str):
        occasion = occasions.find(market.country, occasion, year, today=clock.now().date())
    playbook = playbook or playbooks.of(kind)
    with transaction.atomic():
        campaign = create(
            name or f"{occasion.name} {occasion.day.year}",
            market=market,
            anchor=occasion,
            kind=kind,
            by=by,
            **fields,
        )
        for step in playbook.steps(occasion):
            stages.add(
                campaign,
                str(step.name),
                kind=step.kind,
                start_offset=step.start_offset,
                end_offset=step.end_offset,
                by=by,
            )
        for metric, value in (goals or {}).items():
            targets.set(campaign, metric, value, by=by)
    return campaign


def edit(campaign: Campaign, *, by: User | None, **changes: Any) -> Campaign:
    """Change what does not move anything; `changes` are any of `FIELDS`. The anchor has its own verb."""
    if unknown := changes.keys() - FIELDS:
        raise TypeError(f"a campaign has no {', '.join(sorted(unknown))}")
    with transaction.atomic():
        offers = changes.pop("offers", None)
        for name, value in changes.items():
            setattr(campaign, name, value)
        if changes.keys() & {"starts_on", "ends_on"}:
            check_days(campaign.starts_on, campaign.ends_on, campaign.anchor_date)
        if changes:
            campaign.save(update_fields=list(changes))
        if offers is not None:
            campaign.offers.set(offers)
        log(campaign, "almanac.edit_plan", user=by, data={"fields": sorted(changes)})
    return campaign


def move_anchor(
    campaign: Campaign,
    to: date | str,
    by: User | None,
    *,
    expected: date | None = None,
    again: bool = True,
) -> moves.MoveReport:
    """Move the anchor to another day or occasion; every publication that has not started goes along.

    Raises `Conflict` when the anchor is no longer `expected`, or, with ``again=False``, when something would need approval
    again (code ``approval_again``). A campaign without an anchor gets one, and nothing moves.
    """
    with transaction.atomic():
        current = Campaign.objects.select_for_update(of=("self",)).select_related("market").get(pk=campaign.pk)
        if expected is not None and current.anchor_date != expected:
            raise Conflict(
                _("Somebody else moved the anchor of “%(campaign)s” meanwhile. Look at it again.")
                % {"campaign": current},
                code="changed_meanwhile",
            )
        day, occasion = _anchor(current.market, to)
        assert day is not None
        days = (day - current.anchor_date).days if current.anchor_date else 0
        publications = _dependents(current)
        stages.ask_first(moves.preview(publications, days), again)
        current.anchor_date, current.anchor_occasion = day, occasion
        for name in ("starts_on", "ends_on"):
            if bound := getattr(current, name):
                setattr(current, name, bound + timedelta(days=days))
        current.save(update_fields=["anchor_date", "anchor_occasion", "starts_on", "ends_on"])
        report = moves.apply(publications, days, by)
        log(current, "almanac.move_anchor", user=by, data={"to": day.isoformat(), "days": days})
    campaign.refresh_from_db()
    return report


def preview_anchor(campaign: Campaign, to: date) -> moves.MoveReport:
    """What `move_anchor` would do."""
    days = (to - campaign.anchor_date).days if campaign.anchor_date else 0
    return moves.preview(publications_of(campaign), days)


def check_days(first: date | None, last: date | None, anchor: date | None) -> None:
    """Raise `Invalid` for days that leave out the anchor's, or that end before they begin."""
    if first and last and last < first:
        raise Invalid(_("The last day is before the first day."), field="ends_on")
    if anchor and ((first and first > anchor) or (last and last < anchor)):
        raise Invalid(
            _("The anchor, %(day)s, is always one of the campaign's days.")
            % {"day": date_format(anchor, "DATE_FORMAT")},
            field="starts_on" if first and first > anchor else "ends_on",
        )


def free_slug(text: str) -> str:
    """A slug made of `text` that no campaign has yet."""
    base = slugify(text)[:90] or "campaign"
    slug, number = base, 2
    while Campaign.objects.filter(slug=slug).exists():
        slug, number = f"{base}-{number}", number + 1
    return slug


def _anchor(market: Market, anchor: "date | str | occasions.Occasion | None") -> tuple[date | None, str]:
    if anchor is None or anchor == "":
        return None, ""
    if isinstance(anchor, occasions.Occasion):
        return anchor.day, anchor.key
    if isinstance(anchor, date):
        return anchor, ""
    try:
        return date.fromisoformat(anchor), ""
    except ValueError:
        pass
    key, _sep, year = anchor.partition(":")
    if year and not year.isdecimal():
        raise Invalid(_("An anchor is a date or an occasion, for example 2026-11-27 or black-friday."), field="anchor")
    occasion = occasions.find(market.country, key, int(year) if year else None, today=clock.now().date())
    return occasion.day, occasion.key


def _dependents(campaign: Campaign) -> list[Publication]:
    return list(publications_of(campaign).select_for_update(of=("self",)).order_by("pk"))
