"""``python -m tests.faults.kills --deliveries 10000 --kills 100 [--profile …] [--provider sendgrid|smtp] [--seed N]``

So many deliveries while so many workers are killed with SIGKILL, at random counts of what the provider has taken. Over the
API events are on: SendGrid's signed webhook is called as SendGrid calls it, in batches, some of them twice.

It ends with the provider's record against the ledger: 0 twice, 0 lost, in doubt only what was in flight, and after the events
none that the provider has taken. What remains in doubt the provider never had: with events on, a person sends it again, and
then everybody has it exactly once. Exit code 0 when all of that held.
"""

import argparse
import random
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.harness.api import ApiServer, Teller
from tests.faults.harness.compare import in_doubt, unexplained
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import PROFILES, ConsoleError, Place, place, wait_until
from tests.installation import free_port

WORKERS = 2
THREADS = 4
BATCH = 10
CONNECTIONS = 2
GOES_ON_WITHIN = 60.0


def say(words: str) -> None:
    """A line, at once."""
    print(words, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="sqlite")
    parser.add_argument("--provider", choices=["sendgrid", "smtp"], default="sendgrid")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument(
        "--cold", action="store_true", help="every process loads everything itself, as in an installation"
    )
    given = parser.parse_args(argv)
    if missing := PROFILES[given.profile].missing:
        parser.error(f"{given.profile} needs {missing}")
    say(f"seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="almanac-kills-") as folder, ExitStack() as stack:
        port = free_port()
        env = {"ALMANAC_BASE_URL": f"http://127.0.0.1:{port}"} if given.profile == "sqlite" else {}
        made = stack.enter_context(place(Path(folder) / "home", given.profile, env=env, cold=given.cold))
        figures = Figures()
        try:
            run(made, Path(folder), stack, given, port, figures)
        except (AssertionError, ConsoleError) as error:
            figures.problems.append(str(error))
    for problem in figures.problems[:20]:
        say(f"PROBLEM {problem}")
    say(figures.line(given))
    return 1 if figures.problems else 0


@dataclass(slots=True)
class Figures:
    """What came of it, as far as it went."""

    gaps: list[float] = field(default_factory=list)
    twice: int = 0
    lost: int = 0
    in_doubt: list[int] = field(default_factory=list)
    """At the end of sending, after the events, and when a person had the rest sent again."""
    problems: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def line(self, given: argparse.Namespace) -> str:
        """The closing line."""
        doubts = ", ".join(
            f"{count} in doubt {when}"
            for count, when in zip(
                self.in_doubt, ("at the end of sending", "after the events", "after a person"), strict=False
            )
        )
        return (
            f"kills {given.profile} {given.provider} seed {given.seed}: {given.deliveries} deliveries, {len(self.gaps)} kills, "
            f"{self.twice} twice, {self.lost} lost, {doubts or 'not through'}; longest pause after a kill "
            f"{max(self.gaps, default=0):.1f} s; {time.monotonic() - self.begun:.0f} s; {len(self.problems)} problems"
        )


def run(made: Place, folder: Path, stack: ExitStack, given: argparse.Namespace, port: int, figures: Figures) -> None:
    """The whole of it; `figures` says what came of it."""
    fake: Any
    if given.provider == "sendgrid":
        fake = stack.enter_context(ApiServer(folder, delay=0.25))
        settings = {**fake.settings, "batch_size": BATCH}
        in_the_air = THREADS * BATCH
    else:
        fake = stack.enter_context(MailServer(folder, delay=0.02))
        settings = fake.settings
        in_the_air = THREADS * CONNECTIONS * 2
    made.do("set_up", people=given.deliveries)
    account = made.do("account", provider=given.provider, settings=settings)
    publication = made.do("publish", account=account)
    teller = None
    if given.provider == "sendgrid":
        made.start_web(port)
        teller = Teller(fake, f"http://127.0.0.1:{port}/hooks/{account}/", {"X-Forwarded-Proto": "https"})
        teller.start()
    made.up(workers=WORKERS)
    figures.begun = time.monotonic()
    kill(made, fake, given, figures.gaps)
    problems = figures.problems
    problems += [f"it took {gap:.0f} s to go on after a kill" for gap in figures.gaps if gap > GOES_ON_WITHIN]
    end = finish(made, publication)
    figures.in_doubt.append(len(in_doubt(end["rows"])))
    if teller is not None:
        teller.stop()
        say(f"{teller.told} events told")
        end = settled(made, fake, publication)
        figures.in_doubt.append(len(in_doubt(end["rows"])))
    problems += judge(made, fake, end, given, in_the_air)
    if teller is not None and (left := len(in_doubt(end["rows"]))):
        say(f"{left} the provider never had: a person sends them again")
        made.do("doubts_again", publication=publication)
        end = finish(made, publication)
        figures.in_doubt.append(len(in_doubt(end["rows"])))
        problems += unexplained(fake.record.read(), made.do("ledger"))
        if end["ledger"]["accepted"] != given.deliveries:
            problems.append(f"{end['ledger']} after everything was settled")
    copies = fake.record.addresses
    figures.twice = sum(1 for times in copies.values() if times > 1)
    figures.lost = sum(1 for row in end["rows"] if row["state"] == "accepted" and not copies[row["address"]])


def kill(made: Place, fake: Any, given: argparse.Namespace, gaps: list[float]) -> None:
    """Kill a worker at each of so many counts; `gaps` takes how long each time nothing came."""
    dice = random.Random(given.seed)
    counts = sorted(dice.sample(range(20, max(given.deliveries - 100, given.kills + 21)), given.kills))
    for number, count in enumerate(counts, 1):
        wait_until(lambda count=count: fake.total >= count, GOES_ON_WITHIN * 2, f"{count} messages", 0.005)
        made.kill(dice.choice(made.workers))
        killed, before = time.monotonic(), fake.total
        made.start_worker()
        # What was in the dead worker's sockets comes within a moment: going on means more than that.
        more = min(before + THREADS * BATCH + 1, given.deliveries - 60)
        wait_until(lambda more=more: fake.total >= more, GOES_ON_WITHIN * 2, "going on", 0.005)
        gaps.append(time.monotonic() - killed)
        if number % 10 == 0:
            say(f"{number} kills, {fake.total} taken, longest pause {max(gaps):.1f} s")


def finish(made: Place, publication: str) -> dict[str, Any]:
    """Wait for the end; what is held because much is in doubt is released, as a person would who has looked."""
    while True:
        end = made.wait_for_state("done", "held", publication=publication, seconds=300)
        if end["state"] == "done":
            return end
        say(f"held: {end['reason']}; released")
        made.do("verb", publication=publication, name="release")


def settled(made: Place, fake: Any, publication: str) -> dict[str, Any]:
    """Wait until the events have settled everything that the provider has taken."""
    had = {one.ref for one in fake.record.read()}

    def proven() -> dict[str, Any] | None:
        now = made.state(publication)
        return None if [row for row in in_doubt(now["rows"]) if row["ref"] in had] else now

    found: dict[str, Any] = wait_until(proven, 120, "the events to settle every doubt", 0.5)
    return found


def judge(made: Place, fake: Any, end: dict[str, Any], given: argparse.Namespace, in_the_air: int) -> list[str]:
    """What is wrong at the end."""
    problems = unexplained(fake.record.read(), made.do("ledger"))
    problems += [str(violation) for violation in made.do("audit")]
    ledger = end["ledger"]
    if ledger["targeted"] != given.deliveries or ledger["accepted"] + ledger["unknown"] != given.deliveries:
        problems.append(f"the ledger is {ledger}")
    if ledger["unknown"] > given.kills * in_the_air:
        problems.append(f"{ledger['unknown']} in doubt, more than {given.kills} kills can leave in flight")
    return problems


if __name__ == "__main__":
    sys.exit(main())
