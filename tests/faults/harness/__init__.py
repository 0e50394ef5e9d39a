"""What the fault suite is built of: places (installations), fakes that count, a proxy that harms, and the comparison."""

import os

# Commands such as `python -m tests.faults.soak` run without pytest; `config.processes` asks where the checkout is.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
