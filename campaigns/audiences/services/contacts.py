"""Contacts: many at once, and the end of one."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry

from campaigns.audiences import keys
from campaigns.audiences.models import (
    MARKETING,
    Consent,
    ConsentRecord,
    Contact,
    ContactListMember,
    Endpoint,
    Suppression,
    random_bucket,
)
from campaigns.audiences.services import rows, suppressions
from campaigns.audiences.services.rows import Address, ContactRow
from core import bulk, clock, failpoints
from core.errors import Conflict, Invalid
from core.ids import uuid7
from core.models import Market, User

BATCH = 500
"""Rows of one transaction: some 40 ms, so that nobody who writes beside an import on SQLite has to wait for it."""

MOST_LINE_BYTES = 64 * 1024
_EMPTY: Mapping[str, Any] = {"first_name": "", "last_name": "", "locale": "", "timezone": "", "market": None}


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was left out: its line, from 1, and what to change."""

    line: int
    message: str


@dataclass(slots=True)
class UpsertReport:
    """What became of the rows; created + updated + unchanged + refused = rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[RowError] = field(default_factory=list)

    def refuse(self, line: int, message: str) -> None:
        """Note a row that was left out."""
        self.refused += 1
        self.errors.append(RowError(line, message))


def upsert(contacts: Iterable[Any], *, source: str = "import") -> UpsertReport:
    """Create or change contacts by `external_id`; see `rows.read` for the shape of one.

    Committed in batches of `BATCH`, so a broken-off import is repeated from the start without harm. A row that says
    nothing new writes nothing. `source` stands in the record of each consent that is given.
    """
    return _upsert(((number, data) for number, data in enumerate(contacts, 1)), source)


def upsert_lines(lines: Iterable[bytes], *, source: str = "api") -> UpsertReport:
    """`upsert` for lines of NDJSON; empty lines are passed over but counted."""
    return _upsert(((number, line) for number, line in enumerate(lines, 1) if line.strip()), source)


def upsert_numbered(numbered: Iterable[tuple[int, Any]], *, source: str) -> UpsertReport:
    """`upsert` for rows that know their line. A row may be an `Invalid`: refused with its sentence."""
    return _upsert(numbered, source)


def _upsert(numbered: Iterable[tuple[int, Any]], source: str) -> UpsertReport:
    report = UpsertReport()
    markets = dict(Market.objects.values_list("code", "pk"))
    accepted = _read_all(numbered, markets, report)
    while batch := list(islice(accepted, BATCH)):
        with bulk.turn():
            _Batch(source, markets).write(batch, report)
            failpoints.reached("import")
    return report


def _read_all(
    numbered: Iterable[tuple[int, Any]], markets: Mapping[str, int], report: UpsertReport
) -> Iterator[ContactRow]:
    for number, data in numbered:
        try:
            if isinstance(data, Invalid):
                raise data
            if isinstance(data, bytes):
                if len(data) > MOST_LINE_BYTES:
                    raise Invalid(_("The line is longer than 64 KB."))
                data = rows.read_line(data)
            row = rows.read(data)
            if row.market and row.market not in markets:
                raise Invalid(_("There is no market “%(code)s”.") % {"code": row.market[:40]})
        except Invalid as error:
            report.refuse(number, error.message)
        else:
            yield row


@dataclass(slots=True)
class _Person:
    """A contact as far as a batch needs to know it. Without `pk` it is new."""

    external_id: str
    pk: int | None = None
    columns: dict[str, Any] = field(default_factory=lambda: dict(_EMPTY))
    attributes: dict[str, Any] = field(default_factory=dict)
    addresses: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    consents: dict[str, tuple[bool, datetime]] = field(default_factory=dict)
    touched: bool = False


class _Batch:
    """One transaction of an upsert: read what is there, work out the difference, write it in a few statements."""

    def __init__(self, source: str, markets: Mapping[str, int]) -> None:
        self.source = source
        self.markets = markets
        self.now = clock.now()
        self.people: dict[str, _Person] = {}
        self.new_addresses: dict[tuple[str, str], Address] = {}
        self.old_addresses: list[int] = []
        self.given: list[tuple[_Person, str, datetime]] = []
        self.lifted: set[tuple[str, str]] = set()

    def write(self, batch: list[ContactRow], report: UpsertReport) -> None:
        self._load({row.external_id for row in batch})
        for row in batch:
            self._apply(row, report)
        self._save()

    def _load(self, names: Collection[str]) -> None:
        found = Contact.objects.filter(external_id__in=names).values_list("pk", "external_id", "attributes", *_EMPTY)
        by_id: dict[int, _Person] = {}
        for pk, name, attributes, *values in found:
            person = _Person(str(name), pk, dict(zip(_EMPTY, values, strict=True)), attributes)
            by_id[pk] = self.people[person.external_id] = person
        if not by_id:
            return
        for pk, owner, channel, key in Endpoint.objects.filter(contact_id__in=by_id).values_list(
            "pk", "contact_id", "channel", "recipient_key"
        ):
            by_id[owner or 0].addresses[key] = (channel, pk)
        for owner, channel, granted, at in Consent.objects.filter(
            contact_id__in=by_id, purpose=MARKETING, brand=""
        ).values_list("contact_id", "channel", "granted", "changed_at"):
            by_id[owner].consents[channel] = (granted, at)

    def _apply(self, row: ContactRow, report: UpsertReport) -> None:
        person = self.people.get(row.external_id)
        created = person is None
        if person is None:
            person = self.people[row.external_id] = _Person(row.external_id, touched=True)
        changed = self._apply_columns(person, row)
        person.touched |= changed
        changed |= self._apply_addresses(person, row)
        changed |= self._apply_consents(person, row)
        if created:
            report.created += 1
        elif changed:
            report.updated += 1
        else:
            report.unchanged += 1

    def _apply_columns(self, person: _Person, row: ContactRow) -> bool:
        changed = False
        told: dict[str, Any] = dict(row.columns)
        if row.market is not None:
            told["market"] = self.markets.get(row.market)
        for name, value in told.items():
            if person.columns[name] != value:
                person.columns[name] = value
                changed = True
        for name, value in row.attributes.items():
            if value is None:
                changed |= person.attributes.pop(name, None) is not None
            elif name not in person.attributes or not _same(person.attributes[name], value):
                person.attributes[name] = value
                changed = True
        return changed

    def _apply_addresses(self, person: _Person, row: ContactRow) -> bool:
        known = person.addresses
        changed = False
        if row.email is not None or row.no_email:
            keep = row.email.key if row.email else ""
            for key in [key for key, (channel, _pk) in known.items() if channel == keys.EMAIL and key != keep]:
                _channel, pk = known.pop(key)
                if pk is None:
                    del self.new_addresses[person.external_id, key]
                else:
                    self.old_addresses.append(pk)
                changed = True
        for address in filter(None, (row.email, *row.devices)):
            if address.key not in known:
                known[address.key] = (address.channel, None)
                self.new_addresses[person.external_id, address.key] = address
                changed = True
        return changed

    def _apply_consents(self, person: _Person, row: ContactRow) -> bool:
        changed = False
        for channel in row.consents:
            granted, since = person.consents.get(channel, (False, None))
            if granted or (since is not None and not _is_later(row.consented_at, since)):
                # A withdrawal stands until the person agrees again, later: a nightly export of the shop is no new consent.
                continue
            if since is not None:
                self.lifted.update((key, channel) for key in person.addresses)
            at = row.consented_at or self.now
            person.consents[channel] = (True, at)
            self.given.append((person, channel, at))
            changed = True
        return changed

    def _save(self) -> None:
        # Sorted, so that two imports on PostgreSQL take their row locks in the same order.
        touched = sorted((one for one in self.people.values() if one.touched), key=lambda one: one.external_id)
        self._save_contacts(touched)
        if self.old_addresses:
            Endpoint.objects.filter(pk__in=self.old_addresses).delete()
        bulk.insert(
            Endpoint,
            ("contact", "channel", "address", "recipient_key", "platform", "status", "created_at"),
            (
                (
                    self.people[name].pk,
                    one.channel,
                    one.address,
                    one.key,
                    one.platform,
                    Endpoint.Status.ACTIVE.value,
                    self.now,
                )
                for (name, _key), one in self.new_addresses.items()
            ),
            unique=("contact", "recipient_key"),
        )
        bulk.insert(
            Consent,
            ("contact", "channel", "purpose", "brand", "granted", "changed_at"),
            ((person.pk, channel, MARKETING, "", True, at) for person, channel, at in self.given),
            unique=("contact", "channel", "purpose", "brand"),
            update=("granted", "changed_at"),
        )
        bulk.insert(
            ConsentRecord,
            ("contact", "channel", "purpose", "brand", "granted", "source", "wording", "occurred_at", "recorded_at"),
            (
                (person.pk, channel, MARKETING, "", True, self.source, "", at, self.now)
                for person, channel, at in self.given
            ),
        )
        for key, channel in self.lifted:
            suppressions.lift(key, channel, reason=Suppression.Reason.UNSUBSCRIBED)

    def _save_contacts(self, touched: list[_Person]) -> None:
        new = {one.external_id: one for one in touched if one.pk is None}
        bulk.insert(
            Contact,
            ("public_id", "external_id", "bucket", "created_at", "updated_at", "attributes", *_EMPTY),
            (
                (uuid7(), name, random_bucket(), self.now, self.now, one.attributes, *one.columns.values())
                for name, one in new.items()
            ),
            # Another import may have been faster with the same id: ours is then one more change of that contact.
            unique=("external_id",),
            update=("updated_at", "attributes", *_EMPTY),
        )
        if new:
            for pk, name in Contact.objects.filter(external_id__in=new).values_list("pk", "external_id"):
                new[str(name)].pk = pk
        bulk.change(
            Contact,
            ("updated_at", "attributes", *_EMPTY),
            (
                (self.now, one.attributes, *one.columns.values(), one.pk)
                for one in touched
                if one.external_id not in new
            ),
        )


def _same(before: Any, after: Any) -> bool:
    """JSON equality: 1 and true are two things."""
    return type(before) is type(after) and before == after


def _is_later(moment: datetime | None, than: datetime) -> bool:
    return moment is not None and moment > than


def erase(contact: Contact, by: User | None) -> None:
    """Forget the person: names, ids, attributes and addresses go, and so do places on lists and consents.

    What stays: the emptied row (orders and deliveries still add up), the records of consent (proof, without a name), and a
    keyed hash of each address in the suppression list, so that an old export does not bring the person back.
    Raises `Conflict` when it was done before.
    """
    with transaction.atomic():
        won = Contact.objects.filter(pk=contact.pk, erased_at__isnull=True).update(
            erased_at=clock.now(),
            updated_at=clock.now(),
            external_id=None,
            first_name="",
            last_name="",
            locale="",
            timezone="",
            market=None,
            attributes={},
        )
        if not won:
            raise Conflict(_("This contact has been erased already."))
        contact.refresh_from_db()
        for endpoint in contact.endpoints.all():
            suppressions.suppress(endpoint.recipient_key, endpoint.channel, Suppression.Reason.ERASED)
        contact.endpoints.update(address="", contact=None, platform="", status=Endpoint.Status.INVALID)
        contact.consents.all().delete()
        ContactListMember.objects.filter(contact=contact).delete()
        # The log writes down what a thing was called when somebody did something to it.
        ModelLogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(Contact), object_id=str(contact.pk)
        ).update(label=str(contact), data={})
        log(contact, "almanac.erase", user=by)
