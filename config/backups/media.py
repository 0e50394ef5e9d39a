"""What was uploaded, through the storage that keeps it: a folder or S3, it is the same to a backup."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import default_storage


def names(folder: str = "") -> Iterator[str]:
    """Every file, by its name in the storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for file in sorted(files):
        if file:
            yield f"{folder}/{file}" if folder else file
    for inner in sorted(folders):
        if inner:
            yield from names(f"{folder}/{inner}" if folder else inner)


def save(target: Path) -> int:
    """Write all of it to the tar file `target`; how many files. One that is taken away meanwhile is left out."""
    count = 0
    with tarfile.open(target, "w") as tar:
        for name in names():
            try:
                with default_storage.open(name) as file:
                    entry = tarfile.TarInfo(name)
                    entry.size = file.size
                    tar.addfile(entry, file)
            except FileNotFoundError:
                continue
            count += 1
    return count


def put_back(source: Path) -> int:
    """Write every file of `source` to the storage, in place of one of the same name; how many. Others stay.

    The storage refuses a name that leads out of it.
    """
    count = 0
    with tarfile.open(source) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is None:
                continue
            if default_storage.exists(entry.name):
                default_storage.delete(entry.name)
            default_storage.save(entry.name, File(content, name=entry.name))
            count += 1
    return count
