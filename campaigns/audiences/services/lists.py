"""Contact lists: fixed sets."""

from collections.abc import Iterable

from django.db import transaction

from campaigns.audiences.models import ContactList, ContactListMember

BATCH = 2000


def add(contact_list: ContactList, contact_ids: Iterable[int]) -> int:
    """Put contacts on the list, each once; answers how many were not on it before. Committed in batches."""
    present = set(contact_list.members.values_list("contact_id", flat=True))
    missing = [pk for pk in dict.fromkeys(contact_ids) if pk not in present]
    for start in range(0, len(missing), BATCH):
        with transaction.atomic():
            ContactListMember.objects.bulk_create(
                [ContactListMember(contact_list=contact_list, contact_id=pk) for pk in missing[start : start + BATCH]],
                ignore_conflicts=True,
            )
    return len(missing)


def remove(contact_list: ContactList, contact_ids: Iterable[int]) -> int:
    """Take contacts off the list; answers how many were on it."""
    return contact_list.members.filter(contact_id__in=list(contact_ids)).delete()[0]
