"""Writes of the shared ground: service accounts and their tokens."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import APIToken

from core import clock, scopes
from core.errors import Conflict, Invalid
from core.models import TokenGrant, User


@transaction.atomic
def create_token(
    name: str, wanted: Sequence[str], *, by: User | None = None, expires_at: datetime | None = None
) -> str:
    """A new API token for the service account `name` (made when it does not exist); returns the token, shown only once.

    A service account is a user of its own, so that “another account than the author's” holds for tokens too. Raises
    `Conflict` when `name` belongs to a person, `Invalid` for a scope that there is not.
    """
    allowed = scopes.check(wanted)
    name = " ".join(name.split())
    if not 0 < len(name) <= 150:
        raise Invalid(_("A service account needs a name of at most 150 characters."), field="name")
    user, made = User.objects.get_or_create(username=name, defaults={"is_service_account": True})
    if not user.is_service_account:
        raise Conflict(f"“{name}” is a person's account. Choose another name for the service account.")
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    token, plaintext = APIToken.create_token(user=user, name=name)
    TokenGrant.objects.create(token=token, scopes=allowed, expires_at=expires_at)
    log(user, "almanac.create_token", user=by, data={"scopes": allowed})
    return plaintext


@transaction.atomic
def revoke_token(grant: TokenGrant, by: User | None) -> None:
    """The token does not work from now on. Harmless to repeat."""
    if grant.token.revoked_at is not None:
        return
    grant.token.revoked_at = clock.now()
    grant.token.save(update_fields=["revoked_at"])
    grant.touch()
    log(grant.token.user, "almanac.revoke_token", user=by, data={"token": grant.token.prefix})
