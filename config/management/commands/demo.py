"""`manage.py demo`: a whole shop on this machine, set up and started by one command."""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import assets, processes
from config.demo import place as places
from config.demo.build import PASSWORD, PEOPLE, Shop
from config.supervisor import Child, Supervisor
from core.errors import AlmanacError, FixSettings

WORKERS = 2


class Command(BaseCommand):
    """Set up the demo shop, start it, and stop it all on one Ctrl-C; or do the main job once and tell what came of it."""

    help = "Set up and start a demo shop with a sandbox instead of the outside world."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, and whether once."""
        parser.add_argument(
            "--port", type=int, default=None, help="where to listen (by default 8000, or the next free)"
        )
        parser.add_argument(
            "--once",
            action="store_true",
            help="do the main job from writing to review, print a summary as JSON, exit 0 only if every figure is right",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Enter the demo's environment, set up, then run."""
        started = time.monotonic()
        place = places.entered()
        if place is None:
            try:
                places.enter(places.find(Path(settings.ALMANAC_HOME), options["port"]))
            except FixSettings as error:
                raise CommandError(error.message) from error
        assert place is not None
        try:
            self._set_up(place)
        except AlmanacError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt:
            self._say("\nStopped while setting up. Start again with the same command: it goes on from here.")
            sys.exit(130)
        self._say(f"Ready to start after {time.monotonic() - started:.0f} s.")
        sys.exit(self._once(place) if options["once"] else self._stay(place))

    def _say(self, line: str) -> None:
        self.stderr.write(line)

    def _step(self, what: str, work: Callable[[], Any]) -> Any:
        """Do one step and say how long it took."""
        self.stderr.write(f"  {what} …", ending="")
        self.stderr.flush()
        began = time.monotonic()
        result = work()
        self.stderr.write(f" {time.monotonic() - began:.1f} s")
        return result

    def _set_up(self, place: places.Place) -> None:
        self._say("Setting up the demo shop in " + str(settings.ALMANAC_HOME))
        self._step("Database", lambda: call_command("migrate", verbosity=0, interactive=False))
        self._step("Front end and translations", lambda: assets.build())
        for what, work in Shop(place, self._say).steps:
            self._step(what, work)

    def _children(self, place: places.Place) -> list[Child]:
        return [processes.sandbox(place.smtp_port, place.http_port), *processes.installation(place.port, WORKERS)]

    # -- until Ctrl-C --

    def _stay(self, place: places.Place) -> int:
        supervisor = Supervisor(self._children(place), self._say)
        code = supervisor.run(self._until_it_answers(place))
        self._say("Stopped. Start again with the same command: the data is kept.")
        return code

    def _until_it_answers(self, place: places.Place) -> Callable[[], None]:
        """Welcomes people once the web process answers, and says before that it is still starting."""
        began = told = time.monotonic()
        waiting = True

        def look() -> None:
            nonlocal told, waiting
            if not waiting:
                return
            if processes.answers(place.base_url):
                waiting = False
                self._welcome(place)
            elif time.monotonic() - told >= processes.TELL_EVERY:
                told = time.monotonic()
                self._say(f"  The web process is starting, for {told - began:.0f} s now …")

        return look

    def _welcome(self, place: places.Place) -> None:
        self._say("")
        self._say(f"  The shop          {place.base_url}/")
        self._say(f"  Almanac           {place.base_url}/admin/")
        self._say(f"  What was sent     {place.base_url}/admin/outbox/")
        self._say("")
        for username, first_name, last_name, role in PEOPLE:
            self._say(f"  {username:<12} {PASSWORD}   {first_name} {last_name}, {role or 'Admin'}")
        self._say("")
        self._say("  Ctrl-C stops everything.")

    # -- once --

    def _once(self, place: places.Place) -> int:
        from config.demo.job import Job

        lines: list[str] = []
        supervisor = Supervisor(self._children(place), lines.append)
        job = Job(place, lambda: not supervisor.stopping)
        job.start()

        def until_done() -> None:
            while job.news:
                self._say("  " + job.news.popleft())
            if not job.is_alive():
                supervisor.stopping = True

        code = supervisor.run(until_done)
        job.join()
        until_done()
        summary = job.summary
        if code or not summary["ok"]:
            self._say("\n".join(["", "The last lines of the processes:", *lines[-60:]]))
        self.stdout.write(json.dumps(summary, indent=2))
        return 0 if summary["ok"] and not code else 1
