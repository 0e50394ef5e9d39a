"""Writes of the shared ground: service accounts and their tokens."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from wagtail.log_actions import log
from wagtail.models import APIToken

from core.errors import Conflict
from core.models import TokenGrant, User


@transaction.atomic
def create_token(name: str, scopes: Sequence[str], *, expires_at: datetime | None = None) -> str:
    """A new API token for the service account `name` (made when it does not exist); returns the token, shown only once.

    A service account is a user of its own, so that “another account than the author's” holds for tokens too. Raises
    `Conflict` when `name` belongs to a person.
    """
    user, made = User.objects.get_or_create(username=name, defaults={"is_service_account": True})
    if not user.is_service_account:
        raise Conflict(f"“{name}” is a person's account. Choose another name for the service account.")
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    token, plaintext = APIToken.create_token(user=user, name=name)
    TokenGrant.objects.create(token=token, scopes=list(scopes), expires_at=expires_at)
    log(user, "almanac.create_token", data={"scopes": list(scopes)})
    return plaintext
