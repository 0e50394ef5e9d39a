"""When the contacts last changed, in a word: what was counted of them is right for as long as the word is the same.

The word is new after every commit that changed contacts, consents or places on lists. Rules may look at more (orders, the day):
whoever keeps a count keeps it for `KEPT_SECONDS` at most.
"""

import secrets
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from campaigns.audiences.models import Change, Consent, Contact, ContactListMember

KEPT_SECONDS = 15 * 60
_NAME = "contacts"


def note() -> None:
    """Contacts change in this transaction. Behind its commit, so that two imports do not wait for each other's row."""
    transaction.on_commit(_renew, robust=True)


def word() -> str:
    """The word of now; empty while no change was ever noted, and then nothing may be kept."""
    return Change.objects.filter(name=_NAME).values_list("word", flat=True).first() or ""


def watch() -> None:
    """Note what is saved one by one; services that write many at once call `note`."""
    for model in (Contact, Consent, ContactListMember):
        post_save.connect(_saved, sender=model, dispatch_uid="audiences.changes")
    post_delete.connect(_saved, sender=Contact, dispatch_uid="audiences.changes")


def _saved(**told: Any) -> None:
    note()


def _renew() -> None:
    Change.objects.update_or_create(name=_NAME, defaults={"word": secrets.token_hex(8)})
