"""Making a copy, looking at one, and putting it back."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config.backups import databases, keys, media
from core import clock, heartbeat
from core.errors import Conflict, Invalid
from core.models import Installation, User

MANIFEST, MEDIA, KEYS = "manifest.json", "media.tar", "keys.json"
FORMAT = 1
PREFIX = "almanac-"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy in a folder, and what its manifest says."""

    folder: Path
    manifest: dict[str, Any]


def back_up(to: Path, *, with_keys: bool = True, keep: int = 0) -> Copy:
    """Make a copy in a new folder below `to`, readable by its owner only; of the copies there the latest `keep` stay.

    The database comes first: a picture that it knows was uploaded before and is in the media that follow. A copy that is not
    whole has no manifest, and its folder begins with a dot.
    """
    to.mkdir(parents=True, exist_ok=True)
    made_at = clock.now().astimezone(UTC)
    name = f"{PREFIX}{made_at:%Y%m%dT%H%M%SZ}"
    scratch, folder = to / f".{name}", to / name
    if folder.exists():
        raise Conflict(f"{folder} is there already.")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    databases.save(scratch / databases.name())
    count = media.save(scratch / MEDIA)
    if with_keys:
        keys.save(scratch / KEYS)
    manifest = {
        "format": FORMAT,
        "made_at": made_at.isoformat(),
        "version": settings.VERSION,
        "vendor": connection.vendor,
        "installation": str(Installation.objects.get(pk=1).public_id) if Installation.objects.exists() else "",
        "base_url": settings.ALMANAC_BASE_URL,
        "languages": [code for code, _name in settings.LANGUAGES],
        "media_files": count,
        "migrations": sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()),
        "keys": keys.marks(),
        "files": {
            path.name: {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in sorted(scratch.iterdir())
        },
    }
    (scratch / MANIFEST).write_text(json.dumps(manifest, indent=1))
    _to_disk(scratch)
    scratch.rename(folder)
    if keep:
        for old in sorted(to.glob(f"{PREFIX}*Z"))[:-keep]:
            shutil.rmtree(old)
    return Copy(folder, manifest)


def look(folder: Path) -> Copy:
    """The copy in `folder`, after every file was compared with its manifest. Raises `Invalid`."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{folder} is no backup: it has no readable {MANIFEST}.") from error
    if manifest.get("format") != FORMAT:
        raise Invalid(f"{folder} was made by a later release: restore it with that one.")
    for name, known in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != known["bytes"] or _digest(path) != known["sha256"]:
            raise Invalid(f"The backup is damaged: {name} is not what was written.")
    return Copy(folder, manifest)


def check(copy: Copy) -> None:
    """Raise the reason why this installation cannot take `copy`: another database, later migrations, other keys."""
    if copy.manifest["vendor"] != connection.vendor:
        raise Invalid(f"The backup is of {copy.manifest['vendor']}, and DATABASE_URL names {connection.vendor}.")
    here = {f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {}}
    ours = {name.partition(".")[0] for name in here}
    later = [name for name in copy.manifest["migrations"] if name not in here and name.partition(".")[0] in ours]
    if later:
        raise Invalid(
            f"The backup was made by a later release (it has the migration {later[0]}): restore it with that one."
        )
    if wanted := keys.missing(copy.manifest["keys"], copy.folder / KEYS):
        raise keys.refuse(wanted)


def is_in_use() -> bool:
    """Whether the database that would be replaced holds a shop: somebody has an account in it."""
    try:
        return User.objects.exists()
    except DatabaseError:
        return False


def is_running() -> bool:
    """Whether a process of the installation was heard within the last minute."""
    try:
        return any(heartbeat.alive(kind) for kind in ("worker", "scheduler"))
    except DatabaseError:
        return False


def restore(copy: Copy) -> int:
    """Put `copy` back: keys, media, and last the database, held until a person confirms. How many media files.

    Raises `Conflict` while processes run, and what `check` raises; then nothing was changed.
    """
    check(copy)
    if is_running():
        raise Conflict("Stop web, workers and scheduler first; a minute after their last sign of life this goes on.")
    count = media.put_back(copy.folder / MEDIA)
    if (copy.folder / KEYS).is_file():
        keys.put_back(copy.folder / KEYS)
    _keep_languages(copy.manifest["languages"])
    databases.put_back(copy.folder / databases.name())
    return count


def _keep_languages(codes: list[str]) -> None:
    if not settings.ALMANAC_LANGUAGES_FILE.exists():
        settings.ALMANAC_LANGUAGES_FILE.write_text(" ".join(codes))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
