"""What the fault suite is built of: places (installations), fakes that count, a proxy that harms, and the comparison."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "DJANGO_SETTINGS_MODULE" not in os.environ:
    # Commands such as `python -m tests.faults.soak` run without pytest; `config.processes` asks where the checkout is.
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    atexit.register(shutil.rmtree, Path(tempfile.gettempdir()) / f"almanac-tests-{os.getpid()}", ignore_errors=True)
