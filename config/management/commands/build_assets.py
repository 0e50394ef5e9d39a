"""`manage.py build_assets`: translations and front-end bundles."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import assets
from core.errors import FixSettings


class Command(BaseCommand):
    """Build what is not committed: bundles, compiled translations, collected static files."""

    help = "Compile translations, bundle the front end and collect static files, where something changed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to collect."""
        parser.add_argument("--no-collect", action="store_true", help="leave the static files where they are")

    def handle(self, *args: Any, **options: Any) -> None:
        """Build."""
        try:
            assets.build(self.stderr.write, collect=not options["no_collect"])
        except FixSettings as error:
            raise CommandError(error.message) from error
