"""Contact lists: fixed sets."""

import json
from collections.abc import Iterable

from django.utils.translation import gettext as _

from campaigns.audiences import changes
from campaigns.audiences.models import ContactList, ContactListMember, Segment
from core import bulk
from core.errors import Conflict

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
    contact_list.touch()
    return len(missing)


def remove(contact_list: ContactList, contact_ids: Iterable[int]) -> int:
    """Take contacts off the list; answers how many were on it."""
    contact_list.touch()
    changes.note()
    return contact_list.members.filter(contact_id__in=list(contact_ids)).delete()[0]


def check_unused(contact_list: ContactList) -> None:
    """Raise `Conflict` while a segment would break without the list."""
    public_id = str(contact_list.public_id)
    names = [segment.name for segment in Segment.objects.all() if public_id in json.dumps(segment.rule)]
    if names:
        raise Conflict(
            _("These segments use the list: %(names)s. Change them first.") % {"names": ", ".join(names[:5])},
            code="in_use",
        )


def remove_list(contact_list: ContactList) -> None:
    """Delete the list; its contacts stay. Raises `Conflict` as `check_unused` does."""
    check_unused(contact_list)
    contact_list.delete()
