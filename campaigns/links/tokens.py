"""The token in a tracked address: which delivery, and which links; made by us or refused.

Twelve bytes (delivery and link set, big-endian) and a MAC of 128 bits, 38 characters in base64url. Click and unsubscribe
tokens have keys of their own: one never verifies as the other. The click token serves opens too, which tell no more.
"""

import struct
from dataclasses import dataclass
from typing import Literal

from core import signing
from core.signing import BadToken

__all__ = ["BadToken", "Purpose", "Ref", "is_ours", "make", "read"]

Purpose = Literal["click", "unsubscribe"]

_LAYOUT = struct.Struct(">QI")
_KEYS = {"click": "links.click.v1", "unsubscribe": "links.unsubscribe.v1"}


@dataclass(frozen=True, slots=True)
class Ref:
    """What a token names: ids of `publishing.Delivery` and `links.LinkSet`."""

    delivery_id: int
    link_set_id: int


def make(purpose: Purpose, delivery_id: int, link_set_id: int) -> str:
    """The token for one delivery; always the same for the same arguments and secret key."""
    return signing.seal(_KEYS[purpose], _LAYOUT.pack(delivery_id, link_set_id))


def read(purpose: Purpose, token: str) -> Ref:
    """What `token` names; raises `BadToken` unless we made it for `purpose`."""
    payload = signing.unseal(_KEYS[purpose], token)
    if len(payload) != _LAYOUT.size:
        raise BadToken(purpose)
    return Ref(*_LAYOUT.unpack(payload))


def is_ours(purpose: Purpose, token: str) -> bool:
    """Whether we made `token` for `purpose`."""
    try:
        read(purpose, token)
    except BadToken:
        return False
    return True
