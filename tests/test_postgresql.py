"""Everything that speaks to a database, once more on the real PostgreSQL: a run of its own beside the first one."""

import os
import subprocess
import sys
import tempfile

import pytest
from django.conf import settings

ONCE_IS_ENOUGH = "not browser and not slow and not postgres and not rabbitmq and not redis"
FOLDERS = ("tests/unit", "tests/admin", "tests/integration")


class Half:
    """The second run: begun when the first has collected its tests, and asked for its answer at the end."""

    def __init__(self) -> None:
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by end()
        # The one on screen goes first: its browser and its processes have clocks to keep.
        command = ["nice", "-n", "5", sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        self.process = subprocess.Popen(
            [*command, "-m", ONCE_IS_ENOUGH, *FOLDERS],
            cwd=settings.BASE_DIR,
            env={**os.environ, "ALMANAC_TEST_DATABASE": "postgres"},
            stdout=self.said,
            stderr=subprocess.STDOUT,
        )

    def answer(self) -> tuple[int, str]:
        """Its exit code and the end of its words."""
        code = self.process.wait()
        self.said.seek(0)
        return code, self.said.read()[-10_000:]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.said.close()


@pytest.mark.postgres
@pytest.mark.slow
def test_the_suite_passes_on_postgresql_too(second_half):
    code, said = second_half.answer()
    assert code == 0, said
    assert " passed" in said
