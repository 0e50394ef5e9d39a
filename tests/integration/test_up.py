"""`manage.py up`: children that are born with everything imported, under a supervisor that holds nothing."""

import os
import signal
from pathlib import Path

import pytest

from tests.installation import installation, wait_until

pytestmark = pytest.mark.slow


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def megabytes(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells of shared memory")
def test_up_shares_what_it_imported_and_starts_again_what_dies(tmp_path):
    with installation(tmp_path / "home", workers=1) as place:
        boss = place.process.pid
        assert b"config.supervisor" in Path(f"/proc/{boss}/cmdline").read_bytes()
        assert megabytes(boss, "Rss") < 40
        born = children_of(boss)
        assert len(born) == 3 + place_webs() - 1
        assert sum(megabytes(pid, "Pss") for pid in born) < 0.75 * sum(megabytes(pid, "Rss") for pid in born)
        assert place.anonymous().ask("GET", "/healthz").status == 200
        os.kill(born[0], signal.SIGKILL)  # the first one is a web process
        wait_until(lambda: "starting it again" in place.output.read_text(), 30, "the supervisor to tell")
        wait_until(lambda: answers(place), 60, "the web process to be back")


def place_webs() -> int:
    from django.conf import settings

    return settings.ALMANAC_WEB_PROCESSES


def answers(place) -> bool:
    try:
        return place.anonymous().ask("GET", "/healthz").status == 200
    except OSError:
        return False
