"""Secrets at rest: AES-256-GCM, bound to the row and the field they stand in.

The associated data names the row, so a ciphertext that is copied to another row does not open there (Fernet has none).
Format: ``v1:`` + base64url(nonce ‖ ciphertext ‖ tag).
"""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db.models import Model

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
    return _opened(text, bound_to)[0]


def is_current(text: str, *, bound_to: str) -> bool:
    """Whether it opens with the present key and not only with a former one; raises `FixSettings` when no key of ours opens it."""
    return _opened(text, bound_to)[1]


def _opened(text: str, bound_to: str) -> tuple[Any, bool]:
    try:
        if not text.startswith(_PREFIX):
            raise ValueError("not one of ours")
        raw = base64.urlsafe_b64decode(text.removeprefix(_PREFIX))
    except ValueError:  # binascii.Error is one
        raise FixSettings(
            "A stored secret is empty or damaged and cannot be opened. Enter the secret again, or restore it from a backup."
        ) from None
    for number, key in enumerate(signing.keys_for(_PURPOSE)):
        try:
            return json.loads(AESGCM(key).decrypt(raw[:12], raw[12:], bound_to.encode())), number == 0
        except (InvalidTag, ValueError):  # a nonce too short is a ValueError
            continue
    raise FixSettings(
        "A stored secret cannot be opened with the present ALMANAC_SECRET_KEY. Add the former key to "
        "ALMANAC_SECRET_KEY_FALLBACKS, or enter the secret again."
    )


# --- Rotation --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """A field that holds such texts, and what each row's is bound to. A room registers its own when it is ready."""

    model: type[Model]
    field: str
    bound_to: Callable[[Any], str]


_holders: list[Holder] = []


def register(holder: Holder) -> None:
    """Let a rotation of the key reach this field too."""
    if holder not in _holders:
        _holders.append(holder)


@dataclass(slots=True)
class Rotation:
    """How many stored secrets are `current`, were or would be `renewed`, and which rows no key opens (`closed`: model, id)."""

    current: int = 0
    renewed: int = 0
    closed: list[str] = field(default_factory=list)


def rotate(*, only_look: bool = False) -> Rotation:
    """Encrypt with the present key whatever opens with a former one only. A row that somebody saves meanwhile stays theirs."""
    done = Rotation()
    for holder, row, text in _all():
        place = holder.bound_to(row)
        try:
            value, current = _opened(text, place)
        except FixSettings:
            done.closed.append(f"{holder.model._meta.label}:{row.pk}")
            continue
        if current:
            done.current += 1
            continue
        if not only_look:
            same = holder.model._default_manager.filter(pk=row.pk, **{holder.field: text})
            same.update(**{holder.field: encrypt_json(value, bound_to=place)})
        done.renewed += 1
    return done


def _all() -> Iterator[tuple[Holder, Any, str]]:
    for holder in _holders:
        for row in holder.model._default_manager.order_by("pk").iterator():
            if text := getattr(row, holder.field):
                yield holder, row, text
