"""The reference of a delivery as it travels with the message and comes back in events: the same for every attempt."""

import hmac

from core.signing import keyed_hash

_PURPOSE = "publishing.delivery-ref"


def make(delivery_id: int) -> str:
    """An opaque reference; another installation at the same provider makes others."""
    return f"{delivery_id:x}-{keyed_hash(_PURPOSE, str(delivery_id))[:20]}"


def read(ref: str) -> int | None:
    """The delivery's id; None for a reference that is not ours."""
    number, _dash, _mac = ref.partition("-")
    try:
        delivery_id = int(number, 16)
    except ValueError:
        return None
    return (
        delivery_id
        if 0 < delivery_id < 2**63 and hmac.compare_digest(make(delivery_id).encode(), ref.encode())
        else None
    )
