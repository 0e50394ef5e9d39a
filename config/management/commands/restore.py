"""`manage.py restore`: put a copy back; nothing is sent from it before a person confirms."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.backups import service
from core.errors import AlmanacError


class Command(BaseCommand):
    """Look whether a copy is whole and fits, and put it back."""

    help = "Put a backup back. It is held: nothing is sent before an administrator confirms it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which copy."""
        parser.add_argument("backup", type=Path, help="the folder that `backup` printed")
        parser.add_argument("--check", action="store_true", help="only say whether it is whole and fits here")
        parser.add_argument("--replace", action="store_true", help="replace a database that is in use")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        try:
            copy = service.look(options["backup"])
            service.check(copy)
            if options["check"]:
                self.stdout.write(f"The backup of {copy.manifest['made_at']} is whole and fits here.")
                return
            if service.is_in_use() and not options["replace"]:
                words = "The database is in use. With --replace it is replaced by the backup, and what it has is gone."
                raise CommandError(words)
            count = service.restore(copy)
        except AlmanacError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"The backup could not be put back: {error}") from error
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(
            f"Put back the database of {copy.manifest['made_at']} and {count} files. It sends nothing yet."
        )
        self.stdout.write("Start it, and confirm it under Reports → Installation when no other copy of it runs.")
