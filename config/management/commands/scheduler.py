"""`manage.py scheduler`: the clock process."""

from typing import Any

from django.core.management.base import BaseCommand

from config import scheduler


class Command(BaseCommand):
    """Look once a second for what is due. `manage.py up` starts it; any number may run, on any host."""

    help = "Look once a second for what is due (started by `up`)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        scheduler.run()
