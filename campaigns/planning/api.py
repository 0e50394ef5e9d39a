"""The HTTP edge of this room: campaigns, stages, and publications as plans."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Query, Schema
from pydantic import ConfigDict

from campaigns.audiences.models import Audience, Segment
from campaigns.audiences.services import audiences
from campaigns.planning import contents, occasions
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.selectors import campaign_window, default_market, stage_window
from campaigns.planning.services import campaigns, publications, stages
from campaigns.planning.states import PublicationState
from campaigns.promotions.models import Offer
from channels.base import Channel
from channels.models import ChannelAccount
from core import clock, countries
from core.api import In, Router, Status, bearer, given, idempotent, named, one
from core.api_lists import Asked, Filter, listing, slice_of
from core.errors import Invalid, Missing
from core.models import Market, User

router = Router(tags=["planning"])
Money = Annotated[int, Field(ge=0, le=10**15)]
Year = Annotated[int, Field(ge=occasions.FIRST_YEAR, le=occasions.LAST_YEAR)]
Offset = Annotated[int, Field(ge=-3650, le=3650)]


# --- Campaigns -------------------------------------------------------------------------------------------------------


class CampaignIn(In):
    """A new campaign. `anchor` is a date (``2026-11-27``) or an occasion (``black-friday``, ``black-friday:2027``)."""

    name: str = Field(min_length=1, max_length=200, examples=["Black Friday"])
    market: str | None = Field(
        None, max_length=20, description="Code of a market; the default market when there is none."
    )
    anchor: str | None = Field(None, max_length=70, examples=["2026-11-27", "black-friday:2027"])
    kind: Campaign.Kind = Campaign.Kind.OTHER
    objective: str | None = Field(None, max_length=10_000)
    slug: str | None = Field(None, max_length=100)


class CampaignPatch(In):
    """What shall change. Another `anchor` moves everything that has not started along; null empties days, budget and audience.

    With ``approval_again`` false, a move that would take back an approval is refused (409).
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"anchor": "2026-11-28", "approval_again": False}]})

    name: str | None = Field(None, min_length=1, max_length=200)
    kind: Campaign.Kind | None = None
    objective: str | None = Field(None, max_length=10_000)
    anchor: str | None = Field(None, min_length=1, max_length=70)
    starts_on: date | None = None
    ends_on: date | None = None
    budget_minor: Money | None = None
    audience: str | None = None
    offers: list[str] | None = Field(None, max_length=500, description="Ids of offers.")
    approval_again: bool = True


class StageIn(In):
    """A new stage. Offsets are days from the anchor, inclusive; without them it spans the campaign."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Launch", "kind": "launch", "start_offset": 0, "end_offset": 3}]}
    )

    name: str = Field(min_length=1, max_length=120, examples=["Launch"])
    kind: Stage.Kind = Stage.Kind.OTHER
    start_offset: Offset | None = None
    end_offset: Offset | None = None


class StagePatch(In):
    """What shall change. When its first day changes, what hangs on it moves along by the same days."""

    name: str | None = Field(None, min_length=1, max_length=120)
    kind: Stage.Kind | None = None
    start_offset: Offset | None = None
    end_offset: Offset | None = None


class StageOut(Schema):
    """A stage."""

    id: UUID
    campaign: UUID
    name: str
    kind: Stage.Kind
    start_offset: int | None
    end_offset: int | None
    starts_on: str | None
    ends_on: str | None
    updated_at: datetime


class CampaignOut(Schema):
    """A campaign with its stages. Money is in minor units of the market's currency."""

    id: UUID
    slug: str
    name: str
    kind: Campaign.Kind
    objective: str
    market: str
    anchor_date: str | None
    anchor_occasion: str
    starts_on: str | None
    ends_on: str | None
    budget_minor: int | None
    audience: UUID | None
    offers: list[UUID]
    stages: list[StageOut]
    created_at: datetime
    updated_at: datetime


@router.post("/campaigns", auth=bearer("campaigns:write"), response={201: CampaignOut})
@idempotent
def create_campaign(request: HttpRequest, data: CampaignIn) -> Any:
    """Open a campaign."""
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
    return campaign_dict(one(_campaigns(), campaign_id, "campaign"))


@router.patch(
    "/campaigns/{campaign_id}", auth=bearer("campaigns:write"), response=CampaignOut, summary="Change a campaign"
)
@idempotent
def change_campaign(request: HttpRequest, campaign_id: str, data: CampaignPatch) -> Any:
    """Only what the body names changes."""
    campaign = one(_campaigns(), campaign_id, "campaign")
    values = given(data, clears=("starts_on", "ends_on", "budget_minor", "audience"))
    again, anchor = values.pop("approval_again", True), values.pop("anchor", None)
    if values.get("audience"):
        values["audience"] = named(Audience.objects.all(), values["audience"], "audience")
    if "offers" in values:
        values["offers"] = [named(Offer.objects.all(), id, "offers") for id in values["offers"]]
    if values:
        campaigns.edit(campaign, by=request.auth, **values)  # type: ignore[attr-defined]
    if anchor is not None:
        campaigns.move_anchor(campaign, anchor, request.auth, again=again)  # type: ignore[attr-defined]
    return campaign_dict(one(_campaigns(), campaign_id, "campaign"))


def _campaigns() -> QuerySet[Campaign]:
    return Campaign.objects.select_related("market", "audience").prefetch_related("stages__campaign__stages", "offers")


# --- Stages ----------------------------------------------------------------------------------------------------------


def _stages() -> QuerySet[Stage]:
    return Stage.objects.select_related("campaign").prefetch_related("campaign__stages")


@router.get("/stages/{stage_id}", auth=bearer("campaigns:read"), response=StageOut, summary="Read a stage")
def read_stage(request: HttpRequest, stage_id: str) -> Any:
    """One stage with its days."""
    return stage_dict(one(_stages(), stage_id, "stage"))


@router.patch("/stages/{stage_id}", auth=bearer("campaigns:write"), response=StageOut, summary="Change a stage")
@idempotent
def change_stage(request: HttpRequest, stage_id: str, data: StagePatch) -> Any:
    """Only what the body names changes; null for both offsets lets it span the campaign."""
    stage = one(_stages(), stage_id, "stage")
    values = {name: getattr(stage, name) for name in ("name", "kind", "start_offset", "end_offset")}
    values |= given(data, clears=("start_offset", "end_offset"))
    stages.edit(stage, **values, by=request.auth)  # type: ignore[attr-defined]
    return stage_dict(one(_stages(), stage_id, "stage"))


@router.delete("/stages/{stage_id}", auth=bearer("campaigns:write"), response={204: None}, summary="Delete a stage")
def delete_stage(request: HttpRequest, stage_id: str) -> Any:
    """An empty one; with publications in it that is a 409."""
    stages.remove(one(_stages(), stage_id, "stage"), by=request.auth)  # type: ignore[attr-defined]
    return Status(204, None)


@router.post("/campaigns/{campaign_id}/stages", auth=bearer("campaigns:write"), response={201: StageOut})
@idempotent
def add_stage(request: HttpRequest, campaign_id: str, data: StageIn) -> Any:
    """Add a stage to a campaign."""
    stage = stages.add(
        one(_campaigns(), campaign_id, "campaign"),
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

    include: list[str] = Field(default_factory=list, max_length=100)
    exclude: list[str] = Field(default_factory=list, max_length=100)


class MomentIn(In):
    """One of three: {`at`, `timezone`}, {`local`} or {`now`: true}. Times are local ISO times without an offset."""

    at: str | None = Field(None, max_length=40, examples=["2026-11-27T09:00"])
    timezone: str | None = Field(None, max_length=64, examples=["Europe/Berlin"])
    local: str | None = Field(None, max_length=40, examples=["2026-11-27T09:00"])
    now: bool | None = None


class PublicationIn(In):
    """A new publication: `content` is the id of a message or a page, `account` that of a channel account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "stage": "01935b2e-9c3a-7d4f-8a61-5e0f3c2b1a90",
                    "content": "01935b2e-9c3a-7d4f-8a61-5e0f3c2b1a90",
                    "channel": "email",
                    "account": "01935b2e-9c3a-7d4f-8a61-5e0f3c2b1a90",
                    "audience": {"include": ["01935b2e-9c3a-7d4f-8a61-5e0f3c2b1a90"]},
                    "moment": {"at": "2026-11-27T09:00", "timezone": "Europe/Berlin"},
                }
            ]
        }
    )

    stage: str
    channel: Channel
    content: str | None = None
    account: str | None = None
    audience: AudienceIn | str | None = Field(None, description="Segments, or the id of an audience.")
    moment: MomentIn | None = None
    title: str | None = Field(None, max_length=200)


class PublicationPatch(In):
    """What shall change; possible while it is planned. Null empties content, account and audience.

    With `version`, a change that somebody else made meanwhile is a 409 instead of being overwritten.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"moment": {"local": "2026-11-27T09:00"}, "version": 1}]})

    stage: str | None = None
    channel: Channel | None = None
    content: str | None = None
    account: str | None = None
    audience: AudienceIn | str | None = None
    moment: MomentIn | None = None
    title: str | None = Field(None, max_length=200)
    version: int | None = Field(None, ge=0, le=2**31)


class PublicationOut(Schema):
    """A publication as it was planned; its state and ledger are at ``GET publications/{id}``."""

    id: UUID
    stage: UUID
    title: str
    channel: Channel
    content: UUID | None
    content_kind: Literal["", "page", "message"]
    account: UUID | None
    audience: UUID | None
    moment: dict[str, Any]
    state: PublicationState
    version: int
    created_at: datetime
    updated_at: datetime


@router.post("/publications", auth=bearer("publications:write"), response={201: PublicationOut})
@idempotent
def plan_publication(request: HttpRequest, data: PublicationIn) -> Any:
    """Plan a publication. It goes out when it was submitted, approved by another account, and scheduled."""
    stage = named(Stage.objects.all(), data.stage, "stage")
    kind, key = contents.resolve(data.content) if data.content else ("", None)
    publication = publications.plan(
        stage,
        data.channel,
        kind,
        key,
        named(ChannelAccount.objects.all(), data.account, "account") if data.account else None,
        _audience(data.audience),
        _moment(data.moment),
        title=data.title or "",
        by=request.auth,  # type: ignore[attr-defined]
    )
    return Status(201, publication_dict(publication))


def changed(publication: Publication, data: PublicationPatch, by: User) -> None:
    """Do what a PATCH says."""
    values = given(data, clears=("content", "account", "audience"))
    version = values.pop("version", None)
    if "stage" in values:
        values["stage"] = named(Stage.objects.all(), values["stage"], "stage")
    if "content" in values:
        content = values.pop("content")
        values["content_kind"], values["content_key"] = contents.resolve(content) if content else ("", None)
    if values.get("account"):
        values["account"] = named(ChannelAccount.objects.all(), values["account"], "account")
    if "audience" in values:
        values["audience"] = _audience(values["audience"])
    if "moment" in values:
        values["moment"] = _moment(values["moment"])
    publications.edit(publication, by=by, version=version, **values)


def planned() -> QuerySet[Publication]:
    """Publications with what the API shows of them."""
    return Publication.objects.select_related("stage__campaign__market", "account", "audience")


def _audience(data: AudienceIn | str | None) -> Audience | None:
    if isinstance(data, str):
        return named(Audience.objects.all(), data, "audience")
    if data is None or not (data.include or data.exclude):
        return None
    if not data.include:
        raise Invalid("An audience includes at least one segment.", field="audience.include")
    include = [named(Segment.objects.all(), item, "audience.include") for item in data.include]
    exclude = [named(Segment.objects.all(), item, "audience.exclude") for item in data.exclude]
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
        "objective": campaign.objective,
        "market": campaign.market.code,
        "anchor_date": campaign.anchor_date.isoformat() if campaign.anchor_date else None,
        "anchor_occasion": campaign.anchor_occasion,
        "starts_on": first.isoformat() if first else None,
        "ends_on": last.isoformat() if last else None,
        "budget_minor": campaign.budget_minor,
        "audience": campaign.audience.public_id if campaign.audience else None,
        "offers": [offer.public_id for offer in campaign.offers.all()],
        "stages": [stage_dict(stage) for stage in campaign.stages.all()],
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
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
        "updated_at": stage.updated_at,
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
        "created_at": publication.created_at,
        "updated_at": publication.updated_at,
    }


def moment_dict(moment: Moment) -> dict[str, Any]:
    """A moment in the shape in which it is sent."""
    if moment.kind == Publication.Moment.NOW:
        return {"now": True}
    wall = f"{moment.day or ''}" + (f"T{moment.at.isoformat()}" if moment.at else "")
    if moment.kind == Publication.Moment.LOCAL:
        return {"local": wall}
    return {"at": wall, "timezone": moment.zone}


# --- Lists -----------------------------------------------------------------------------------------------------------

listing(
    router,
    "/campaigns",
    "campaigns:read",
    CampaignOut,
    _campaigns,
    campaign_dict,
    filters={
        "market": Filter("market__code", "Code of a market."),
        "kind": Filter("kind", "What sort of campaign it is.", Campaign.Kind),
        "slug": Filter("slug", "Its name in addresses."),
        "anchor_from": Filter("anchor_date__gte", "Anchored on this day or later.", date),
        "anchor_before": Filter("anchor_date__lt", "Anchored before this day.", date),
    },
    search=("name", "slug"),
)
listing(
    router,
    "/stages",
    "campaigns:read",
    StageOut,
    _stages,
    stage_dict,
    filters={
        "campaign": Filter("campaign__public_id", "Id of a campaign.", UUID),
        "kind": Filter("kind", "What part of a campaign it is.", Stage.Kind),
    },
    search=("name",),
)
listing(
    router,
    "/publications",
    "publications:read",
    PublicationOut,
    planned,
    publication_dict,
    filters={
        "state": Filter("state", "Where it stands.", PublicationState),
        "channel": Filter("channel", "The medium.", Channel),
        "campaign": Filter("stage__campaign__public_id", "Id of a campaign.", UUID),
        "stage": Filter("stage__public_id", "Id of a stage.", UUID),
        "account": Filter("account__public_id", "Id of a channel account.", UUID),
        "content": Filter("content_key", "Id of a message or page.", UUID),
        "day_from": Filter("moment_date__gte", "Planned for this day or later.", date),
        "day_before": Filter("moment_date__lt", "Planned for a day before this.", date),
    },
    search=("title",),
    about="Publications as they are planned; the ledger of one is at ``GET publications/{id}``.",
)


# --- Occasions -------------------------------------------------------------------------------------------------------


class OccasionsAsked(Asked):
    """Of which country and year."""

    country: str | None = Field(None, max_length=2, description="ISO 3166 code; the default market's when left out.")
    year: Year | None = Field(None, description="This year when left out.")
    kind: occasions.Kind | None = Field(None, description="What sort of day it is.")
    everywhere: bool = Field(False, description="Also what is kept in other countries only.")
    q: str | None = Field(None, min_length=1, max_length=200, description="Words to search for in names.")


class OccasionOut(Schema):
    """An occasion in one year. `key` with the year is what `anchor` of a campaign takes; `first` and `last` are its window."""

    key: str
    name: str
    kind: occasions.Kind
    day: date
    first: date
    last: date
    estimated: bool
    local: bool


class OccasionPage(Schema):
    """One page, by day."""

    items: list[OccasionOut]
    next_cursor: str | None


@router.get("/occasions", auth=bearer("occasions:read"), response=OccasionPage, summary="List occasions")
def list_occasions(request: HttpRequest, asked: Query[OccasionsAsked]) -> Any:
    """The days a shop plans around in a year, by day. They are worked out and not stored, so they have no `updated_since`."""
    country = countries.check(asked.country) if asked.country else default_market().country
    year = clock.now().year if asked.year is None else asked.year
    words = (asked.q or "").casefold().split()
    found = [
        occasion
        for occasion in occasions.occasions(country, year, everywhere=asked.everywhere)
        if asked.kind in (None, occasion.kind) and all(word in occasion.name.casefold() for word in words)
    ]
    shown, after = slice_of(found, request, asked, lambda occasion: f"{occasion.day} {occasion.key}")
    return {"items": shown, "next_cursor": after}


@router.get("/occasions/{key}", auth=bearer("occasions:read"), response=OccasionOut, summary="Read an occasion")
def read_occasion(request: HttpRequest, key: str, country: str | None = None, year: Year | None = None) -> Any:
    """The occasion of this name as the country counts it: in `year`, or the next one that is not over."""
    where = countries.check(country) if country else default_market().country
    try:
        return occasions.find(where, key, year, today=clock.now().date())
    except Invalid as error:
        raise Missing(f"There is no occasion “{key[:60]}” there. GET occasions lists them.") from error
