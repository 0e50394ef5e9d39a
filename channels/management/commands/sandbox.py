"""Run the sandbox: a mail server and provider APIs on loopback."""

import argparse
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from channels.sandbox.server import HTTP_PORT, SMTP_PORT, Sandbox


class Command(BaseCommand):
    """``manage.py sandbox``: serves until it is told to stop."""

    help = "Serve a mail server and the APIs of SendGrid, X and FCM on loopback, and keep what arrives."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The two ports."""
        parser.add_argument("--smtp-port", type=int, default=SMTP_PORT)
        parser.add_argument("--http-port", type=int, default=HTTP_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until TERM or Ctrl-C."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with Sandbox(smtp_port=options["smtp_port"], http_port=options["http_port"]) as sandbox:
            self.stderr.write(f"Sandbox: SMTP on 127.0.0.1:{sandbox.smtp_port}, APIs on {sandbox.base_url}")
            stop.wait()
