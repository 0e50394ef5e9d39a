"""`manage.py sandbox`: SMTP, SendGrid, X and FCM, played on this machine."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels.sandbox import server


class Command(BaseCommand):
    """Run the sandbox until Ctrl-C. `demo` starts it; tests start it without Django."""

    help = "Play a mail server, SendGrid, X and FCM on loopback ports, and keep what arrives for the outbox."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen; 0 is any free port."""
        parser.add_argument("--smtp-port", type=int, default=0)
        parser.add_argument("--http-port", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until told to stop."""
        try:
            server.run(server.home(settings.ALMANAC_HOME), options["smtp_port"], options["http_port"])
        except OSError as error:
            raise CommandError(f"The sandbox cannot listen: {error.strerror}. Choose other ports.") from error
