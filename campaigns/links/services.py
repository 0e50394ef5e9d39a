"""Making link sets and addresses, and looking targets up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.links import addresses, tokens
from campaigns.links.models import Link, LinkSet
from core.errors import Conflict, Invalid

LINKS_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads, and whether its holder's token may be told there."""

    url: str
    passes_token: bool


def create_set(owner: UUID, urls: Sequence[tuple[str, str]], own_hosts: Collection[str] | None = None) -> LinkSet:
    """The link set of `owner` with one link per (url, label), numbered from 0.

    Links to `own_hosts` (ours and the shop's) tell the click token to their target, whatever else stands in their query;
    others never do. Without `own_hosts` those do that carry ``utm_source=almanac``.

    A set never changes: asking again with the same links gives the same set, with other links it is a `Conflict`. Raises
    `Invalid` for an address that is not http or https.
    """
    wanted = [(_checked(url), label[:200]) for url, label in urls]
    if len(wanted) > LINKS_AT_MOST:
        raise Invalid(
            _("One message can hold %(most)d links; this one has %(count)d. Remove some and try again.")
            % {"most": LINKS_AT_MOST, "count": len(wanted)}
        )
    with transaction.atomic():
        link_set, is_new = LinkSet.objects.get_or_create(owner=owner)
        if is_new:
            Link.objects.bulk_create(
                Link(
                    link_set=link_set,
                    number=number,
                    url=url,
                    label=label,
                    passes_token=None if own_hosts is None else addresses.leads_to(url, own_hosts),
                )
                for number, (url, label) in enumerate(wanted)
            )
        elif list(link_set.links.order_by("number").values_list("url", "label")) != wanted:
            raise Conflict(_("These links were sealed before with other targets; seal the message again."))
    return link_set


def target(link_set_id: int, number: int) -> str | None:
    """Where link `number` of the set leads, or None."""
    found = target_of(link_set_id, number)
    return found.url if found else None


def target_of(link_set_id: int, number: int) -> Target | None:
    """As `target`, with what may be told there. Links never change, so found ones are kept in memory."""
    try:
        return _known_target(link_set_id, number)
    except Link.DoesNotExist:
        return None


def click_url(token: str, number: int) -> str:
    """The public address of tracked link `number` for the holder of `token`."""
    return f"{settings.ALMANAC_BASE_URL}/c/{token}/{number}"


def sample_url() -> str:
    """A tracked address of this installation as long as a real one, for what is counted before there is a recipient."""
    return click_url("x" * len(tokens.make("click", 0, 0)), 0)


def open_url(token: str) -> str:
    """The public address of the picture that tells of an opened e-mail."""
    return f"{settings.ALMANAC_BASE_URL}/o/{token}.gif"


def unsubscribe_url(token: str) -> str:
    """The public address of the unsubscribe page for the holder of `token` (of purpose ``unsubscribe``)."""
    return f"{settings.ALMANAC_BASE_URL}/u/{token}"


@lru_cache(maxsize=20_000)
def _known_target(link_set_id: int, number: int) -> Target:
    url, passes = Link.objects.values_list("url", "passes_token").get(link_set_id=link_set_id, number=number)
    if passes is None:
        own = addresses.leads_to(url, {urlsplit(settings.ALMANAC_BASE_URL).hostname or ""})
        passes = own or addresses.OUR_SOURCE in url.partition("#")[0].partition("?")[2].split("&")
    return Target(url, passes)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(ord(letter) <= 32 for letter in url):
        raise Invalid(
            _("“%(url)s” cannot be a link in a message. Write a whole address that begins with https://.")
            % {"url": url[:200]}
        )
    return url
