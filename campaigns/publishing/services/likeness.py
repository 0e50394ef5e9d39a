"""Posts of the same words on one account: X shows no text twice, so it refuses one as “duplicate content” for another.

The comparison is of the whole text as it is sent, with its tracked link where it has one.
"""

from functools import lru_cache

from campaigns.publishing.models import Delivery
from campaigns.publishing.services import seals
from campaigns.publishing.services.flights import Row
from campaigns.publishing.services.jobs import job_for
from campaigns.publishing.states import DeliveryState
from channels.base import Channel, PostPart
from core.signing import keyed_hash

MAY_STAND_THERE = (
    DeliveryState.ATTEMPTING,
    DeliveryState.ACCEPTED,
    DeliveryState.UNKNOWN,
    DeliveryState.UNCONFIRMED,
)


def are_alike(one: Delivery, other: Delivery) -> bool:
    """Whether two posts say the same, word by word."""
    words = _words(one.pk, one.part_id)
    return bool(words) and words == _words(other.pk, other.part_id)


def stands_alone(post: Delivery) -> bool:
    """Whether no other post of ours with these words may stand on the same account."""
    others = Delivery.objects.filter(
        publication__account=post.publication.account_id,
        publication__channel=Channel.SOCIAL,
        state__in=MAY_STAND_THERE,
        part__isnull=False,
    ).exclude(pk=post.pk)
    return not any(are_alike(post, other) for other in others.only("pk", "part_id").order_by("-pk").iterator())


@lru_cache(maxsize=10_000)
def _words(delivery_id: int, part_id: int | None) -> str:
    """A hash of the text; what is sealed stays as it is."""
    if part_id is None:
        return ""
    row = Delivery.objects.select_related("contact", "endpoint").get(pk=delivery_id)
    part = job_for(seals.load_part(part_id), Row.of(row)).part
    return keyed_hash("publishing.post", " ".join(part.text.split())) if isinstance(part, PostPart) else ""
