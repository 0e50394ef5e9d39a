"""``python -m tests.upgrades NAME DATABASE.sqlite3``: keep the state of a database to upgrade from."""

import sys
from pathlib import Path

from tests.upgrades import dump

dump(sys.argv[1], Path(sys.argv[2]))
