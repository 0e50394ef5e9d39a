"""Everything that speaks to a database, once more on the real PostgreSQL."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

ONCE_IS_ENOUGH = "not browser and not slow and not postgres and not rabbitmq and not redis"
FOLDERS = ("tests/unit", "tests/admin", "tests/integration")


@pytest.mark.postgres
@pytest.mark.slow
def test_the_suite_passes_on_postgresql_too():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", ONCE_IS_ENOUGH, *FOLDERS],
        cwd=settings.BASE_DIR,
        env={**os.environ, "ALMANAC_TEST_DATABASE": "postgres"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
