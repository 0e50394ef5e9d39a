"""``python -m tests.faults.memory [--deliveries 200000]``: a worker's memory stays flat.

Sends through a production worker to a counting server and reads the worker's resident memory all the while. Prints a line
every tenth, and ends with 1 when the memory at the end lies more than 20 MB above the level after the first tenth, or when
the server's record and the ledger do not fit.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.harness.compare import check
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import place

ALLOWED = 20 * 1024 * 1024


def resident(pid: int) -> int:
    """Bytes of the process that are in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(folder: Path, deliveries: int, *, seconds: float) -> list[int]:
    """Resident memory of one worker after each tenth of so many deliveries."""
    levels: list[int] = []
    with MailServer(folder, delay=0.0) as server, place(folder / "home") as made:
        made.do("set_up", people=deliveries)
        made.do("publish", account=made.do("account", provider="smtp", settings=server.settings))
        made.up(workers=1)
        end = time.monotonic() + seconds
        for tenth in range(1, 11):
            while server.total < deliveries * tenth // 10:
                assert time.monotonic() < end, f"stuck at {server.total} of {deliveries}"
                time.sleep(0.05)
            levels.append(resident(made.workers[0].pid))
            print(f"{server.total:>8} sent: {levels[-1] / 1024 / 1024:.1f} MB", flush=True)
        made.wait_for_state("done")
        assert check(made, server)["ledger"]["accepted"] == deliveries
    return levels


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.memory", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long it may take")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="almanac-memory-") as folder:
        levels = measure(Path(folder), given.deliveries, seconds=given.seconds)
    grown = levels[-1] - levels[0]
    print(f"grown by {grown / 1024 / 1024:.1f} MB since the first tenth (allowed: 20)")
    return int(grown > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
