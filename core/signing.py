"""Keyed hashes and compact tokens, with a key of its own for every purpose.

Keys are derived from ``ALMANAC_SECRET_KEY`` by HKDF-SHA256 (RFC 5869) with the purpose as `info`, so a token made for one
purpose never verifies for another. Verification also tries ``SECRET_KEY_FALLBACKS``: after a rotation old links go on
working.
"""

import base64
import hmac
from collections.abc import Iterator
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

MAC_BYTES = 16


class BadToken(ValueError):
    """The token was not made by us for this purpose."""


@lru_cache(maxsize=256)
def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=b"almanac", info=purpose.encode()).derive(secret.encode())


def key_for(purpose: str) -> bytes:
    """The current 32-byte key for `purpose`."""
    return _derive(settings.SECRET_KEY, purpose)


def keys_for(purpose: str) -> Iterator[bytes]:
    """The current key and then those of retired secrets."""
    yield key_for(purpose)
    for secret in settings.SECRET_KEY_FALLBACKS:
        yield _derive(secret, purpose)


def keyed_hash(purpose: str, value: str) -> str:
    """A stable keyed SHA-256 of `value`, 64 hexadecimal digits.

    Uses ``ALMANAC_HASH_KEY`` (by default the oldest secret key that the settings name), because hashes that are stored
    must survive a rotation of the secret key.
    """
    return hmac.digest(_derive(settings.ALMANAC_HASH_KEY, purpose), value.encode(), "sha256").hex()


def seal(purpose: str, payload: bytes) -> str:
    """A URL-safe token of `payload` and a 128-bit MAC; the payload can be read by anyone."""
    mac = hmac.digest(key_for(purpose), payload, "sha256")[:MAC_BYTES]
    return base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode()


def unseal(purpose: str, token: str) -> bytes:
    """The payload of a token made by `seal` for the same purpose; raises `BadToken` for anything else."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, UnicodeEncodeError) as error:
        raise BadToken(purpose) from error
    payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    # Base64 has spare bits at its end: only the spelling that we write is ours, or one token would have several names.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise BadToken(purpose)
    for key in keys_for(purpose):
        if hmac.compare_digest(hmac.digest(key, payload, "sha256")[:MAC_BYTES], mac):
            return payload
    raise BadToken(purpose)
