"""Whose order it is, whichever of the two was told first.

An order names its customer by the shop's id, an address or a phone number. While nobody has it, a keyed hash of each is
kept with the order; when a contact with one of them appears, the order is linked to it, and its redemption too.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.audiences import arrivals, keys
from campaigns.audiences.models import Contact, Endpoint
from campaigns.promotions.models import Order, OrderLinking, OrderReference, Redemption
from core import clock
from core.errors import Invalid
from core.signing import keyed_hash

Kind = OrderReference.Kind


@dataclass(frozen=True, slots=True)
class Customer:
    """How a customer was named. Empty texts: not by that."""

    external_id: str = ""
    email: str = ""
    phone: str = ""

    def __bool__(self) -> bool:
        return bool(self.external_id or self.email or self.phone)

    @property
    def is_word(self) -> bool:
        """Whether one word was given that may be an id as well as an address: as an id it contradicts nobody's."""
        return self.external_id != "" and self.external_id in (self.email, self.phone)

    def keys(self) -> dict[str, str]:
        """The keyed hash of each name that was given, by kind; raises `Invalid` for an address that cannot be one."""
        kind = Kind.WORD if self.is_word else Kind.ID
        found = {kind.value: id_key(self.external_id)} if self.external_id else {}
        if self.email:
            found[Kind.EMAIL.value] = keys.recipient_key(keys.EMAIL, self.email)
        if self.phone:
            found[Kind.PHONE.value] = keys.recipient_key(keys.PHONE, self.phone)
        return found


def named(text: str) -> Customer:
    """What one word says: the shop's id, and perhaps an address (with an @-sign) or a number (with a plus sign)."""
    word = text.strip()
    if len(word) > 200:
        raise Invalid(_("“contact” has at most 200 characters."))
    if word.startswith("+") or "@" in word:
        channel, field = (keys.PHONE, "phone") if word.startswith("+") else (keys.EMAIL, "email")
        try:
            keys.written(channel, word)
        except Invalid:
            return Customer(external_id=word)
        return Customer(external_id=word, **{field: word})
    return Customer(external_id=word)


def id_key(external_id: str) -> str:
    """The keyed hash of the shop's id of a customer."""
    return keyed_hash("promotions.customer-id.v1", external_id)


def find(customer: Customer) -> Contact | None:
    """The contact that is meant, if it is there and no other can be meant.

    The id goes first. An address or a number counts when one contact alone has it, and that contact has no other id of the
    shop's than the one that was given.
    """
    people = Contact.objects.filter(erased_at__isnull=True)
    if customer.external_id and (found := people.filter(external_id=customer.external_id).first()):
        return found
    for kind, key in customer.keys().items():
        if kind in (Kind.EMAIL, Kind.PHONE):
            having = list(people.filter(endpoints__recipient_key=key).distinct()[:2])
            if len(having) == 1 and (not customer.external_id or customer.is_word or having[0].external_id is None):
                return having[0]
    return None


def find_all(named: Sequence[Customer]) -> list[int | None]:
    """`find` for many: the key of each one's contact, or None."""
    people = Contact.objects.filter(erased_at__isnull=True)
    wanted = {customer.external_id for customer in named if customer.external_id}
    by_id = dict(people.filter(external_id__in=wanted).values_list("external_id", "pk")) if wanted else {}
    unknown = {
        place: one for place, one in enumerate(named) if one.external_id not in by_id and (one.email or one.phone)
    }
    names = {place: one.keys() for place, one in unknown.items()}
    reached = [key for keys_ in names.values() for kind, key in keys_.items() if kind in (Kind.EMAIL, Kind.PHONE)]
    having = _having(reached) if reached else {}
    return [
        by_id.get(one.external_id) or (_alone(one, names[place], having) if place in unknown else None)
        for place, one in enumerate(named)
    ]


def _alone(customer: Customer, names: Mapping[str, str], having: Mapping[str, Mapping[int, str | None]]) -> int | None:
    """Who alone has the address or the number, with no other id than the one that was given."""
    for kind in (Kind.EMAIL, Kind.PHONE):
        people = having.get(names.get(kind, ""), {})
        if len(people) == 1:
            [(contact, external_id)] = people.items()
            if not customer.external_id or customer.is_word or external_id is None:
                return contact
    return None


def keep(order: Order, customer: Customer) -> None:
    """Remember how the customer of an order was named, and look again behind the commit."""
    OrderReference.objects.bulk_create(
        [OrderReference(order=order, kind=kind, key=key) for kind, key in customer.keys().items()],
        ignore_conflicts=True,
    )
    transaction.on_commit(lambda: link_if_known(order, customer), robust=True)


def link_if_known(order: Order, customer: Customer) -> bool:
    """Link an order that has no contact to the one that is meant, if there is one by now."""
    if order.contact_id is not None or not customer:
        return False
    contact = find(customer)
    if contact is None:
        return False
    with transaction.atomic():
        _link({order.pk: contact.pk})
    order.refresh_from_db(fields=["contact"])
    return True


@arrivals.listener
def link_waiting(arrived: Sequence[arrivals.Arrival]) -> None:
    """Link the orders that wait for one of `arrived`."""
    if not OrderReference.objects.exists():
        return
    by_id = {id_key(one.external_id): one.contact_id for one in arrived if one.external_id}
    wanted = [*by_id, *(key for one in arrived for key in one.keys)]
    waiting: dict[int, dict[str, str]] = defaultdict(dict)
    orders = OrderReference.objects.filter(key__in=wanted, order__contact=None).values("order")
    for order, kind, key in OrderReference.objects.filter(order__in=orders).values_list("order", "kind", "key"):
        waiting[order][kind] = key
    if waiting:
        having = _having({key for names in waiting.values() for key in names.values()})
        _link({order: found for order, names in waiting.items() if (found := _meant(names, by_id, having))})


def _having(wanted: Collection[str]) -> Mapping[str, dict[int, str | None]]:
    """Who has each address or number: contact ids with the shop's id of each."""
    found: dict[str, dict[int, str | None]] = defaultdict(dict)
    rows = Endpoint.objects.filter(recipient_key__in=wanted, contact__erased_at__isnull=True, contact__isnull=False)
    for key, contact, external_id in rows.values_list("recipient_key", "contact", "contact__external_id"):
        if contact is not None:
            found[key][contact] = external_id
    return found


def _meant(
    names: Mapping[str, str], by_id: Mapping[str, int], having: Mapping[str, Mapping[int, str | None]]
) -> int | None:
    id_given = names.get(Kind.ID, "")
    for key in (id_given, names.get(Kind.WORD, "")):
        if key in by_id:
            return by_id[key]
    for kind in (Kind.EMAIL, Kind.PHONE):
        people = having.get(names.get(kind, ""), {})
        if len(people) == 1:
            [(contact, external_id)] = people.items()
            if not id_given or external_id is None:
                return contact
    return None


def link_all(found: Mapping[int, int]) -> None:
    """Link orders, by their keys, to contacts."""
    if found:
        with transaction.atomic():
            _link(found)


def _link(found: Mapping[int, int]) -> None:
    """Write the links, take away what was kept for them, and leave the news."""
    for order, contact in sorted(found.items()):
        if not Order.objects.filter(pk=order, contact=None).update(contact=contact):
            continue
        source, number = Order.objects.values_list("source", "external_id").get(pk=order)
        Redemption.objects.filter(source=source, external_id=f"order:{number}", contact=None).update(contact=contact)
        OrderReference.objects.filter(order=order).delete()
        OrderLinking.objects.create(order_id=order, recorded_at=clock.now())
