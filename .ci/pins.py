"""Keeps the pinned list in pyproject.toml equal to what uv resolves: ``python .ci/pins.py --check`` or ``--write``.

`uv.lock` names registry addresses and is not committed; the whole tree is pinned by name and version instead, in
``[tool.uv] constraint-dependencies``. ``requirements.txt`` holds the run-time part with every extra and with hashes, for images.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "pyproject.toml"
REQUIREMENTS = ROOT / "requirements.txt"
BEGIN, END = "# --- pins: written by .ci/pins.py ---", "# --- end of pins ---"


def export(*options: str) -> str:
    """What uv would install."""
    command = ["uv", "export", "--quiet", "--no-header", "--no-emit-project", "--no-annotate", *options]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def resolved() -> list[str]:
    """Every distribution of every group, as ``name==version ; marker``."""
    return sorted(
        line.strip() for line in export("--all-groups", "--all-extras", "--no-hashes").splitlines() if "==" in line
    )


def pinned() -> list[str]:
    """The list as it stands."""
    return tomllib.loads(PROJECT.read_text())["tool"]["uv"].get("constraint-dependencies", [])


def runtime() -> str:
    """The run-time tree, with every extra, with hashes."""
    head = "# Written by .ci/pins.py: the run-time tree, with every extra, with hashes.\n"
    return head + export("--no-default-groups", "--all-extras")


def write() -> None:
    """Resolve anew (pins first removed) and store the result."""
    text = PROJECT.read_text()
    block = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}\n", re.DOTALL)
    PROJECT.write_text(block.sub("", text))
    lines = "".join(f'    "{line.replace(chr(34), chr(39))}",\n' for line in resolved())
    pins = f"{BEGIN}\nconstraint-dependencies = [\n{lines}]\n{END}\n"
    text = block.sub("", text)
    PROJECT.write_text(text.replace("[tool.uv]\n", f"[tool.uv]\n{pins}", 1))
    REQUIREMENTS.write_text(runtime())


def check() -> int:
    """Say what differs; the exit code."""
    have, want = {line.replace("'", '"') for line in pinned()}, {line.replace("'", '"') for line in resolved()}
    for line in sorted(want - have):
        print(f"not pinned: {line}")
    for line in sorted(have - want):
        print(f"pinned but not used: {line}")
    stale = REQUIREMENTS.read_text() != runtime()
    if stale:
        print("requirements.txt is not what uv exports")
    return int(have != want or stale)


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    sys.exit(check())
