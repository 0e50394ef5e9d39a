"""`manage.py create_token --name N --scope S… [--expires DAY]`: an API token, as the last word on standard output."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock, database
from core.errors import AlmanacError, Invalid
from core.services import create_token


class Command(BaseCommand):
    """Make an API token for a service account; there is one account per name, and it is a user."""

    help = "Make an API token for a service account. The token is the last word printed and is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name, scopes, and an end."""
        parser.add_argument("--name", required=True, help="the service account; made when it does not exist")
        parser.add_argument(
            "--scope",
            required=True,
            action="extend",
            nargs="+",
            metavar="S",
            help="such as orders:write; * is every scope",
        )
        parser.add_argument(
            "--expires",
            metavar="DAY",
            help="the last day (UTC) on which it works, such as 2027-12-31, or how many days from now, such as 90",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token."""
        try:
            database.prepare(self.stderr.write)
            expires_at = _end(options["expires"])
            self.stdout.write(create_token(options["name"], options["scope"], expires_at=expires_at))
        except AlmanacError as error:
            raise CommandError(error.message) from error


def _end(text: str | None) -> datetime | None:
    """The instant from which on it no longer works; raises `Invalid`."""
    if text is None:
        return None
    today = clock.now().date()
    try:
        day = today + timedelta(days=int(text)) if text.isdigit() else date.fromisoformat(text)
        end = datetime.combine(day + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"“{text[:20]}” is no day such as 2027-12-31, nor a number of days.", field="expires") from error
    if day < today:
        raise Invalid(f"{day.isoformat()} is over.", field="expires")
    return end
