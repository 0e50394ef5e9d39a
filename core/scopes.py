"""What a token may be allowed to do: every scope there is. A token with another one is not made."""

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from core.errors import Invalid

EVERYTHING = "*"
SCOPES: Mapping[str, "str | Promise"] = {
    "contacts:read": lazy("Read contacts and what happened to them"),
    "contacts:write": lazy("Bring in and erase contacts, and close addresses in bulk"),
    "lists:read": lazy("Read contact lists"),
    "lists:write": lazy("Make, change and delete contact lists"),
    "segments:read": lazy("Read segments"),
    "segments:write": lazy("Make, change and delete segments"),
    "audiences:read": lazy("Read audiences"),
    "audiences:write": lazy("Make audiences"),
    "suppressions:read": lazy("Read which addresses are closed"),
    "suppressions:write": lazy("Close and open addresses"),
    "messages:read": lazy("Read messages"),
    "messages:write": lazy("Make, change and delete messages"),
    "pages:read": lazy("Read pages"),
    "campaigns:read": lazy("Read campaigns and stages"),
    "campaigns:write": lazy("Make and change campaigns and stages"),
    "occasions:read": lazy("Read occasions"),
    "publications:read": lazy("Read publications and their ledger"),
    "publications:write": lazy("Plan, schedule, pause and cancel publications"),
    "publications:approve": lazy("Approve publications of others"),
    "channels:read": lazy("Read channel accounts"),
    "channels:write": lazy("Make, change and test channel accounts"),
    "offers:read": lazy("Read offers"),
    "offers:write": lazy("Make, change and delete offers"),
    "products:read": lazy("Read products"),
    "products:write": lazy("Make, change and delete products"),
    "markets:read": lazy("Read markets"),
    "markets:write": lazy("Make and change markets"),
    "orders:read": lazy("Read orders"),
    "orders:write": lazy("Tell of orders and refunds"),
    "redemptions:read": lazy("Read redemptions"),
    "results:read": lazy("Read results"),
    "reviews:read": lazy("Read reviews"),
    "reviews:write": lazy("Freeze reviews"),
    "tokens:read": lazy("Read which API tokens there are"),
    "tokens:write": lazy("Revoke API tokens"),
    "webhooks:read": lazy("Read outgoing webhooks"),
    "webhooks:write": lazy("Make, change, test and replay outgoing webhooks"),
}


def check(scopes: Iterable[str]) -> list[str]:
    """`scopes`, each once; raises `Invalid` for one that there is not, or for none at all."""
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope != EVERYTHING and scope not in SCOPES]
    if unknown:
        raise Invalid(
            _("There is no scope “%(unknown)s”. There are %(known)s, and * for all of them.")
            % {"unknown": ", ".join(unknown)[:200], "known": ", ".join(SCOPES)},
            field="scopes",
        )
    if not wanted:
        raise Invalid(_("A token needs at least one scope."), field="scopes")
    return wanted
