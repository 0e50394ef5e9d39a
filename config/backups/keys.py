"""The keys that a copy needs: without them stored secrets do not open, and nobody who opted out is known any more."""

import hashlib
import hmac
import json
import os
from pathlib import Path

from django.conf import settings

from core.errors import FixSettings


def mark(key: str) -> str:
    """What tells one key from another and does not give it away."""
    return hmac.new(key.encode(), b"almanac: which key is it", hashlib.sha256).hexdigest()[:16]


def marks() -> dict[str, list[str]]:
    """The marks of the keys that the settings name."""
    return {
        "secret": [mark(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)],
        "hash": [mark(settings.ALMANAC_HASH_KEY)],
    }


def save(target: Path) -> None:
    """Write the keys, for the owner's eyes only."""
    content = {
        "ALMANAC_SECRET_KEY": settings.SECRET_KEY,
        "ALMANAC_SECRET_KEY_FALLBACKS": ",".join(settings.SECRET_KEY_FALLBACKS),
        "ALMANAC_HASH_KEY": settings.ALMANAC_HASH_KEY,
    }
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)


def own_file() -> Path | None:
    """Where this installation keeps its own secret key: the embedded profile does when it was told none."""
    path = Path(settings.ALMANAC_HOME) / "secret_key"
    kept = not settings.ALMANAC_KEY_WAS_TOLD and path.is_file()
    return path if kept else None


def missing(known: dict[str, list[str]], kept: Path) -> list[str]:
    """Which variables have to be set before a copy with the marks `known` can be put back; empty when all is well.

    `kept` is the file of `save`, which need not be there.
    """
    here = marks()
    if own_file() is not None and kept.is_file():
        return _that_the_file_cannot_carry(json.loads(kept.read_text()))
    wanted = []
    if known["secret"][0] not in here["secret"]:
        wanted.append("ALMANAC_SECRET_KEY (or, if there is a new one, ALMANAC_SECRET_KEY_FALLBACKS)")
    if known["hash"] != here["hash"]:
        wanted.append("ALMANAC_HASH_KEY")
    return wanted


def put_back(kept: Path) -> bool:
    """Let the embedded profile's own file hold the copy's key; False where the environment names the key."""
    own = own_file()
    if own is None or not kept.is_file():
        return False
    scratch = own.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text(json.loads(kept.read_text())["ALMANAC_SECRET_KEY"])
    scratch.replace(own)
    return True


def _that_the_file_cannot_carry(keys: dict[str, str]) -> list[str]:
    """Fallbacks and another hash key stand in the environment only."""
    here = {
        "ALMANAC_SECRET_KEY_FALLBACKS": ",".join(settings.SECRET_KEY_FALLBACKS),
        "ALMANAC_HASH_KEY": settings.ALMANAC_HASH_KEY,
    }
    wanted = []
    if keys["ALMANAC_SECRET_KEY_FALLBACKS"] != here["ALMANAC_SECRET_KEY_FALLBACKS"]:
        wanted.append("ALMANAC_SECRET_KEY_FALLBACKS")
    oldest = [keys["ALMANAC_SECRET_KEY"], *filter(None, keys["ALMANAC_SECRET_KEY_FALLBACKS"].split(","))][-1]
    if keys["ALMANAC_HASH_KEY"] != oldest and keys["ALMANAC_HASH_KEY"] != here["ALMANAC_HASH_KEY"]:
        wanted.append("ALMANAC_HASH_KEY")
    return wanted


def refuse(wanted: list[str]) -> FixSettings:
    """The error that says what to set."""
    return FixSettings(
        f"Set {' and '.join(wanted)} to what the copy was made with (keys.json has it) and start again: with other keys stored "
        "secrets do not open and nobody who opted out would be known. Nothing was changed."
    )
