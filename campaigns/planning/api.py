"""The HTTP edge of this room: campaigns, stages, and publications as plans."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Schema

from campaigns.audiences.models import Audience, Segment
from campaigns.audiences.services import audiences
from campaigns.planning import contents
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.selectors import campaign_window, stage_window
from campaigns.planning.services import campaigns, publications, stages
from channels.models import ChannelAccount
from core.api import In, Router, Status, bearer, idempotent
from core.errors import Invalid, Missing
from core.models import Market

router = Router(tags=["planning"])


# --- Campaigns -------------------------------------------------------------------------------------------------------


class CampaignIn(In):
    """A new campaign. `anchor` is a date (``2026-11-27``) or an occasion (``black-friday``, ``black-friday:2027``)."""

    name: str
    market: str | None = Field(None, description="Code of a market; the default market when there is none.")
    anchor: str | None = None
    kind: str = Campaign.Kind.OTHER.value
    objective: str | None = None
    slug: str | None = None


class StageIn(In):
    """A new stage. Offsets are days from the anchor, inclusive; without them it spans the campaign."""

    name: str
    kind: str = Stage.Kind.OTHER.value
    start_offset: int | None = None
    end_offset: int | None = None


class StageOut(Schema):
    """A stage."""

    id: UUID
    campaign: UUID
    name: str
    kind: str
    start_offset: int | None
    end_offset: int | None
    starts_on: str | None
    ends_on: str | None


class CampaignOut(Schema):
    """A campaign with its stages."""

    id: UUID
    slug: str
    name: str
    kind: str
    market: str
    anchor_date: str | None
    anchor_occasion: str
    starts_on: str | None
    ends_on: str | None
    stages: list[StageOut]


@router.post("/campaigns", auth=bearer("campaigns:write"), response={201: CampaignOut})
@idempotent
def create_campaign(request: HttpRequest, data: CampaignIn) -> Any:
    """Open a campaign."""
    _choice(data.kind, Campaign.Kind.values, "kind")
    market = None
    if data.market:
        market = Market.objects.filter(code=data.market).first()
        if market is None:
            raise Invalid(f"There is no market with the code “{data.market}”.", field="market")
    campaign = campaigns.create(
        data.name,
        market=market,
        anchor=data.anchor or "",
        kind=data.kind,
        slug=data.slug or "",
        objective=data.objective or "",
        by=request.auth,  # type: ignore[attr-defined]
    )
    return Status(201, campaign_dict(campaign))


@router.get("/campaigns/{campaign_id}", auth=bearer("campaigns:read"), response={200: CampaignOut})
def get_campaign(request: HttpRequest, campaign_id: str) -> Any:
    """A campaign with its stages."""
    return campaign_dict(_one(Campaign, campaign_id, "campaign"))


@router.post("/campaigns/{campaign_id}/stages", auth=bearer("campaigns:write"), response={201: StageOut})
@idempotent
def add_stage(request: HttpRequest, campaign_id: str, data: StageIn) -> Any:
    """Add a stage to a campaign."""
    _choice(data.kind, Stage.Kind.values, "kind")
    stage = stages.add(
        _one(Campaign, campaign_id, "campaign"),
        data.name,
        kind=data.kind,
        start_offset=data.start_offset,
        end_offset=data.end_offset,
        by=request.auth,  # type: ignore[attr-defined]
    )
    return Status(201, stage_dict(stage))


# --- Publications ----------------------------------------------------------------------------------------------------


class AudienceIn(In):
    """Ids of segments: everyone in one of `include` who is in none of `exclude`."""

    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)


class MomentIn(In):
    """One of three: {`at`, `timezone`}, {`local`} or {`now`: true}. Times are local ISO times without an offset."""

    at: str | None = None
    timezone: str | None = None
    local: str | None = None
    now: bool | None = None


class PublicationIn(In):
    """A new publication: `content` is the id of a message or a page, `account` that of a channel account."""

    stage: str
    channel: str
    content: str | None = None
    account: str | None = None
    audience: AudienceIn | None = None
    moment: MomentIn | None = None
    title: str | None = None


class PublicationOut(Schema):
    """A publication as it was planned; its state and ledger are at ``GET publications/{id}``."""

    id: UUID
    stage: UUID
    title: str
    channel: str
    content: UUID | None
    content_kind: str
    account: UUID | None
    audience: UUID | None
    moment: dict[str, Any]
    state: str
    version: int


@router.post("/publications", auth=bearer("publications:write"), response={201: PublicationOut})
@idempotent
def plan_publication(request: HttpRequest, data: PublicationIn) -> Any:
    """Plan a publication. It goes out when it was submitted, approved by another account, and scheduled."""
    stage = _named(Stage, data.stage, "stage")
    kind, key = contents.resolve(data.content) if data.content else ("", None)
    publication = publications.plan(
        stage,
        data.channel,
        kind,
        key,
        _named(ChannelAccount, data.account, "account") if data.account else None,
        _audience(data.audience),
        _moment(data.moment),
        title=data.title or "",
        by=request.auth,  # type: ignore[attr-defined]
    )
    return Status(201, publication_dict(publication))


def _audience(data: AudienceIn | None) -> Audience | None:
    if data is None or not (data.include or data.exclude):
        return None
    if not data.include:
        raise Invalid("An audience includes at least one segment.", field="audience.include")
    include = [_named(Segment, item, "audience.include") for item in data.include]
    exclude = [_named(Segment, item, "audience.exclude") for item in data.exclude]
    return audiences.create("", include, exclude)


def _moment(data: MomentIn | None) -> Moment | None:
    if data is None:
        return None
    given = [name for name in ("at", "local", "now") if getattr(data, name)]
    if len(given) != 1:
        raise Invalid("A moment is one of {“at”: …, “timezone”: …}, {“local”: …} or {“now”: true}.", field="moment")
    if data.timezone and not data.at:
        raise Invalid("A time zone goes with “at” only; “local” is the customer's own.", field="moment.timezone")
    if data.now:
        return Moment.now()
    if data.local:
        wall = _wall_clock(data.local, "moment.local")
        return Moment.local(wall.date(), wall.time())
    if not data.timezone:
        raise Invalid("“at” needs a “timezone”, for example Europe/Berlin.", field="moment.timezone")
    wall = _wall_clock(data.at or "", "moment.at")
    return Moment.fixed(wall.date(), wall.time(), data.timezone)


def _wall_clock(text: str, field: str) -> datetime:
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"“{text}” is not a local ISO time such as 2026-11-27T09:00.", field=field) from error
    if wall.tzinfo is not None:
        raise Invalid(f"“{text}” has an offset. Give the local time, and the zone by its name.", field=field)
    return wall


# --- Out -------------------------------------------------------------------------------------------------------------


def campaign_dict(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the API shows it."""
    first, last = campaign_window(campaign)
    return {
        "id": campaign.public_id,
        "slug": campaign.slug,
        "name": campaign.name,
        "kind": campaign.kind,
        "market": campaign.market.code,
        "anchor_date": campaign.anchor_date.isoformat() if campaign.anchor_date else None,
        "anchor_occasion": campaign.anchor_occasion,
        "starts_on": first.isoformat() if first else None,
        "ends_on": last.isoformat() if last else None,
        "stages": [stage_dict(stage) for stage in campaign.stages.all()],
    }


def stage_dict(stage: Stage) -> dict[str, Any]:
    """A stage as the API shows it."""
    first, last = stage_window(stage)
    return {
        "id": stage.public_id,
        "campaign": stage.campaign.public_id,
        "name": stage.name,
        "kind": stage.kind,
        "start_offset": stage.start_offset,
        "end_offset": stage.end_offset,
        "starts_on": first.isoformat() if first else None,
        "ends_on": last.isoformat() if last else None,
    }


def publication_dict(publication: Publication) -> dict[str, Any]:
    """A publication as it was planned."""
    return {
        "id": publication.public_id,
        "stage": publication.stage.public_id,
        "title": publication.title,
        "channel": publication.channel,
        "content": publication.content_key,
        "content_kind": publication.content_kind,
        "account": publication.account.public_id if publication.account else None,
        "audience": publication.audience.public_id if publication.audience else None,
        "moment": moment_dict(Moment.of(publication)),
        "state": publication.state,
        "version": publication.version,
    }


def moment_dict(moment: Moment) -> dict[str, Any]:
    """A moment in the shape in which it is sent."""
    if moment.kind == Publication.Moment.NOW:
        return {"now": True}
    wall = f"{moment.day or ''}" + (f"T{moment.at.isoformat()}" if moment.at else "")
    if moment.kind == Publication.Moment.LOCAL:
        return {"local": wall}
    return {"at": wall, "timezone": moment.zone}


# --- In --------------------------------------------------------------------------------------------------------------


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _one(model: Any, public_id: str, word: str) -> Any:
    """What the address names; raises `Missing`."""
    key = _uuid(public_id)
    row = model.objects.filter(public_id=key).first() if key else None
    if row is None:
        raise Missing(f"There is no {word} with the id {public_id}.")
    return row


def _named(model: Any, public_id: str, field: str) -> Any:
    """What a field of the body names; raises `Invalid`."""
    key = _uuid(public_id)
    row = model.objects.filter(public_id=key).first() if key else None
    if row is None:
        raise Invalid(f"{field}: there is nothing with the id {public_id}.", field=field)
    return row


def _choice(value: str, allowed: list[str], field: str) -> None:
    if value not in allowed:
        raise Invalid(f"{field} is one of {', '.join(allowed)}, not “{value}”.", field=field)
