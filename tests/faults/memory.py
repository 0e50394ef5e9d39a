"""`python -m tests.faults.memory [--deliveries 200000] [--profile embedded]`: a worker's memory stays flat.

Sends through a production worker to a counting server and reads the worker's resident memory all the while. Prints a line
every tenth, and ends with 1 when the memory at the end lies more than 20 MB above the level after the first tenth.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")

ALLOWED = 20 * 1024 * 1024


def resident(pid: int) -> int:
    """Bytes of the process that are in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(home: Path, deliveries: int, *, seconds: float, env: dict[str, str] | None = None) -> list[int]:
    """Resident memory of one worker after each tenth of so many deliveries."""
    from tests.faults.bare import SET_UP, Place
    from tests.faults.counting import CountingServer

    base = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_BASE_URL": "http://127.0.0.1:8000",
    }
    place = Place(home, {**base, **(env or {})})
    place.manage("migrate", "--verbosity", "0")
    levels: list[int] = []
    with CountingServer() as server:
        set_up = SET_UP.format(count=deliveries, port=server.port)
        place.manage("shell", "--no-imports", "-c", set_up, timeout=3600)
        place.scheduler = place.start_scheduler()
        place.workers = [place.start_worker(0)]
        end = time.monotonic() + seconds
        try:
            for tenth in range(1, 11):
                while server.total < deliveries * tenth // 10:
                    assert time.monotonic() < end, f"stuck at {server.total} of {deliveries}"
                    time.sleep(0.05)
                levels.append(resident(place.workers[0].pid))
                print(f"{server.total:>8} sent: {levels[-1] / 1024 / 1024:.1f} MB", flush=True)
        finally:
            place.down()
    return levels


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=3600.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        levels = measure(Path(folder), given.deliveries, seconds=given.seconds)
    grown = levels[-1] - levels[0]
    print(f"grown by {grown / 1024 / 1024:.1f} MB since the first tenth (allowed: 20)")
    return int(grown > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
