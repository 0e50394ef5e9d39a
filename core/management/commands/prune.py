"""`manage.py prune`: what is forgotten after a while; the scheduler does it every hour."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from core import clock, retention


class Command(BaseCommand):
    """Say what is kept for how long and how much of it is due, and forget that."""

    help = "Forget what is no longer needed (the scheduler does it every hour)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Look only."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would be forgotten")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each policy."""
        now = clock.now()
        for policy in retention.policies():
            kept = f"after {policy.days} days" if policy.days else "never"
            if options["dry_run"]:
                count, verb = policy.rows(now).count(), "due"
            else:
                count, verb = retention.prune(policy), "forgotten"
            self.stdout.write(f"{policy.name}: {policy.words}; {kept} ({policy.setting}); {count} {verb}")
