"""Contacts: many at once, and the end of one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry

from campaigns.audiences import arrivals, changes, keys
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
from campaigns.audiences.services import attributes, rows, suppressions
from campaigns.audiences.services.rows import Address, ContactRow
from core import bulk, clock, failpoints, webhooks
from core.errors import Conflict, Invalid
from core.ids import uuid7
from core.models import Market, User

BATCH = 1_000
"""Rows of one transaction: some 50 ms, so that nobody who writes beside an import on SQLite has to wait for it."""

MOST_LINE_BYTES = 64 * 1024
_EMPTY: Mapping[str, Any] = {"first_name": "", "last_name": "", "locale": "", "timezone": "", "market": None}


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was left out: its line, from 1, and what to change."""

    line: int
    message: str


@dataclass(slots=True)
class UpsertReport:
    """What became of the rows; created + updated + unchanged + refused = rows.

    `with_address` and `with_consent` count the rows that brought one (an e-mail address; an agreement to any channel), new
    or not. `warnings` are fields that were left out of rows that were taken.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    with_address: int = 0
    with_consent: int = 0
    errors: list[RowError] = field(default_factory=list)
    warnings: list[RowError] = field(default_factory=list)

    def refuse(self, line: int, message: str) -> None:
        """Note a row that was left out."""
        self.refused += 1
        self.errors.append(RowError(line, message))

    def warn(self, line: int, messages: Iterable[str]) -> None:
        """Note fields that were left out of a row that was taken."""
        self.warnings += [RowError(line, message) for message in messages]


def upsert(contacts: Iterable[Any], *, source: str = "import") -> UpsertReport:
    """Create or change contacts by `external_id`; see `rows.read` for the shape of one.

    Committed in batches of `BATCH`, so a broken-off import is repeated from the start without harm. A row that says
    nothing new writes nothing. `source` stands in the record of each consent that is given.
    """
    return _upsert(((number, data) for number, data in enumerate(contacts, 1)), source)


def upsert_lines(lines: Iterable[bytes], *, source: str = "api") -> UpsertReport:
    """`upsert` for lines of NDJSON; empty lines are passed over but counted."""
    return _upsert(((number, line) for number, line in enumerate(lines, 1) if line.strip()), source)


def upsert_numbered(
    numbered: Iterable[tuple[int, Any]],
    *,
    source: str,
    by_address: bool = False,
    report: UpsertReport | None = None,
) -> UpsertReport:
    """`upsert` for rows that know their line. A row may be an `Invalid`: refused with its sentence.

    With `by_address`, a row without an id is the one contact that has its e-mail address, or a new one: files of tools that
    do not know the shop's ids have no other name for a person.
    """
    return _upsert(numbered, source, by_address, report)


def _upsert(
    numbered: Iterable[tuple[int, Any]], source: str, by_address: bool = False, report: UpsertReport | None = None
) -> UpsertReport:
    report = report or UpsertReport()
    markets = dict(Market.objects.values_list("code", "pk"))
    accepted = _read_all(numbered, markets, report, by_address)
    while batch := list(islice(accepted, BATCH)):
        with bulk.turn():
            _Batch(source, markets).write(batch, report)
            failpoints.reached("import")
    return report


def _read_all(
    numbered: Iterable[tuple[int, Any]], markets: Mapping[str, int], report: UpsertReport, by_address: bool
) -> Iterator[tuple[int, ContactRow]]:
    kinds = attributes.kinds()
    for number, data in numbered:
        try:
            if isinstance(data, Invalid):
                raise data
            if isinstance(data, bytes):
                if len(data) > MOST_LINE_BYTES:
                    raise Invalid(_("The line is longer than 64 KB."))
                data = rows.read_line(data)
            row = rows.read(data, kinds, by_address=by_address)
            if row.market and row.market not in markets:
                raise Invalid(_("There is no market “%(code)s”.") % {"code": row.market[:40]})
        except Invalid as error:
            report.refuse(number, error.message)
        else:
            yield number, row


@dataclass(slots=True)
class _Person:
    """A contact as far as a batch needs to know it. Without `pk` it is new. `name` is what the batch calls it by."""

    name: str
    external_id: str | None
    pk: int | None = None
    public_id: UUID = field(default_factory=uuid7)
    columns: dict[str, Any] = field(default_factory=lambda: dict(_EMPTY))
    attributes: dict[str, Any] = field(default_factory=dict)
    addresses: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    consents: dict[str, tuple[bool, datetime]] = field(default_factory=dict)
    touched: bool = False
    changed: bool = False
    arrived: bool = False


class _Batch:
    """One transaction of an upsert: read what is there, work out the difference, write it in a few statements."""

    def __init__(self, source: str, markets: Mapping[str, int]) -> None:
        self.source = source
        self.markets = markets
        self.now = clock.now()
        self.people: list[_Person] = []
        self.by_id: dict[str, _Person] = {}
        self.by_address: dict[str, list[_Person]] = defaultdict(list)
        self.new_addresses: dict[tuple[str, str], tuple[_Person, Address]] = {}
        self.old_addresses: list[int] = []
        self.given: list[tuple[_Person, str, datetime]] = []
        self.lifted: set[tuple[str, str]] = set()
        self.adopted: list[_Person] = []

    def write(self, batch: list[tuple[int, ContactRow]], report: UpsertReport) -> None:
        self._load([row for _number, row in batch])
        for number, row in batch:
            try:
                self._apply(row, report)
            except Invalid as error:
                report.refuse(number, error.message)
                continue
            report.with_address += row.email is not None
            report.with_consent += bool(row.consents)
            report.warn(number, row.warnings)
        self._save()

    def _load(self, batch: Sequence[ContactRow]) -> None:
        """Contacts by the ids of the batch, and by its addresses where an id is missing or nobody's."""
        self._load_people(Contact.objects.filter(external_id__in={row.external_id for row in batch if row.external_id}))
        asked = {row.email.key for row in batch if row.email and row.external_id not in self.by_id}
        if not asked:
            return
        known = {person.pk for person in self.people}
        owners = Endpoint.objects.filter(
            recipient_key__in=asked, channel=keys.EMAIL, contact__isnull=False, contact__erased_at__isnull=True
        )
        if others := set(owners.values_list("contact_id", flat=True)) - known:
            self._load_people(Contact.objects.filter(pk__in=others))

    def _load_people(self, contacts: QuerySet[Contact]) -> None:
        by_pk: dict[int, _Person] = {}
        for pk, name, attributes_, *values in contacts.values_list("pk", "external_id", "attributes", *_EMPTY):
            person = _Person(f"={pk}", name, pk, columns=dict(zip(_EMPTY, values, strict=True)), attributes=attributes_)
            by_pk[pk] = person
            self.people.append(person)
            if name is not None:
                self.by_id[name] = person
        if not by_pk:
            return
        for pk, owner, channel, key in Endpoint.objects.filter(contact_id__in=by_pk).values_list(
            "pk", "contact_id", "channel", "recipient_key"
        ):
            by_pk[owner or 0].addresses[key] = (channel, pk)
            if channel == keys.EMAIL:
                self.by_address[key].append(by_pk[owner or 0])
        for owner, channel, granted, at in Consent.objects.filter(
            contact_id__in=by_pk, purpose=MARKETING, brand=""
        ).values_list("contact_id", "channel", "granted", "changed_at"):
            by_pk[owner].consents[channel] = (granted, at)

    def _apply(self, row: ContactRow, report: UpsertReport) -> None:
        person = self._person(row)
        created = person is None
        if person is None:
            person = _Person(f"+{len(self.people)}", row.external_id or None, touched=True, arrived=True)
            self.people.append(person)
            if row.external_id:
                self.by_id[row.external_id] = person
        changed = person in self.adopted and self._takes_id(person, row)
        changed |= self._apply_columns(person, row)
        person.touched |= changed
        changed |= self._apply_addresses(person, row)
        changed |= self._apply_consents(person, row)
        person.changed |= changed
        if created:
            report.created += 1
        elif changed:
            report.updated += 1
        else:
            report.unchanged += 1

    def _person(self, row: ContactRow) -> _Person | None:
        """Whom the row means; raises `Invalid` when that cannot be told.

        Somebody who came without an id (in a list of another tool) is the customer who now brings her address and an id.
        """
        if row.external_id in self.by_id:
            return self.by_id[row.external_id]
        having = (
            [one for one in self.by_address.get(row.email.key, ()) if row.email.key in one.addresses]
            if row.email
            else []
        )
        if row.external_id:
            if len(having) != 1 or having[0].external_id is not None:
                return None
            [person] = having
            self.by_id[row.external_id] = person
            self.adopted.append(person)
            return person
        if len(having) > 1:
            raise Invalid(_("Several contacts have this address. Add a column external_id, so that the row names one."))
        return having[0] if having else None

    def _takes_id(self, person: _Person, row: ContactRow) -> bool:
        if not row.external_id or person.external_id == row.external_id:
            return False
        person.external_id = row.external_id
        person.arrived = True
        return True

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
        for only, address, is_none in ((keys.EMAIL, row.email, row.no_email), (keys.PHONE, row.phone, row.no_phone)):
            if address is not None or is_none:
                changed |= self._keep_only(person, only, address.key if address else "")
        for address in filter(None, (row.email, row.phone, *row.devices)):
            if address.key not in known:
                known[address.key] = (address.channel, None)
                self.new_addresses[person.name, address.key] = (person, address)
                self.by_address[address.key].append(person)
                person.arrived = changed = True
        return changed

    def _keep_only(self, person: _Person, channel: str, keep: str) -> bool:
        """A contact has one address and one number: the others of that channel go."""
        others = [key for key, (of, _pk) in person.addresses.items() if of == channel and key != keep]
        for key in others:
            _channel, pk = person.addresses.pop(key)
            if pk is None:
                del self.new_addresses[person.name, key]
            else:
                self.old_addresses.append(pk)
        return bool(others)

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
        self._save_contacts(sorted((one for one in self.people if one.touched), key=lambda one: one.external_id or ""))
        if self.old_addresses:
            Endpoint.objects.filter(pk__in=self.old_addresses).delete()
        bulk.insert(
            Endpoint,
            ("contact", "channel", "address", "recipient_key", "platform", "status", "created_at"),
            (
                (person.pk, one.channel, one.address, one.key, one.platform, Endpoint.Status.ACTIVE.value, self.now)
                for person, one in self.new_addresses.values()
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
                (person.pk, channel, MARKETING, "", True, self.source[:200], "", at, self.now)
                for person, channel, at in self.given
            ),
        )
        if self.old_addresses or self.given or any(one.touched or one.arrived for one in self.people):
            changes.note()
        for key, channel in self.lifted:
            suppressions.lift(key, channel, reason=Suppression.Reason.UNSUBSCRIBED)
        arrivals.announce(
            [
                arrivals.Arrival(one.pk, one.external_id or "", tuple(one.addresses))
                for one in self.people
                if one.arrived and one.pk is not None
            ]
        )

    def _save_contacts(self, touched: list[_Person]) -> None:
        new = [one for one in touched if one.pk is None]
        bulk.insert(
            Contact,
            ("public_id", "external_id", "bucket", "created_at", "updated_at", "attributes", *_EMPTY),
            (
                (
                    one.public_id,
                    one.external_id,
                    random_bucket(),
                    self.now,
                    self.now,
                    one.attributes,
                    *one.columns.values(),
                )
                for one in new
            ),
            # Another import may have been faster with the same id: ours is then one more change of that contact.
            unique=("external_id",),
            update=("updated_at", "attributes", *_EMPTY),
        )
        if new:
            named = {one.external_id for one in new if one.external_id}
            by_id = dict(Contact.objects.filter(external_id__in=named).values_list("external_id", "pk"))
            unnamed = [one.public_id for one in new if not one.external_id]
            by_public_id = dict(Contact.objects.filter(public_id__in=unnamed).values_list("public_id", "pk"))
            for one in new:
                one.pk = by_id[one.external_id] if one.external_id else by_public_id[one.public_id]
        fresh = {id(one) for one in new}
        bulk.change(
            Contact,
            ("updated_at", "attributes", *_EMPTY),
            ((self.now, one.attributes, *one.columns.values(), one.pk) for one in touched if id(one) not in fresh),
        )
        Contact.objects.filter(pk__in=[one.pk for one in self.people if one.changed and not one.touched]).update(
            updated_at=self.now
        )
        for one in self.adopted:
            if one.pk is not None and id(one) not in fresh:
                Contact.objects.filter(pk=one.pk).update(external_id=one.external_id)


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
        changes.note()
        contact.consents.all().delete()
        ContactListMember.objects.filter(contact=contact).delete()
        # The log writes down what a thing was called when somebody did something to it.
        ModelLogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(Contact), object_id=str(contact.pk)
        ).update(label=str(contact), data={})
        webhooks.announce("contact.erased", {"contact": str(contact.public_id)}, key=str(contact.pk))
        log(contact, "almanac.erase", user=by)
