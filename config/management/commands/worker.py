"""`manage.py worker`: one channel worker alone, for hosts and containers that run nothing else."""

from argparse import ArgumentParser
from typing import Any

from config import processes
from config.management.alone import Alone
from config.supervisor import Child


class Command(Alone):
    """Become a channel worker. `up` runs some together with web and scheduler."""

    help = "Run one channel worker alone (`up` runs everything)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Its number."""
        parser.add_argument("--number", type=int, default=1, help="another one for each worker of this host")

    def child(self, **options: Any) -> Child:
        """What `up` would start."""
        return processes.worker(options["number"])
