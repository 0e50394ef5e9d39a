"""``python -m tests.faults.soak --seed N --minutes M [--profile sqlite|postgres-rabbitmq|postgres-redis]``

Publications go out one after another over a mail server and an API while faults of every kind happen at random: workers and
schedulers are killed and paused, bells lost and doubled, the road to the providers cut, slowed and closed, the API throttles
and fails before and after it has taken a call, the database is locked or its sessions are ended, people pause, resume,
cancel, unsubscribe and import. Every fault is printed when it happens; the same seed asks for the same ones.

It ends with everything healed, everything sent, all events told, and the provider's record against the ledger. The last line
says how much it was; the exit code is 0 when no row was unexplained, the audit found nothing and nothing was held as a copy.
"""

import argparse
import base64
import os
import random
import secrets
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults.harness.api import ApiServer
from tests.faults.harness.api import Reply as ApiReply
from tests.faults.harness.compare import in_doubt, unexplained
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import POSTGRES, PROFILES, ConsoleError, Place, Process, place, wait_until
from tests.faults.harness.proxy import ChaosProxy

PEOPLE = 150
AT_ONCE = 3
"""Publications under way at a time."""
END_WITHIN = 300.0
HARM_LASTS = 5.0
OPEN = {"scheduled", "live", "paused", "held"}
POINTS = ("before_call", "in_flight", "after_accept", "answered", "commit", "claimed", "slice")


class Soak:
    """One place under fire."""

    def __init__(self, made: Place, folder: Path, stack: ExitStack, seed: int) -> None:
        self.made, self.stack = made, stack
        self.dice = random.Random(seed)
        self.mail = stack.enter_context(MailServer(folder))
        self.api = stack.enter_context(ApiServer(folder, rule=self.api_rule))
        self.roads = [stack.enter_context(ChaosProxy(server.port)) for server in (self.mail, self.api)]
        self.harm = ""
        self.harmed_until = 0.0
        self.counts: Counter[str] = Counter()
        self.publications: list[str] = []
        self.problems: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self.newcomers = 0
        self.told = 0
        self.begun = time.monotonic()
        self.calls: dict[str, Callable[[], str]] = {
            "kill a worker": self.kill_worker,
            "kill a worker at a named place": self.kill_at_a_place,
            "kill everything": self.kill_everything,
            "pause a worker": self.pause_worker,
            "kill the scheduler": self.kill_scheduler,
            "a second scheduler": self.second_scheduler,
            "lose the bells": self.lose_bells,
            "ring for nothing": self.ring,
            "harm a road": self.harm_road,
            "harm the API": self.harm_api,
            "harm the database": self.harm_database,
            "a person": self.person,
            "tell events": self.tell,
        }

    # --- the course of it

    def run(self, minutes: float) -> None:
        """So many minutes of faults, then the end; `problems` says what was wrong."""
        self.made.do("set_up", people=PEOPLE)
        self.accounts = [
            self.made.do("account", provider="smtp", settings={**self.mail.settings, "port": self.roads[0].port}),
            self.made.do(
                "account",
                provider="sendgrid",
                settings={**self.api.settings, "base_url": f"http://127.0.0.1:{self.roads[1].port}", "batch_size": 20},
            ),
        ]
        self.made.up()
        self.begun = time.monotonic()
        end = self.begun + minutes * 60
        while time.monotonic() < end:
            try:
                self.more_to_send()
            except ConsoleError as error:
                self.say(f"nothing new: {error}")
            self.fault()
            time.sleep(self.dice.uniform(0.2, 2.0))
        self.heal()
        self.finish()
        self.judge()

    def say(self, words: str) -> None:
        """A line with the time."""
        print(f"{time.monotonic() - self.begun:7.1f} s  {words}", flush=True)

    def more_to_send(self) -> None:
        """Keep some publications under way, and two workers that live."""
        for worker in [worker for worker in self.made.workers if worker.poll() is not None]:
            self.made.workers.remove(worker)
            self.made.start_worker()
        states = self.made.do("states")
        under_way = [key for key in self.publications if states[key] in OPEN]
        if len(under_way) < AT_ONCE:
            self.publications.append(self.made.do("publish", account=self.dice.choice(self.accounts)))
            self.say(f"publication {len(self.publications)}")

    def fault(self) -> None:
        """Something happens."""
        name = self.dice.choice(list(self.calls))
        try:
            detail = self.calls[name]()
        except (ConsoleError, sqlite3.OperationalError) as error:
            detail = f"refused ({error})"
        self.counts[name] += 1
        self.say(f"{name}: {detail}" if detail else name)

    # --- faults of processes

    def kill_worker(self) -> str:
        """SIGKILL, and another starts."""
        self.made.kill(self.dice.choice(self.made.workers))
        self.made.start_worker()
        return ""

    def kill_at_a_place(self) -> str:
        """One worker is replaced by one that dies at a failpoint, sooner or later."""
        rule = f"{self.dice.choice(POINTS)}:kill:{self.dice.randint(1, 60)}"
        self.made.kill(self.dice.choice(self.made.workers))
        self.made.start_worker(rule)
        return rule

    def kill_everything(self) -> str:
        """The container is gone; a new one starts."""
        self.made.kill_everything()
        self.made.up()
        return ""

    def pause_worker(self) -> str:
        """SIGSTOP for a while, beyond the lease now and then."""
        worker, seconds = self.dice.choice(self.made.workers), self.dice.choice([0.5, 2, 8])
        worker.send_signal(signal.SIGSTOP)
        threading.Timer(seconds, self._wake, [worker]).start()
        return f"{seconds} s"

    @staticmethod
    def _wake(worker: Process) -> None:
        worker.send_signal(signal.SIGCONT)

    def kill_scheduler(self) -> str:
        """And another starts."""
        for scheduler in list(self.made.schedulers):
            self.made.kill(scheduler)
        self.made.start_scheduler()
        return ""

    def second_scheduler(self) -> str:
        """Two clocks at a time, for a while."""
        if len(self.made.schedulers) < 3:
            self.made.start_scheduler()
        return f"{len(self.made.schedulers)} now"

    # --- bells, roads, providers, database

    def lose_bells(self) -> str:
        """The queue is emptied."""
        self.made.flush_bells()
        return ""

    def ring(self) -> str:
        """Every run twenty times."""
        self.made.do("ring", times=20)
        return ""

    def harm_road(self) -> str:
        """The road to one provider: late, cut, swallowed or closed for some seconds."""
        road, kind = self.dice.choice(self.roads), self.dice.choice(["late", "reset", "blackhole", "cut", "closed"])
        seconds = self.dice.uniform(0.5, 4)
        match kind:
            case "late":
                road.latency = 0.1
            case "reset":
                road.reset()
            case "blackhole":
                road.blackhole()
            case "cut":
                road.cut_after = self.dice.randint(300, 3000)
            case "closed":
                road.shut()
        time.sleep(seconds)
        if kind == "closed":
            road.open()
        road.heal()
        return f"{kind}, {seconds:.1f} s"

    def api_rule(self, number: int, addresses: Any) -> ApiReply | None:
        """What the API does at the moment; used up by one call."""
        harm, self.harm = self.harm, ""
        match harm if time.monotonic() < self.harmed_until else "":
            case "429":
                return ApiReply(429, headers={"Retry-After": "3"})
            case "500":
                return ApiReply(500)
            case "500 taken":
                return ApiReply(500, taken=True)
            case "close":
                return ApiReply(close=True)
            case "close taken":
                return ApiReply(taken=True, close=True)
        return None

    def harm_api(self) -> str:
        """The API's next call, if it comes soon: an account that rests is not met by it at each of its tries."""
        self.harmed_until = time.monotonic() + HARM_LASTS
        self.harm = self.dice.choice(["429", "500", "500 taken", "close", "close taken"])
        return self.harm

    def harm_database(self) -> str:
        """SQLite: somebody holds the file for some seconds. PostgreSQL: every session is ended."""
        if self.made.profile.database:
            import psycopg

            name = self.made.env["DATABASE_URL"].rsplit("/", 1)[1]
            with psycopg.connect(os.environ[POSTGRES], autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            return "sessions ended"
        seconds = self.dice.uniform(0.5, 6)
        held = sqlite3.connect(self.made.home / "almanac.sqlite3", timeout=30, isolation_level=None)
        try:
            held.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            held.execute("ROLLBACK")
        finally:
            held.close()
        return f"locked for {seconds:.1f} s"

    # --- people and news

    def person(self) -> str:
        """Somebody presses something."""
        verb = self.dice.choice(["pause", "resume", "release", "cancel", "unsubscribe", "import"])
        if verb == "unsubscribe":
            number = self.dice.randrange(PEOPLE)
            self.made.do("unsubscribe_one", external_id=f"c{number}")
            return f"unsubscribes c{number}"
        if verb == "import":
            self.newcomers += 1
            self.made.do("add_people", count=5, prefix=f"n{self.newcomers}-")
            return "imports 5"
        states = self.made.do("states")
        fitting = {"pause": "live", "resume": "paused", "release": "held", "cancel": "live"}[verb]
        candidates = [key for key in self.publications if states[key] == fitting]
        if not candidates or (verb == "cancel" and self.dice.random() < 0.7):
            return f"would {verb}, has nothing"
        self.made.do("verb", publication=self.dice.choice(candidates), name=verb)
        return verb

    def tell(self) -> str:
        """SendGrid posts what it has to tell, some of it twice."""
        ready = len(self.api.events)
        batch = self.api.events[self.told : ready] + self.dice.choices(self.api.events, k=5) if ready else []
        self.dice.shuffle(batch)
        for begin in range(0, len(batch), 200):
            body, headers = self.api.signed(batch[begin : begin + 200])
            status = self.made.do(
                "hook", account=self.accounts[1], body=base64.b64encode(body).decode(), headers=headers
            )
            if status != 200:
                return f"{status}"
        self.told = ready
        return f"{len(batch)}"

    # --- the end

    def heal(self) -> None:
        """No fault any more, and one of everything."""
        self.say("healed")
        self.harm = ""
        for road in self.roads:
            road.heal()
        self.made.kill_everything()
        self.made.up()

    def finish(self) -> None:
        """Resume and release, until everything is through."""

        def through() -> bool:
            states = self.made.do("states")
            for key in self.publications:
                if states[key] in {"paused", "held"}:
                    if self.made.state(key)["reason"] == "installation":
                        self.problems.append("a healthy installation was held as a copy")
                        self.made.do("confirm")
                    try:
                        self.made.do("verb", publication=key, name="resume" if states[key] == "paused" else "release")
                    except ConsoleError as error:
                        self.say(str(error))
            return not [key for key in self.publications if states[key] in OPEN]

        try:
            wait_until(through, END_WITHIN, "everything to be through", 1.0)
        except AssertionError as error:
            left = {key: state for key, state in self.made.do("states").items() if state in OPEN}
            self.problems.append(f"{error}: {left}")
        self.tell()
        had = {one.ref for one in self.api.record.read()}
        try:
            wait_until(
                lambda: not [row for row in in_doubt(self.made.do("ledger")) if row["ref"] in had],
                60,
                "the events to settle what the API has taken",
                1.0,
            )
        except AssertionError as error:
            self.problems.append(str(error))

    def judge(self) -> None:
        """Record against ledger."""
        taken = [*self.mail.record.read(), *self.api.record.read()]
        self.rows = self.made.do("ledger")
        self.problems += unexplained(taken, self.rows)
        self.problems += [f"audit: {violation}" for violation in self.made.do("audit")]


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="sqlite")
    parser.add_argument(
        "--cold", action="store_true", help="every process loads everything itself, as in an installation"
    )
    parser.add_argument("--keep-log", type=Path, help="copy the processes' log here at the end")
    given = parser.parse_args(argv)
    if missing := PROFILES[given.profile].missing:
        parser.error(f"{given.profile} needs {missing}")
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="almanac-soak-") as folder, ExitStack() as stack:
        made = stack.enter_context(place(Path(folder) / "home", given.profile, cold=given.cold))
        soak = Soak(made, Path(folder), stack, given.seed)
        try:
            soak.run(given.minutes)
        except AssertionError as error:
            soak.problems.append(str(error))
        problems = soak.problems
        if given.keep_log:
            given.keep_log.write_bytes(made.logged.read_bytes())
    for problem in problems[:30]:
        print(f"PROBLEM {problem}")
    states = Counter(row["state"] for row in soak.rows)
    print(
        f"soak {given.profile} seed {given.seed}: {len(soak.publications)} publications, {len(soak.rows)} deliveries "
        f"({', '.join(f'{count} {state}' for state, count in sorted(states.items()))}), "
        f"{soak.mail.total + soak.api.total} taken, {sum(soak.counts.values())} faults, {len(problems)} unexplained",
        flush=True,
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
