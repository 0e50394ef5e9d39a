"""The HTTP edge: contacts, lists, segments, audiences, and closed addresses."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict, Field

from campaigns.audiences import keys, selectors
from campaigns.audiences.models import Audience, Consent, Contact, ContactList, Endpoint, Segment, Suppression
from campaigns.audiences.services import audiences, closing, contacts, lists, segments, suppressions
from core import ndjson
from core.api import In, Router, Status, as_row_id, bearer, delete, given, idempotent, named, one
from core.api_lists import Filter, listing
from core.errors import Conflict, Invalid, Missing

router = Router(tags=["Audiences"])
Channel = Literal["email", "push", "social"]


class RefusedRow(Schema):
    """A row, or a field of one, that was left out, and what to change in it."""

    line: int
    message: str


# --- Contacts --------------------------------------------------------------------------------------------------------


class BulkOut(Schema):
    """What became of the rows. `warnings` names fields that were left out of rows that were taken."""

    created: int
    updated: int
    unchanged: int
    refused: int
    with_address: int = Field(description="Rows that brought an e-mail address, new or not.")
    with_consent: int = Field(description="Rows that brought an agreement, new or not.")
    errors: list[RefusedRow]
    warnings: list[RefusedRow]


class ConsentOut(Schema):
    """What a contact agrees to on a channel now."""

    channel: str
    purpose: str
    granted: bool
    changed_at: datetime


class EndpointOut(Schema):
    """A way to reach a contact. `address` is null for a device."""

    channel: str
    address: str | None
    platform: str
    status: Endpoint.Status


class ContactOut(Schema):
    """A contact. `external_id` is your id of it, null for one who came without."""

    id: UUID
    external_id: str | None
    first_name: str
    last_name: str
    locale: str
    timezone: str
    market: str | None
    attributes: dict[str, Any]
    endpoints: list[EndpointOut]
    consents: list[ConsentOut]
    created_at: datetime
    updated_at: datetime


def _people() -> QuerySet[Contact]:
    return (
        Contact.objects.filter(erased_at=None)
        .select_related("market")
        .prefetch_related(Prefetch("endpoints", Endpoint.objects.order_by("pk")), "consents")
    )


def contact_of(id: str) -> Contact:
    """The contact that an address names by our id or by the shop's; raises `Missing`."""
    try:
        return one(_people(), id, "contact")
    except Missing:
        found = _people().filter(external_id=id).first()
        if found is None:
            raise
        return found


def _contact(contact: Contact) -> dict[str, Any]:
    own = ("external_id", "first_name", "last_name", "locale", "timezone", "attributes", "created_at", "updated_at")
    return {
        **{name: getattr(contact, name) for name in own},
        "id": contact.public_id,
        "market": contact.market.code if contact.market else None,
        "endpoints": [
            {
                "channel": endpoint.channel,
                "address": None if endpoint.channel == keys.PUSH else endpoint.address,
                "platform": endpoint.platform,
                "status": endpoint.status,
            }
            for endpoint in contact.endpoints.all()
        ],
        "consents": list(contact.consents.all()),
    }


def _by_address(rows: QuerySet[Contact], address: str, channel: str = keys.EMAIL) -> QuerySet[Contact]:
    return rows.filter(endpoints__recipient_key=keys.recipient_key(channel, address)).distinct()


def _search(rows: QuerySet[Contact], words: str) -> QuerySet[Contact]:
    for word in words.split()[:10]:
        rows = rows.filter(
            Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(external_id__startswith=word)
        )
    return rows


CONTACT_FILTERS = {
    "external_id": Filter("external_id", "Your id."),
    "email": Filter(_by_address, "The whole address."),
    "phone": Filter(lambda rows, value: _by_address(rows, value, keys.PHONE), "The number with its country code."),
    "locale": Filter("locale__iexact", "Language code."),
    "timezone": Filter("timezone", "IANA name."),
    "market": Filter("market__code", "Code of a market."),
    "consent": Filter(
        lambda rows, value: rows.filter(
            pk__in=Consent.objects.filter(channel=value, granted=True, brand="").values("contact")
        ),
        "A channel that they agree to now.",
        Channel,
    ),
}

listing(
    router,
    "/contacts",
    "contacts:read",
    ContactOut,
    _people,
    _contact,
    filters=CONTACT_FILTERS,
    search=_search,
    about="Contacts that are not erased. `q` looks at names and at the beginning of your id; an address is found whole.",
)


@router.post(
    "/contacts/bulk",
    auth=bearer("contacts:write"),
    response=BulkOut,
    summary="Create or change contacts by external_id",
    description=(
        "The body is NDJSON: one object per line with external_id, email, phone, first_name, last_name, locale, timezone, "
        "market, consents (channels such as “email”), consented_at, attributes (merged; null takes one away), "
        "push_tokens, devices. "
        "What a row does not name stays as it is. Rows are committed in small batches; a bad row stops no other, and sending "
        "the same again changes nothing."
    ),
    openapi_extra=ndjson.described('{"external_id": "42", "email": "ann@example.com", "consents": ["email"]}\n'),
)
@idempotent(atomic=False)
def bulk(request: HttpRequest) -> dict[str, Any]:
    """Read the body as it comes in, never as a whole."""
    return asdict(contacts.upsert_lines(ndjson.lines(request), source="API"))


@router.get("/contacts/{id}", auth=bearer("contacts:read"), response=ContactOut, summary="Read a contact")
def read_contact(request: HttpRequest, id: str) -> Any:
    """`id` is ours, or your `external_id`."""
    return _contact(contact_of(id))


@router.delete("/contacts/{id}", auth=bearer("contacts:write"), response={204: None}, summary="Erase a contact")
def erase_contact(request: HttpRequest, id: str) -> Any:
    """Forget the person. What stays are an emptied row, so that figures add up, and a hash that keeps the address closed."""
    contacts.erase(contact_of(id), request.auth)  # type: ignore[attr-defined]
    return Status(204, None)


# --- Lists -----------------------------------------------------------------------------------------------------------


class ListIn(In):
    """A fixed set of contacts."""

    name: str = Field(min_length=1, max_length=200, examples=["Invited to the opening"])
    contacts: list[str] = Field(default_factory=list, max_length=10_000, description="Your ids of those who are on it.")


class ListPatch(In):
    """What shall change: another name, who is put on it, who is taken off it (by your ids)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"add": ["42"], "remove": ["43"]}]})

    name: str | None = Field(None, min_length=1, max_length=200)
    add: list[str] = Field(default_factory=list, max_length=10_000)
    remove: list[str] = Field(default_factory=list, max_length=10_000)


class ListOut(Schema):
    """A list and how many are on it."""

    id: UUID
    name: str
    contacts: int
    updated_at: datetime


def _lists() -> QuerySet[ContactList]:
    return ContactList.objects.annotate(size=Count("members"))


def _list(row: ContactList) -> dict[str, Any]:
    size: int = row.size if hasattr(row, "size") else row.members.count()
    return {"id": row.public_id, "name": row.name, "contacts": size, "updated_at": row.updated_at}


def _ids_of(external_ids: list[str], field: str) -> list[int]:
    found = selectors.by_external_id(external_ids)
    if missing := [name for name in external_ids if name not in found]:
        raise Invalid(f"{field}: there is no contact with the id {', '.join(missing[:5])[:200]}.", field=field)
    return list(found.values())


listing(router, "/contact-lists", "lists:read", ListOut, _lists, _list, search=("name",))
listing(
    router,
    "/contact-lists/{id}/contacts",
    "lists:read",
    ContactOut,
    lambda id: _people().filter(lists=one(ContactList.objects.all(), id, "list")),
    _contact,
    name="contacts_of_a_list",
    filters=CONTACT_FILTERS,
)


@router.post("/contact-lists", auth=bearer("lists:write"), response={201: ListOut}, summary="Make a list")
@idempotent
def create_list(request: HttpRequest, body: ListIn) -> Any:
    """A new list with those whom you name."""
    ids = _ids_of(body.contacts, "contacts")
    row = lists.create(body.name)
    lists.add(row, ids)
    return Status(201, _list(row))


@router.get("/contact-lists/{id}", auth=bearer("lists:read"), response=ListOut, summary="Read a list")
def read_list(request: HttpRequest, id: str) -> Any:
    """One list."""
    return _list(one(_lists(), id, "list"))


@router.patch("/contact-lists/{id}", auth=bearer("lists:write"), response=ListOut, summary="Change a list")
@idempotent
def change_list(request: HttpRequest, id: str, body: ListPatch) -> Any:
    """Rename it, put people on it, take people off it."""
    row = one(ContactList.objects.all(), id, "list")
    add, remove = _ids_of(body.add, "add"), _ids_of(body.remove, "remove")
    if body.name is not None:
        row.name = body.name
        row.save(update_fields=["name"])
    lists.add(row, add)
    lists.remove(row, remove)
    row.refresh_from_db()
    return _list(row)


@router.delete("/contact-lists/{id}", auth=bearer("lists:write"), response={204: None}, summary="Delete a list")
def delete_list(request: HttpRequest, id: str) -> Any:
    """The list goes, its contacts stay. Not while a segment uses it (409)."""
    lists.remove_list(one(ContactList.objects.all(), id, "list"))
    return Status(204, None)


# --- Segments and audiences ------------------------------------------------------------------------------------------

RULES: list[Any] = [{"all": True}, {"attribute": "tier", "op": "eq", "value": "gold"}]


class SegmentIn(In):
    """A rule to save."""

    name: str = Field(min_length=1, max_length=200, examples=["Gold members who read Chinese"])
    rule: dict[str, Any] = Field(examples=RULES)


class SegmentPatch(In):
    """What shall change."""

    name: str | None = Field(None, min_length=1, max_length=200)
    rule: dict[str, Any] | None = Field(None, examples=RULES)


class SegmentListedOut(Schema):
    """A saved rule."""

    id: UUID
    name: str
    rule: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class SegmentOut(SegmentListedOut):
    """A saved rule, and how many contacts it picks now; null when it no longer holds together (its list is gone)."""

    contacts: int | None


def _segment_listed(segment: Segment) -> dict[str, Any]:
    own = ("name", "rule", "created_at", "updated_at")
    return {"id": segment.public_id, **{name: getattr(segment, name) for name in own}}


def _segment(segment: Segment) -> dict[str, Any]:
    try:
        count = selectors.count_of_segment(segment)
    except Invalid:
        count = None
    return {**_segment_listed(segment), "contacts": count}


listing(
    router,
    "/segments",
    "segments:read",
    SegmentListedOut,
    Segment.objects.all,
    _segment_listed,
    search=("name",),
    about="Segments without their counts; a count is worked out when one is read.",
)


@router.post("/segments", auth=bearer("segments:write"), response={201: SegmentOut}, summary="Save a rule")
@idempotent
def create_segment(request: HttpRequest, payload: SegmentIn) -> Status[Any]:
    """A new segment."""
    segment = segments.create(payload.name, payload.rule, request.auth)  # type: ignore[attr-defined]
    return Status(201, _segment(segment))


@router.get("/segments/{id}", auth=bearer("segments:read"), response=SegmentOut, summary="Read a segment")
def read_segment(request: HttpRequest, id: str) -> Any:
    """The rule, and how many contacts it picks now."""
    return _segment(one(Segment.objects.all(), id, "segment"))


@router.patch("/segments/{id}", auth=bearer("segments:write"), response=SegmentOut, summary="Change a segment")
@idempotent
def change_segment(request: HttpRequest, id: str, body: SegmentPatch) -> Any:
    """Publications that were approved with it count it anew when they start."""
    segment = one(Segment.objects.all(), id, "segment")
    values = {"name": segment.name, "rule": segment.rule, **given(body)}
    return _segment(segments.change(segment, values["name"], values["rule"], request.auth))  # type: ignore[attr-defined]


@router.delete("/segments/{id}", auth=bearer("segments:write"), response={204: None}, summary="Delete a segment")
def delete_segment(request: HttpRequest, id: str) -> Any:
    """Unless an audience includes or excludes it."""
    segment = one(Segment.objects.all(), id, "segment")
    if Audience.objects.filter(Q(include=segment) | Q(exclude=segment)).exists():
        raise Conflict("This segment is part of an audience and stays.", code="in_use")
    return delete(segment, "segment")


class AudienceIn(In):
    """Segments combined, by their ids: everyone in one of `include` who is in none of `exclude`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Gold", "include": ["01935b2e-9c3a-7d4f-8a61-5e0f3c2b1a90"], "exclude": []}]
        }
    )

    name: str = Field("", max_length=200)
    include: list[str] = Field(min_length=1, max_length=100)
    exclude: list[str] = Field(default_factory=list, max_length=100)


class AudienceOut(Schema):
    """An audience: ids of segments."""

    id: UUID
    name: str
    include: list[UUID]
    exclude: list[UUID]
    updated_at: datetime


class CountedAudienceOut(AudienceOut):
    """An audience and how many are in it now; null when a rule in it no longer holds together."""

    contacts: int | None


def _audience(audience: Audience) -> dict[str, Any]:
    return {
        "id": audience.public_id,
        "name": audience.name,
        "include": [segment.public_id for segment in audience.include.all()],
        "exclude": [segment.public_id for segment in audience.exclude.all()],
        "updated_at": audience.updated_at,
    }


def _counted(audience: Audience) -> dict[str, Any]:
    try:
        count = selectors.count(audience)
    except Invalid:
        count = None
    return {**_audience(audience), "contacts": count}


listing(
    router,
    "/audiences",
    "audiences:read",
    AudienceOut,
    lambda: Audience.objects.prefetch_related("include", "exclude"),
    _audience,
    filters={
        "segment": Filter(lambda rows, value: rows.filter(include__public_id=value), "Id of a segment in it.", UUID)
    },
    search=("name",),
)


@router.post(
    "/audiences", auth=bearer("audiences:write"), response={201: CountedAudienceOut}, summary="Make an audience"
)
@idempotent
def create_audience(request: HttpRequest, body: AudienceIn) -> Any:
    """Segments combined; a publication may name it, or name segments itself."""
    everything = Segment.objects.all()
    include = [named(everything, id, "include") for id in body.include]
    exclude = [named(everything, id, "exclude") for id in body.exclude]
    return Status(201, _counted(audiences.create(body.name, include, exclude)))


@router.get("/audiences/{id}", auth=bearer("audiences:read"), response=CountedAudienceOut, summary="Read an audience")
def read_audience(request: HttpRequest, id: str) -> Any:
    """Its segments, and how many contacts are in it now."""
    return _counted(one(Audience.objects.all(), id, "audience"))


# --- Closed addresses ------------------------------------------------------------------------------------------------


class ClosedOut(Schema):
    """What became of the rows: each is counted once."""

    closed: int = Field(description="Closed now.")
    known: int = Field(description="Closed before.")
    agreed_later: int = Field(description="Unsubscribed there, and agreed here at a later time: stays open.")
    refused: int
    withdrawn: int = Field(description="Consents that no longer hold.")
    errors: list[RefusedRow]


class SuppressionIn(In):
    """An address to close by hand. Only its keyed hash is kept."""

    address: str = Field(min_length=1, max_length=4096, examples=["ann@example.com"])
    channel: Literal["email", "push"] = "email"


class SuppressionOut(Schema):
    """A closed address. The address itself is not kept: ask for one with ``?address=``."""

    id: str
    channel: str
    purpose: str = Field(description="Empty: every purpose.")
    reason: Suppression.Reason
    source: str
    created_at: datetime
    updated_at: datetime


def _suppression(row: Suppression) -> dict[str, Any]:
    own = ("channel", "purpose", "reason", "source", "created_at", "updated_at")
    return {"id": str(row.pk), **{name: getattr(row, name) for name in own}}


def _closed(id: str) -> Suppression:
    key = as_row_id(id)
    row = Suppression.objects.filter(pk=key).first() if key is not None else None
    if row is None:
        raise Missing(f"There is no closed address with the id {id[:60]}.")
    return row


def _of_address(rows: QuerySet[Suppression], address: str) -> QuerySet[Suppression]:
    channel = keys.EMAIL if "@" in address else keys.PUSH
    return rows.filter(recipient_key=keys.recipient_key(channel, address))


listing(
    router,
    "/suppressions",
    "suppressions:read",
    SuppressionOut,
    Suppression.objects.all,
    _suppression,
    filters={
        "channel": Filter("channel", "The medium.", Channel),
        "reason": Filter("reason", "Why it is closed.", Suppression.Reason),
        "address": Filter(_of_address, "The whole address, or a device token."),
    },
)


@router.post(
    "/suppressions", auth=bearer("suppressions:write"), response={201: SuppressionOut}, summary="Close an address"
)
@idempotent
def create_suppression(request: HttpRequest, body: SuppressionIn) -> Any:
    """Nobody writes there any more, whoever it belongs to. An address that is closed already stays as it is."""
    key = keys.recipient_key(body.channel, body.address)
    suppressions.suppress(key, body.channel, Suppression.Reason.MANUAL, source="API")
    return Status(201, _suppression(Suppression.objects.get(recipient_key=key, purpose="", brand="")))


@router.post(
    "/suppressions/import",
    auth=bearer("contacts:write"),
    response=ClosedOut,
    summary="Close the addresses that another tool no longer wrote to",
    description=(
        "The body is NDJSON: one object per line with email (or address and channel), reason (unsubscribed, bounced, complained, "
        "manual, or another tool's word for one of these; unsubscribed when it is missing) and occurred_at. An address need not "
        "be a contact's. Sending the same again changes nothing."
    ),
    openapi_extra=ndjson.described('{"email": "ann@example.com", "reason": "cleaned"}\n'),
)
@idempotent(atomic=False)
def close_addresses(request: HttpRequest) -> dict[str, Any]:
    """As `bulk`, line by line."""
    return asdict(closing.close_lines(ndjson.lines(request), source="API"))


@router.get("/suppressions/{id}", auth=bearer("suppressions:read"), response=SuppressionOut, summary="Read a closing")
def read_suppression(request: HttpRequest, id: str) -> Any:
    """Why and since when an address is closed."""
    return _suppression(_closed(id))


@router.delete("/suppressions/{id}", auth=bearer("suppressions:write"), response={204: None}, summary="Open an address")
def delete_suppression(request: HttpRequest, id: str) -> Any:
    """It can be written to again if its contact agrees. Do this only when the person has asked for it."""
    return delete(_closed(id), "closed address")
