"""`manage.py create_token --name N --scope S…`: a service account's API token, as the last word on standard output."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import database
from core.errors import AlmanacError
from core.services import create_token


class Command(BaseCommand):
    """Make an API token for a service account; there is one account per name, and it is a user."""

    help = "Make an API token for a service account. The token is the last word printed and is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name and scopes."""
        parser.add_argument("--name", required=True, help="the service account; made when it does not exist")
        parser.add_argument(
            "--scope",
            required=True,
            action="extend",
            nargs="+",
            metavar="S",
            help="such as orders:write; * is every scope",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token."""
        try:
            database.prepare(self.stderr.write)
            self.stdout.write(create_token(options["name"], options["scope"]))
        except AlmanacError as error:
            raise CommandError(error.message) from error
