"""The HTTP edge: contacts in bulk, and segments."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from campaigns.audiences import selectors
from campaigns.audiences.models import Segment
from campaigns.audiences.services import closing, contacts, segments
from core.api import In, Router, Status, bearer, idempotent

router = Router(tags=["Audiences"])
BLOCK_BYTES = 65_536


class RefusedRow(Schema):
    """A row, or a field of one, that was left out, and what to change in it."""

    line: int
    message: str


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


class SegmentIn(In):
    """A rule to save."""

    name: str = Field(examples=["Gold members who read Chinese"])
    rule: dict[str, Any] = Field(examples=[{"all": True}, {"attribute": "tier", "op": "eq", "value": "gold"}])


class SegmentOut(Schema):
    """A saved rule, and how many contacts it picks now."""

    id: str
    name: str
    rule: dict[str, Any]
    contacts: int


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
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"external_id": "42", "email": "ann@example.com", "consents": ["email"]}\n',
                }
            },
        }
    },
)
@idempotent(atomic=False)
def bulk(request: HttpRequest) -> dict[str, Any]:
    """Read the body as it comes in, never as a whole."""
    return asdict(contacts.upsert_lines(_lines(request), source="API"))


def _lines(request: HttpRequest) -> Iterator[bytes]:
    """Lines of the body. One that is too long is cut, so that it is refused and takes no more memory than that.

    Read in blocks: `readline` is not the same on every WSGI server (Granian's swallows what follows the line).
    """
    limit = contacts.MOST_LINE_BYTES + 2
    rest, skipping = b"", False
    while block := request.read(BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if not skipping:
                yield line[:limit]
            skipping = False
        if len(rest) > limit:
            if not skipping:
                yield rest[:limit]
            rest, skipping = b"", True
    if rest and not skipping:
        yield rest[:limit]


class ClosedOut(Schema):
    """What became of the rows: each is counted once."""

    closed: int = Field(description="Closed now.")
    known: int = Field(description="Closed before.")
    agreed_later: int = Field(description="Unsubscribed there, and agreed here at a later time: stays open.")
    refused: int
    withdrawn: int = Field(description="Consents that no longer hold.")
    errors: list[RefusedRow]


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
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"email": "ann@example.com", "reason": "cleaned"}\n',
                }
            },
        }
    },
)
@idempotent(atomic=False)
def close_addresses(request: HttpRequest) -> dict[str, Any]:
    """As `bulk`, line by line."""
    return asdict(closing.close_lines(_lines(request), source="API"))


@router.post("/segments", auth=bearer("segments:write"), response={201: SegmentOut}, summary="Save a rule")
@idempotent
def create_segment(request: HttpRequest, payload: SegmentIn) -> Status[Any]:
    """A new segment."""
    segment = segments.create(payload.name, payload.rule, request.auth)  # type: ignore[attr-defined]
    return Status(201, _segment(segment))


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "id": str(segment.public_id),
        "name": segment.name,
        "rule": segment.rule,
        "contacts": selectors.count_of_segment(segment),
    }
