"""`manage.py rotate_keys`: stored secrets under the present ALMANAC_SECRET_KEY."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import crypto


class Command(BaseCommand):
    """Encrypt with the present key what opens with a former one only. Harmless to repeat, and while everything runs."""

    help = "Encrypt stored secrets with the present ALMANAC_SECRET_KEY (docs/how-to/rotate-keys.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Look only."""
        parser.add_argument(
            "--check", action="store_true", help="only count; exit code 1 if a key is needed that is not there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say how many."""
        done = crypto.rotate(only_look=options["check"])
        verb = "open with a former key only" if options["check"] else "were encrypted anew"
        self.stdout.write(f"{done.current} stored secrets are under the present key; {done.renewed} {verb}.")
        if done.closed:
            raise CommandError(
                f"No key that is set opens {', '.join(done.closed)}. Add the former key to ALMANAC_SECRET_KEY_FALLBACKS, or "
                "enter the secret again."
            )
