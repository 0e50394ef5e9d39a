"""Contacts: many at once, and the end of one."""

from collections.abc import Iterable, Iterator, Mapping
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
)
from campaigns.audiences.services import rows, suppressions
from campaigns.audiences.services.rows import Address, ContactRow
from core import clock
from core.errors import Conflict, Invalid
from core.models import Market, User

BATCH = 500
"""Rows of one transaction: some 40 ms, so that nobody who writes beside an import on SQLite has to wait for it."""

MOST_LINE_BYTES = 64 * 1024
COLUMNS = ["first_name", "last_name", "locale", "timezone", "market", "attributes", "updated_at"]


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


def _upsert(numbered: Iterable[tuple[int, Any]], source: str) -> UpsertReport:
    report = UpsertReport()
    markets = dict(Market.objects.values_list("code", "pk"))
    accepted = _read_all(numbered, markets, report)
    while batch := list(islice(accepted, BATCH)):
        with transaction.atomic():
            _Batch(source, markets).write(batch, report)
    return report


def _read_all(
    numbered: Iterable[tuple[int, Any]], markets: Mapping[str, int], report: UpsertReport
) -> Iterator[ContactRow]:
    for number, data in numbered:
        try:
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


class _Batch:
    """One transaction of an upsert: read what is there, work out the difference, write it in a few statements."""

    def __init__(self, source: str, markets: Mapping[str, int]) -> None:
        self.source = source
        self.markets = markets
        self.now = clock.now()
        self.contacts: dict[str, Contact] = {}
        self.endpoints: dict[str, dict[str, Endpoint]] = {}
        self.consents: dict[str, dict[str, Consent]] = {}
        self.touched: dict[str, Contact] = {}
        self.new_endpoints: list[Endpoint] = []
        self.old_endpoints: list[int] = []
        self.new_consents: list[Consent] = []
        self.records: list[ConsentRecord] = []
        self.lifted: set[tuple[str, str]] = set()

    def write(self, batch: list[ContactRow], report: UpsertReport) -> None:
        self._load(batch)
        for row in batch:
            self._apply(row, report)
        self._save()

    def _load(self, batch: list[ContactRow]) -> None:
        found = Contact.objects.filter(external_id__in={row.external_id for row in batch})
        by_id = {}
        for contact in found:
            by_id[contact.pk] = name = str(contact.external_id)
            self.contacts[name] = contact
        for endpoint in Endpoint.objects.filter(contact_id__in=by_id):
            self.endpoints.setdefault(by_id[endpoint.contact_id], {})[endpoint.recipient_key] = endpoint  # type: ignore[index]
        for consent in Consent.objects.filter(contact_id__in=by_id, purpose=MARKETING, brand=""):
            self.consents.setdefault(by_id[consent.contact_id], {})[consent.channel] = consent

    def _apply(self, row: ContactRow, report: UpsertReport) -> None:
        contact = self.contacts.get(row.external_id)
        created = contact is None
        if contact is None:
            contact = self.contacts[row.external_id] = Contact(external_id=row.external_id)
        changed = self._apply_columns(contact, row)
        if created or changed:
            self.touched[row.external_id] = contact
        changed |= self._apply_addresses(contact, row)
        changed |= self._apply_consents(contact, row)
        if created:
            report.created += 1
        elif changed:
            report.updated += 1
        else:
            report.unchanged += 1

    def _apply_columns(self, contact: Contact, row: ContactRow) -> bool:
        changed = False
        for name, value in row.columns.items():
            if getattr(contact, name) != value:
                setattr(contact, name, value)
                changed = True
        if row.market is not None and contact.market_id != self.markets.get(row.market):
            contact.market_id = self.markets.get(row.market)
            changed = True
        for name, value in row.attributes.items():
            if value is None:
                changed |= contact.attributes.pop(name, None) is not None
            elif name not in contact.attributes or not _same(contact.attributes[name], value):
                contact.attributes[name] = value
                changed = True
        return changed

    def _apply_addresses(self, contact: Contact, row: ContactRow) -> bool:
        known = self.endpoints.setdefault(row.external_id, {})
        changed = False
        if row.email is not None or row.no_email:
            keep = row.email.key if row.email else ""
            for key in [key for key, one in known.items() if one.channel == keys.EMAIL and key != keep]:
                self._drop(known.pop(key))
                changed = True
        for address in filter(None, (row.email, *row.devices)):
            if address.key not in known:
                known[address.key] = self._add(contact, address)
                changed = True
        return changed

    def _add(self, contact: Contact, address: Address) -> Endpoint:
        endpoint = Endpoint(
            contact=contact,
            channel=address.channel,
            address=address.address,
            recipient_key=address.key,
            platform=address.platform,
            created_at=self.now,
        )
        self.new_endpoints.append(endpoint)
        return endpoint

    def _drop(self, endpoint: Endpoint) -> None:
        if endpoint.pk is None:
            self.new_endpoints.remove(endpoint)
        else:
            self.old_endpoints.append(endpoint.pk)

    def _apply_consents(self, contact: Contact, row: ContactRow) -> bool:
        known = self.consents.setdefault(row.external_id, {})
        changed = False
        for channel in row.consents:
            consent = known.get(channel)
            if consent is not None and (consent.granted or not _is_later(row.consented_at, consent.changed_at)):
                # A withdrawal stands until the person agrees again, later: a nightly export of the shop is no new consent.
                continue
            if consent is None:
                consent = known[channel] = Consent(contact=contact, channel=channel, granted=True)
            else:
                self.lifted.update((key, channel) for key in self.endpoints.get(row.external_id, {}))
            consent.granted = True
            consent.changed_at = row.consented_at or self.now
            self.new_consents.append(consent)
            self.records.append(
                ConsentRecord(
                    contact=contact,
                    channel=channel,
                    granted=True,
                    source=self.source,
                    occurred_at=consent.changed_at,
                    recorded_at=self.now,
                )
            )
            changed = True
        return changed

    def _save(self) -> None:
        # Sorted, so that two imports on PostgreSQL take their row locks in the same order.
        touched = [self.touched[name] for name in sorted(self.touched)]
        changed = [contact for contact in touched if contact.pk is not None]
        for contact in changed:
            contact.updated_at = self.now
        Contact.objects.bulk_create(
            [contact for contact in touched if contact.pk is None],
            update_conflicts=True,  # another import was faster with the same id: ours is one more change of that contact
            unique_fields=["external_id"],
            update_fields=COLUMNS,
        )
        Contact.objects.bulk_update(changed, COLUMNS)
        if self.old_endpoints:
            Endpoint.objects.filter(pk__in=self.old_endpoints).delete()
        Endpoint.objects.bulk_create(self.new_endpoints, ignore_conflicts=True)
        given_again = [consent for consent in self.new_consents if consent.pk is not None]
        Consent.objects.bulk_create(
            [consent for consent in self.new_consents if consent.pk is None],
            update_conflicts=True,
            unique_fields=["contact", "channel", "purpose", "brand"],
            update_fields=["granted", "changed_at"],
        )
        for consent in given_again:
            consent.save(update_fields=["granted", "changed_at"])
        ConsentRecord.objects.bulk_create(self.records)
        for key, channel in self.lifted:
            suppressions.lift(key, channel, reason=Suppression.Reason.UNSUBSCRIBED)


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
