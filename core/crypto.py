"""Secrets at rest: AES-256-GCM, bound to the row and the field they stand in.

The associated data names the row, so a ciphertext that is copied to another row does not open there (Fernet has none).
Format: ``v1:`` + base64url(nonce ‖ ciphertext ‖ tag).
"""

import base64
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core import signing
from core.errors import FixSettings

_PURPOSE = "crypto.at-rest.v1"
_PREFIX = "v1:"


def encrypt_json(value: Any, *, bound_to: str) -> str:
    """Encrypt a JSON-serialisable `value`; `bound_to` names model, row and field."""
    nonce = os.urandom(12)
    sealed = AESGCM(signing.key_for(_PURPOSE)).encrypt(nonce, json.dumps(value).encode(), bound_to.encode())
    return _PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode()


def decrypt_json(text: str, *, bound_to: str) -> Any:
    """Open what `encrypt_json` made for the same place; raises `FixSettings` when no key of ours opens it."""
    try:
        if not text.startswith(_PREFIX):
            raise ValueError("not one of ours")
        raw = base64.urlsafe_b64decode(text.removeprefix(_PREFIX))
    except ValueError:  # binascii.Error is one
        raise FixSettings(
            "A stored secret is empty or damaged and cannot be opened. Enter the secret again, or restore it from a backup."
        ) from None
    for key in signing.keys_for(_PURPOSE):
        try:
            return json.loads(AESGCM(key).decrypt(raw[:12], raw[12:], bound_to.encode()))
        except (InvalidTag, ValueError):  # a nonce too short is a ValueError
            continue
    raise FixSettings(
        "A stored secret cannot be opened with the present ALMANAC_SECRET_KEY. Add the former key to "
        "ALMANAC_SECRET_KEY_FALLBACKS, or enter the secret again."
    )
