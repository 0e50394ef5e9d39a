"""`manage.py web`: the web server alone, for hosts and containers that run nothing else."""

from argparse import ArgumentParser
from typing import Any

from config import nursery, processes
from config.management.alone import Alone
from config.supervisor import Child


class Command(Alone):
    """Become the web server. `up` runs it together with workers and a scheduler."""

    help = "Run the web server alone (`up` runs everything)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")

    def child(self, **options: Any) -> Child:
        """What `up` would start; a supervisor of them where the settings ask for several."""
        children = processes.webs(options["port"], options["host"])
        if len(children) > 1:
            nursery.become_supervisor([(child, -1, -1) for child in children])
        return children[0]
