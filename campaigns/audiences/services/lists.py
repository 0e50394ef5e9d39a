"""Contact lists: fixed sets."""

from collections.abc import Iterable

from campaigns.audiences import changes
from campaigns.audiences.models import ContactList, ContactListMember
from core import bulk

BATCH = 2000


def create(name: str) -> ContactList:
    """An empty list."""
    return ContactList.objects.create(name=name[:200])


def add(contact_list: ContactList, contact_ids: Iterable[int]) -> int:
    """Put contacts on the list, each once; answers how many were not on it before. Committed in batches."""
    present = set(contact_list.members.values_list("contact_id", flat=True))
    missing = [pk for pk in dict.fromkeys(contact_ids) if pk not in present]
    for start in range(0, len(missing), BATCH):
        with bulk.turn():
            bulk.insert(
                ContactListMember,
                ("contact_list", "contact"),
                ((contact_list.pk, pk) for pk in missing[start : start + BATCH]),
                unique=("contact_list", "contact"),
            )
            changes.note()
    return len(missing)


def remove(contact_list: ContactList, contact_ids: Iterable[int]) -> int:
    """Take contacts off the list; answers how many were on it."""
    removed = contact_list.members.filter(contact_id__in=list(contact_ids)).delete()[0]
    changes.note()
    return removed
