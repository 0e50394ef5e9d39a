"""`manage.py backup`: a copy of database, media and keys while everything runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backups import service
from core.errors import AlmanacError


class Command(BaseCommand):
    """Make a copy; prints its folder, so that a script can take it away from this machine."""

    help = "Copy database, media and keys to a new folder, while everything runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and what."""
        parser.add_argument("to", type=Path, help="folder in which the copy's own folder is made")
        parser.add_argument(
            "--keep", type=int, default=0, metavar="N", help="of the copies there only the latest N stay"
        )
        parser.add_argument("--without-keys", action="store_true", help="leave the keys out: they are kept elsewhere")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        try:
            copy = service.back_up(options["to"], with_keys=not options["without_keys"], keep=max(0, options["keep"]))
        except AlmanacError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"The copy could not be written: {error}") from error
        size = sum(file["bytes"] for file in copy.manifest["files"].values())
        self.stderr.write(f"Copied the database and {copy.manifest['media_files']} files, {size / 1e6:,.1f} MB.")
        self.stdout.write(str(copy.folder))
